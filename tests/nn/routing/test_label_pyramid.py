"""The label pyramid is the dense one, level by level, and dense only where it must be."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.nn import PositionMaps
from semsyn.nn.routing.label_pyramid import LabelLevel, label_pyramid
from semsyn.testing.golden.case import Case
from semsyn.testing.plain.maps import one_hot
from semsyn.testing.plain.scgan import plain_pyramid
from semsyn.testing.replays.scgan_routing import inputs_of, make_network

CLASSES, LEVELS = 7, 5
POSITIONS = {
    "none": None,
    "full size": PositionMaps(),
    "full size, two relative steps": PositionMaps(size=5, sigma=1.0, steps=2, relative=True),
    "one level": PositionMaps(levels=1),
    "three levels": PositionMaps(levels=3),
    "more levels than there are": PositionMaps(levels=9, size=5),
    "three levels, two steps": PositionMaps(levels=3, size=3, sigma=0.8, steps=2),
}


def make_maps(size: tuple[int, int] = (32, 48)) -> dict[str, Any]:
    """Ids in blocks, without the classes 1 and 5, "no class" among them; borders; two planes."""
    rng = torch.Generator().manual_seed(0)
    ids = torch.tensor([0, 2, 3, 4, 6, CLASSES])[torch.randint(6, (2, 8, 12), generator=rng)]
    ids = ids.repeat_interleave(size[0] // 8, 1).repeat_interleave(size[1] // 12, 2)
    noise = torch.rand(ids.shape, generator=rng)
    edges = torch.rand(ids.shape, generator=rng) < 0.2
    return {
        "class_ids": ids.where(noise < 0.9, 3),
        "edges": edges,
        "planes": torch.randn(2, 2, *size, generator=rng),
    }


@pytest.mark.parametrize("fields", ["class_ids", "class_ids edges", "class_ids edges planes", "planes", "edges"])
@pytest.mark.parametrize("name", POSITIONS)
def test_it_is_the_dense_pyramid(name: str, fields: str) -> None:
    maps = {key: tensor for key, tensor in make_maps().items() if key in fields.split()}
    classes = CLASSES if "class_ids" in maps else 0
    levels = label_pyramid(maps.pop("class_ids", None), LEVELS, classes, positions=POSITIONS[name], **maps)
    # The dense form knows borders behind everything else, ours in front of other planes.
    edges, planes = maps.get("edges"), maps.get("planes")
    dense = [one_hot(make_maps()["class_ids"], CLASSES)] if classes else []
    dense += [t for t in (planes, None if edges is None else edges[:, None].float()) if t is not None]
    expected = plain_pyramid(torch.cat(dense, 1), LEVELS, positions=POSITIONS[name], has_edges=edges is not None)
    for level, theirs in zip(levels, expected, strict=True):
        if edges is not None and planes is not None:
            theirs = torch.cat([theirs[:, :classes], theirs[:, -1:], theirs[:, classes:-1]], dim=1)
        torch.testing.assert_close(level.dense(classes), theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", POSITIONS)
def test_ids_stay_ids_where_they_can(name: str) -> None:
    positions = POSITIONS[name]
    levels = label_pyramid(make_maps()["class_ids"], LEVELS, CLASSES, positions=positions)
    is_nearest = positions is not None and positions.levels is not None
    for level in levels if is_nearest else levels[-1:]:
        assert level.class_ids is not None and level.shares is None
    for level in () if is_nearest else levels[:-1]:
        assert level.class_ids is None and level.shares is not None
        assert level.classes is not None and level.classes.tolist() == [0, 2, 3, 4, 6], "classes that occur"
        assert level.shares.shape[1] == 5


def test_means_of_ids_are_exact() -> None:
    ids = make_maps()["class_ids"]
    for depth, level in enumerate(reversed(label_pyramid(ids, LEVELS, CLASSES))):
        counts = level.dense(CLASSES) * 4**depth
        assert torch.equal(counts, counts.round())
        assert torch.equal(counts.sum((2, 3)), one_hot(ids, CLASSES).sum((2, 3)))


def test_a_map_without_any_class_is_empty_at_every_level() -> None:
    for level in label_pyramid(torch.full((1, 16, 16), CLASSES), LEVELS, CLASSES):
        assert level.dense(CLASSES).shape[1] == CLASSES and not level.dense(CLASSES).any()


@pytest.mark.parametrize("name", ["none", "three levels"])
def test_a_traced_call_has_all_classes(name: str) -> None:
    ids = make_maps()["class_ids"]

    def run(ids: Tensor) -> list[Tensor]:
        levels = label_pyramid(ids, LEVELS, CLASSES, positions=POSITIONS[name])
        assert all(level.classes is None for level in levels)
        return [level.dense(CLASSES) for level in levels]

    traced = torch.compile(run, fullgraph=True, backend="aot_eager")(ids)
    eager = [level.dense(CLASSES) for level in label_pyramid(ids, LEVELS, CLASSES, positions=POSITIONS[name])]
    for ours, theirs in zip(traced, eager, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_what_does_not_fit_is_named() -> None:
    maps = make_maps()
    with pytest.raises(InputError, match="needs class_ids .*, planes or edges"):
        label_pyramid(None, LEVELS, CLASSES)
    with pytest.raises(InputError, match="needs class_ids"):
        label_pyramid(maps["class_ids"], LEVELS, 0)
    with pytest.raises(InputError, match="32 x 48 .*with 6 levels.*multiples of 32; the nearest size is 32 x 64"):
        label_pyramid(maps["class_ids"], 6, CLASSES)


def test_planes_of_one_class() -> None:
    level = LabelLevel(shares=torch.ones(1, 1, 2, 2), classes=torch.tensor([2]))
    assert torch.equal(level.dense(4)[0, :, 0, 0], torch.tensor([0.0, 0.0, 1.0, 0.0]))


def test_the_originals_levels_come_out(golden_dir: Path) -> None:
    files = sorted((golden_dir / "scgan").glob("svg_*.safetensors"))
    assert files, "no golden file of a semantic vector generator"
    for path in files:
        case = Case.read(path)
        network, maps = make_network(case), inputs_of(case)
        levels = label_pyramid(
            maps.pop("class_ids"), network.num_levels, network.num_classes, positions=network.positions, **maps
        )
        for i, level in enumerate(levels):
            key = f"mid/label_level_{i}"
            atol, rtol = case.tolerance(key)
            torch.testing.assert_close(level.dense(network.num_classes), case.tensors[key], rtol=rtol, atol=atol)
