"""Codes of classes, painted per level."""

import pytest
import torch
import torch.nn.functional as F

from semsyn.errors import InputError
from semsyn.nn import SPADE, ClassConditioner
from semsyn.records.codes import Codes
from semsyn.records.condition import Condition
from semsyn.records.layout import Layout
from semsyn.records.style import Style

CLASSES, DIM, SIZES = 3, 4, ((4, 4), (8, 8), (32, 32), (32, 32))
LEVELS = (2, 1, 0, None)


def make(**options) -> tuple[ClassConditioner, Layout, Style]:
    torch.manual_seed(0)
    ids = torch.zeros(2, 64, 64, dtype=torch.int64)
    ids[0, :32, :32], ids[0, 32:] = 2, 3  # 3 is no class
    ids[1, :, 32:] = 1
    conditioner = ClassConditioner(CLASSES, DIM, LEVELS, **options)
    return conditioner, Layout(class_ids=ids), Style({"classes": Codes(table=torch.randn(2, 4, 3, DIM), per="class")})


def painted(conditioner: ClassConditioner, layout: Layout, style: Style, stage: int) -> torch.Tensor:
    """The planes that a stage reads, whatever stands for them."""
    cond = conditioner.bind(conditioner.prepare(layout, SIZES), style)[stage]
    if cond.planes is not None:
        return cond.planes
    assert cond.regions is not None and cond.regions.codes is not None and cond.regions.code_ids is not None
    return cond.regions.codes[cond.regions.code_ids][cond.regions.ids].movedim(-1, 1)


@pytest.mark.parametrize("window", [None, 3])
def test_a_pixel_has_the_embedding_and_the_code_of_its_class(window: int | None) -> None:
    conditioner, layout, style = make(window=window)
    for stage, level in enumerate(LEVELS[:3]):
        planes = painted(conditioner, layout, style, stage)
        h, w = SIZES[stage]
        assert planes.shape == (2, DIM, h, w)
        for n, y, x in ((0, 0, 0), (0, 0, w - 1), (1, h - 1, 0), (1, 0, w - 1)):
            k = int(layout.class_ids[n, y * 64 // h, x * 64 // w])
            expected = conditioner.embedding.weight[k] + style["classes"].table[n, k, level]
            torch.testing.assert_close(planes[n, :, y, x], expected)
        assert not planes[0, :, h - 1].any(), "no class, no code"


def test_windows_are_found_where_they_pay_and_images_have_their_own() -> None:
    conditioner, layout, style = make(window=3)
    conditions = conditioner.bind(conditioner.prepare(layout, SIZES), style)
    assert [cond.has_windows for cond in conditions] == [False, False, True, True]
    coded, plain = conditions[2].regions, conditions[3].regions
    assert coded is not None and coded.images is not None and plain is not None and plain.images is None
    assert conditions[3].planes is None and conditions[3].class_ids is not None


def test_a_layer_reads_either_form_alike() -> None:
    layer = SPADE(5, 0, num_planes=DIM, hidden=6).eval()
    x, results = torch.randn(2, 5, 32, 32), []
    for window in (None, 3):
        conditioner, layout, style = make(window=window)
        with torch.no_grad():
            results.append(layer(x, conditioner.bind(conditioner.prepare(layout, SIZES), style)[2]))
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-5)


def test_windows_without_codes_stand_for_no_planes() -> None:
    conditioner, layout, _ = make(window=3)
    bare = conditioner.prepare(layout, SIZES).conditions[3]
    layer, x, planes = (
        SPADE(5, 0, num_planes=DIM, hidden=6).eval(),
        torch.randn(2, 5, 32, 32),
        torch.randn(2, DIM, 32, 32),
    )
    with pytest.raises(InputError, match="planes"):
        layer(x, bare)
    given = Condition(class_ids=bare.class_ids, planes=planes, regions=bare.regions)
    torch.testing.assert_close(layer(x, given), layer(x, Condition(planes=planes)))


def test_as_released_the_map_shrinks_in_two_steps() -> None:
    ids = torch.arange(85)[None, :, None].expand(1, 85, 64) % 3
    maps = {}
    for as_released in (False, True):
        conditioner = make(as_released=as_released)[0]
        maps[as_released] = conditioner.prepare(Layout(class_ids=ids.contiguous()), SIZES).conditions[2].class_ids
    halved = F.interpolate(ids[:, None].float(), (42, 32), mode="nearest")
    expected = F.interpolate(halved, (32, 32), mode="nearest")[:, 0].long()
    assert torch.equal(maps[True], expected) and not torch.equal(maps[False], expected)


def test_what_does_not_fit_is_told() -> None:
    conditioner, layout, style = make()
    prepared = conditioner.prepare(layout, SIZES)
    with pytest.raises(InputError, match="lacks"):
        conditioner.bind(prepared, Style({}))
    with pytest.raises(InputError, match="of 2 pictures must be"):
        conditioner.bind(prepared, style[:1])
    few = Style({"classes": Codes(table=style["classes"].table[:, :2], per="class")})
    with pytest.raises(InputError, match="2 rows, but there are 3 classes"):
        conditioner.bind(prepared, few)


def test_gradients_reach_the_embedding_of_classes_that_are_there() -> None:
    conditioner, layout, style = make(window=3)
    sum(painted(conditioner, layout, style, stage).sum() for stage in range(3)).backward()
    grad = conditioner.embedding.weight.grad
    assert grad is not None and grad.all()
