from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from semsyn.data.parts.part_shapes import PartShapes, Shape, ShapePlacement, SupportPool, read_shape
from semsyn.errors import InputError
from semsyn.nn import PartSupports


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two shapes of category 2 and three of category 10 in train; the part ids tell which."""
    for category, count in ((2, 2), (10, 3)):
        for index in range(count):
            ids = np.zeros((64, 64), np.uint8)
            ids[10:50, 20:40] = 1 + index
            ids[10:20, 20:25] = 5
            for kind, pixels in (("label", (ids > 0) * np.uint8(255)), ("part", ids)):
                path = tmp_path / str(category) / "train" / f"o{index}_{kind}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    return tmp_path


def test_pairs_in_order(folder: Path) -> None:
    shapes = PartShapes(folder)
    found = [shapes.read(i) for i in range(len(shapes))]
    assert [s["category"] for s in found] == [2, 2, 10, 10, 10]
    assert [s["part_ids"][40, 30].item() for s in found] == [1, 2, 1, 2, 3]
    for shape in found:
        assert torch.equal(shape["silhouette"][0] > 0, shape["part_ids"] > 0)
    assert shapes.weight(10) == pytest.approx(5 / 3)


def test_items_collate_and_are_placed_anew(folder: Path) -> None:
    torch.manual_seed(0)
    batch = next(iter(DataLoader(PartShapes(folder), batch_size=5)))
    assert batch["silhouette"].shape == (5, 1, 64, 64) and batch["silhouette"].dtype == torch.float32
    assert batch["part_ids"].shape == (5, 64, 64) and batch["category"].tolist() == [2, 2, 10, 10, 10]
    shapes = PartShapes(folder)
    assert len({shapes[0]["part_ids"].sum().item() for _ in range(12)}) > 3
    validation = PartShapes(folder.rename(folder.parent / "other"), "train")
    validation.is_training = False
    assert torch.equal(validation[0]["part_ids"], validation[0]["part_ids"])


def test_silhouettes_and_parts_move_together() -> None:
    rng = torch.Generator().manual_seed(0)
    ids = np.zeros((80, 60), np.uint8)
    ids[20:60, 10:30] = 3
    for _ in range(20):
        placement = ShapePlacement.draw(rng)
        silhouette, part_map = (
            np.array(placement.apply(Image.fromarray(pixels))) for pixels in ((ids > 0) * np.uint8(255), ids)
        )
        np.testing.assert_array_equal(silhouette > 0, part_map > 0)


def test_what_is_drawn() -> None:
    rng = torch.Generator().manual_seed(0)
    drawn = [ShapePlacement.draw(rng) for _ in range(4000)]
    cropped = [p for p in drawn if p.crop]
    turned = [p.angle for p in cropped if p.angle]
    shares = [len(cropped) / 4000, len(turned) / len(cropped), sum(p.flip for p in drawn) / 4000]
    assert shares == pytest.approx([0.5, 0.5 * 31 / 32, 0.5], abs=0.03)
    assert (min(turned), max(turned)) == (-15, 16)
    assert {p.crop[0] for p in cropped} == {p.crop[1] for p in cropped} == set(range(9))
    assert not any(p.angle for p in drawn if not p.crop)


def test_a_turn_is_counter_clockwise_and_before_the_crop() -> None:
    ids = np.zeros((72, 72), np.uint8)
    ids[0:4, 34:38] = 1
    top = np.argwhere(np.array(ShapePlacement(crop=(4, 4), angle=15).apply(Image.fromarray(ids))))
    assert len(top) == 0 or top[:, 1].max() < 30
    right = np.argwhere(np.array(ShapePlacement(crop=(0, 0), angle=0).apply(Image.fromarray(ids))))
    assert right[:, 1].min() == 34


BAD = {
    "nothing": (lambda root: PartShapes(root, categories=[3]), "holds no shapes: expected files in .* say 3/train"),
    "unpaired": (lambda root: _drop(root) and PartShapes(root), "2 silhouettes .*, but 1 part maps"),
    "size": (
        lambda root: read_shape(np.zeros((9, 9), np.uint8), root / "2/train/o0_part.png", 2),
        "is 9 x 9, the part",
    ),
}


def _drop(root: Path) -> bool:
    (root / "2/train/o0_part.png").unlink()
    return True


@pytest.mark.parametrize(("call", "message"), BAD.values(), ids=BAD)
def test_bad_input(call, message: str, folder: Path) -> None:
    with pytest.raises(InputError, match=message):
        call(folder)


def make_pool(others: int) -> SupportPool:
    """Fixed maps hold 1 to 3 everywhere, others 10, 11, …"""
    fixed = torch.arange(1, 4)[None, :, None, None].expand(2, 3, 4, 4)
    more = torch.arange(10, 10 + others)[:, None, None].expand(others, 4, 4)
    return SupportPool(PartSupports.of(fixed, [5, 6]), {5: more})


def test_a_pool_draws_fixed_maps_in_five_of_eight_steps() -> None:
    rng, pool = torch.Generator().manual_seed(0), make_pool(40)
    drawn = [pool.draw(rng) for _ in range(800)]
    assert sum(d is pool.fixed for d in drawn) / 800 == pytest.approx(5 / 8, abs=0.05)
    ids = [d.part_ids[:, :, 0, 0].tolist() for d in drawn if d is not pool.fixed]
    seen = Counter(i for own, _ in ids for i in own)
    assert set(seen) == {1, 2, 3, *range(10, 50)}
    assert seen[1] / len(ids) == pytest.approx(3 / 9, abs=0.08), (
        "n of n + 2n candidates, and the first is never among the others"
    )
    assert all(set(own) <= {1, 2, 3} for _, own in ids), "a category without others"
    assert all(d.part_ids.shape == (2, 3, 4, 4) for d in drawn)


def make_shapes(category: int, count: int, *ids: int) -> list[Shape]:
    part_ids = torch.tensor([0, *ids]).repeat(4)[:4].expand(4, 4)
    return [Shape(silhouette=(part_ids > 0).float()[None], part_ids=part_ids, category=category)] * count


def test_a_pool_collects_shapes_with_as_many_parts() -> None:
    fixed = PartSupports.of(torch.tensor([[0, 1, 2, 1]]).expand(1, 3, 4, 4), [5])
    few = SupportPool.collect(fixed, [*make_shapes(5, 2, 1, 2, 3), *make_shapes(5, 4, 7, 8), *make_shapes(9, 3, 1, 2)])
    assert len(few.maps[5]) == 3 + 4 and (few.maps[5][3:] == torch.tensor([0, 7, 8, 0])).all()
    assert len(SupportPool.collect(fixed, make_shapes(5, 150, 1, 2)).maps[5]) == 101
