import pytest
import torch

from semsyn import Style
from semsyn.errors import InputError
from semsyn.generator.painter import stem_size
from tests.models.cases import make_generator, make_layout


def test_sizes_that_fit_no_stem() -> None:
    assert stem_size((64, 128), (1, 2, 32)) == (2, 4)
    with pytest.raises(InputError, match=r"100 x 30 \(height x width\).*multiples of 32; the nearest size is 96 x 32"):
        stem_size((100, 30), (1, 2, 32))
    with pytest.raises(InputError, match="nearest size is 32 x 32"):
        stem_size((0, 32), (1, 32))


def test_a_pyramid_tells_what_its_parts_need() -> None:
    painter = make_generator("clade-icpe").painter
    assert painter.reads == ("class_ids", "edges", "offsets") and painter.codes == ()
    assert painter.multiple == 32 and painter.has_free_size
    assert painter.sizes((64, 96)) == tuple((2 * s, 3 * s) for s in painter.scales)
    latent = make_generator("spade-vae").painter
    assert [spec.name for spec in latent.codes] == ["start"] and not latent.has_free_size


@torch.no_grad()
def test_it_paints_with_what_is_ready_or_without() -> None:
    generator = make_generator("spade-edges")
    layout = make_layout(generator)
    conditions = generator.conditioner.prepare(layout, generator.sizes()).conditions
    painter = generator.painter
    expected = painter(conditions, Style({}))
    calls = []
    for stage in painter.stages:
        for norm in stage.norms().values():
            norm.modulate = lambda *args, of=norm.modulate: calls.append(1) or of(*args)
    ready = painter.prepare(conditions)
    count = len(calls)
    assert torch.equal(painter(conditions, Style({}), ready), expected)
    assert len(calls) == count == sum(len(stage.norms()) for stage in painter.stages)
    assert painter.prepare(conditions, ("class_ids",)) == ({},) * len(painter.stages)
