from collections.abc import Callable

import pytest
import torch

from semsyn import Codes, Layout, Style
from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.nn.conditioning import windows
from semsyn.nn.conditioning.noise import NoiseConditioner

MakeLayout = Callable[[tuple[str, ...]], Layout]
Sizes = tuple[tuple[int, int], ...]

SHAPES = {"image": (2, 1, 5), "class": (2, 5, 5), "instance": (2, 4, 5), "region": (2, 3, 5), "pixel": (2, 5, 9, 14)}


def make_noise(per: str, layout: Layout) -> Codes:
    """Noise for a layout, which knows its pixels."""
    rng = torch.Generator().manual_seed(4)
    ids = torch.randint(3, layout.class_ids.shape, generator=rng) if per == "region" else None
    codes = Codes(table=torch.randn(SHAPES[per], generator=rng), per=per, ids=ids)
    return codes if per == "image" else codes.on(layout)


@pytest.mark.parametrize("per", SHAPES)
def test_noise_becomes_planes_at_every_size(per: str, make_layout: MakeLayout, sizes: Sizes) -> None:
    conditioner, layout = NoiseConditioner(5), make_layout(("instance_ids",))
    noise = make_noise(per, layout)
    prepared = conditioner.prepare(layout, sizes)
    assert all(cond.planes is None for cond in prepared.conditions)
    conditions = conditioner.bind(prepared, Style({"noise": noise}))
    assert [cond.size for cond in conditions] == list(sizes)
    for cond in conditions:
        assert not cond.missing(conditioner.writes)
        assert torch.equal(cond.class_ids, resize_ids(layout.class_ids, cond.size))
        assert torch.equal(cond.planes, resize_ids(noise.dense((9, 14)), cond.size))


@pytest.mark.parametrize("per", SHAPES)
def test_where_windows_are_few_noise_is_codes_of_regions(
    per: str, make_layout: MakeLayout, sizes: Sizes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "MIN_PIXELS", 1)
    monkeypatch.setattr(windows, "MAX_SHARE", 1000.0)
    conditioner, layout = NoiseConditioner(5, window=3), make_layout(("instance_ids",))
    noise = make_noise(per, layout)
    first, *others = conditioner.bind(conditioner.prepare(layout, sizes), Style({"noise": noise}))
    assert first.planes is not None, "which the stem reads"
    for cond in others:
        planes = resize_ids(noise.dense((9, 14)), cond.size)
        if per == "pixel":
            assert torch.equal(cond.planes, planes) and cond.regions is None
            continue
        assert cond.planes is None and cond.has_windows
        codes = cond.regions.codes[cond.regions.code_ids]
        assert torch.equal(codes[cond.regions.ids].movedim(-1, 1), planes)
        assert torch.equal(cond.regions.class_ids[cond.regions.ids], cond.class_ids)


def test_bare_noise_of_classes_lies_where_they_are(make_layout: MakeLayout, sizes: Sizes) -> None:
    conditioner, layout = NoiseConditioner(5), make_layout(("instance_ids",))
    prepared = conditioner.prepare(layout, sizes)
    table = make_noise("class", layout).table
    bare, placed = (
        conditioner.bind(prepared, Style({"noise": codes}))
        for codes in (Codes(table=table, per="class"), make_noise("class", layout))
    )
    assert all(torch.equal(a.planes, b.planes) for a, b in zip(bare, placed, strict=True))
    with pytest.raises(InputError, match="noise per instance must know its pixels here: give codes.on"):
        conditioner.bind(prepared, Style({"noise": Codes(table=table[:, :4], per="instance")}))


def test_noise_must_be_there_and_fit(make_layout: MakeLayout, sizes: Sizes) -> None:
    conditioner = NoiseConditioner(5)
    prepared = conditioner.prepare(make_layout(()), sizes)
    with pytest.raises(InputError, match="codes 'noise', which the style lacks.*sample_style"):
        conditioner.bind(prepared, Style({}))
    wrong = {
        "n 5": [Codes(table=torch.zeros(1, 1, 5)), Codes(table=torch.zeros(2, 1, 4))],
        "n 5 h w": [Codes(table=torch.zeros(2, 3, 9, 14), per="pixel")],
    }
    for axes, found in wrong.items():
        for codes in found:
            with pytest.raises(InputError, match=f"codes 'noise' of 2 pictures must be {axes}, found a table"):
                conditioner.bind(prepared, Style({"noise": codes}))
