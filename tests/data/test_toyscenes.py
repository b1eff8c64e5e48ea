"""Toyscenes: the maps are exact and fit together, a draw depends on its number alone, factors show in the pixels."""

from functools import cache

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from semsyn.data.toyscenes import CLASSES, ToyScenes, draw_scene, draw_scenes
from semsyn.data.toyscenes.classes import PALETTE, PART_NAMES, PARTS, STUFF
from semsyn.data.toyscenes.composition import KINDS
from semsyn.data.toyscenes.scene import SceneBatch
from semsyn.errors import InputError

PINNED = [
    [1525, 0, 167, 164, 960, 606, 272, 0, 160, 178, 0, 0, 46, 0, 18],
    [1247, 23, 222, 20, 0, 0, 1555, 661, 40, 0, 158, 57, 0, 72, 41],
    [1721, 0, 262, 129, 870, 947, 138, 0, 0, 0, 0, 0, 29, 0, 0],
]  # class pixels of scenes 0, 1, 2 at 64 x 64
MAPS = ("class_ids", "instance_ids", "part_ids", "depth_order")


@cache
def many() -> SceneBatch:
    return draw_scenes(120)


def main_surface(batch: SceneBatch, image: int, row: np.void) -> np.ndarray:
    """Pixels of an instance that its ``color`` paints."""
    mask = batch.instance_ids[image] == row["instance_id"]
    name = CLASSES[row["class_id"]]
    if name in PARTS:
        mask &= batch.part_ids[image] == PART_NAMES.index(f"{name}/{PARTS[name][0]}")
    return mask


def test_tables_fit_together():
    assert len(CLASSES) == len(set(CLASSES)) == len(PALETTE) == len(set(PALETTE)) >= 12
    assert set(STUFF) < set(CLASSES)
    assert set(PARTS) < set(CLASSES)
    assert PART_NAMES[0] == "" and len(set(PART_NAMES)) == len(PART_NAMES) == 1 + sum(map(len, PARTS.values()))


def test_a_scene_does_not_depend_on_its_batch():
    batch = draw_scenes([7, 3, 11], seed=5)
    for place, index in enumerate([7, 3, 11]):
        alone = draw_scene(index, seed=5)
        for name in ("image", *MAPS):
            np.testing.assert_array_equal(getattr(batch, name)[place], getattr(alone, name), err_msg=name)
        assert batch.factors[place] == alone.factors
        rows = batch.instances[batch.instances["image"] == place]
        for name in ("instance_id", "class_id", "color", "accent", "distance", "pixels"):
            np.testing.assert_array_equal(rows[name], alone.instances[name], err_msg=name)


def test_a_number_stands_for_the_first_scenes():
    np.testing.assert_array_equal(draw_scenes(3).image, draw_scenes([0, 1, 2]).image)


@pytest.mark.parametrize("other", [{"index": 1}, {"seed": 1}, {"split": "val"}], ids=["index", "seed", "split"])
def test_another_index_seed_or_split_is_another_scene(other):
    assert np.mean(draw_scene(**{"index": 0, **other}).image != draw_scene(0).image) > 0.5


def test_compositions_are_the_same_on_every_machine():
    """The scenes are as first drawn; a few border pixels may differ where sine and root round differently."""
    found = np.stack([np.bincount(c.ravel(), minlength=len(CLASSES)) for c in draw_scenes(3, size=(64, 64)).class_ids])
    assert np.abs(found - PINNED).max() <= 4, found.tolist()


@pytest.mark.parametrize("size", [(8, 8), (33, 57), (97, 64), (64, 301), (300, 41)], ids=str)
def test_any_size(size):
    batch = draw_scenes(6, size=size)
    assert batch.image.shape == (6, *size, 3) and batch.image.dtype == np.uint8
    for name in MAPS:
        assert getattr(batch, name).shape == (6, *size) and getattr(batch, name).dtype == np.int64


def test_size_changes_neither_composition_nor_colours():
    small, large = draw_scenes(8, size=(64, 96)), draw_scenes(8, size=(128, 192))
    assert np.mean(small.class_ids == large.class_ids[:, ::2, ::2]) > 0.93
    means = [b.image.mean((1, 2)) for b in (small, large)]
    np.testing.assert_allclose(*means, atol=6)
    for name in small.factors.dtype.names:
        np.testing.assert_array_equal(small.factors[name], large.factors[name])


def test_instance_ids_are_dense_and_have_one_class_each():
    batch = many()
    for image in range(len(batch)):
        rows = batch.instances[batch.instances["image"] == image]
        ids, classes = batch.instance_ids[image], batch.class_ids[image]
        np.testing.assert_array_equal(np.unique(ids), np.arange(len(rows)))
        np.testing.assert_array_equal(rows["instance_id"], np.arange(len(rows)))
        np.testing.assert_array_equal(rows["class_id"][ids], classes)
        np.testing.assert_array_equal(rows["pixels"], np.bincount(ids.ravel()))


def test_stuff_is_one_instance_and_things_are_several():
    batch = many()
    counts = np.zeros((len(batch), len(CLASSES)), int)
    np.add.at(counts, (batch.instances["image"], batch.instances["class_id"]), 1)
    for k, name in enumerate(CLASSES):
        assert (counts[:, k].max() == 1) == (name in STUFF or name == "sun"), name


def test_every_class_part_and_kind_occurs():
    batch = many()
    assert np.bincount(batch.class_ids.ravel(), minlength=len(CLASSES)).all()
    assert np.bincount(batch.part_ids.ravel(), minlength=len(PART_NAMES)).all()
    assert set(batch.factors["kind"]) == set(range(len(KINDS)))


def test_parts_lie_in_their_class_and_cover_it():
    batch = many()
    owner = np.array([-1, *(CLASSES.index(name) for name, parts in PARTS.items() for _ in parts)])
    has_part = batch.part_ids > 0
    np.testing.assert_array_equal(owner[batch.part_ids[has_part]], batch.class_ids[has_part])
    np.testing.assert_array_equal(has_part, np.isin(batch.class_ids, owner[1:]))


def test_depth_order_is_dense_and_one_number_belongs_to_one_instance():
    batch = many()
    for order, ids in zip(batch.depth_order, batch.instance_ids, strict=True):
        np.testing.assert_array_equal(np.unique(order), np.arange(order.max() + 1))
        pairs = np.unique(np.stack([order.ravel(), ids.ravel()]), axis=1)
        assert pairs.shape[1] == order.max() + 1


def test_nearer_things_are_in_front():
    """Things on the ground are ordered as their distances; the sky is behind everything."""
    batch = many()
    sky = CLASSES.index("sky")
    assert batch.depth_order[batch.class_ids == sky].max() == 0
    for image in range(len(batch)):
        rows = batch.instances[batch.instances["image"] == image]
        things = [
            r for r in rows if CLASSES[r["class_id"]] in ("bush", "fence", "tree", "house", "boat", "car", "person")
        ]
        front = [batch.depth_order[image][batch.instance_ids[image] == r["instance_id"]].max() for r in things]
        by_order = np.array([r["distance"] for r in things])[np.argsort(front)]
        assert (np.diff(by_order) <= 1e-6).all()


def test_things_shrink_with_distance():
    batch = many()
    heights, distances = [], []
    for row in batch.instances[batch.instances["class_id"] == CLASSES.index("person")]:
        rows, cols = np.nonzero(batch.instance_ids[row["image"]] == row["instance_id"])
        if cols.min() > 0 and cols.max() < 127 and rows.max() < 127:
            heights.append(np.ptp(rows) + 1)
            distances.append(row["distance"])
    assert np.corrcoef(np.log(heights), np.log(distances))[0, 1] < -0.7


def colors(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each visible instance of a class: base colour, that colour in light and haze, mean of its pixels."""
    batch, drawn, lit, seen = many(), [], [], []
    for row in batch.instances[batch.instances["class_id"] == CLASSES.index(name)]:
        mask = main_surface(batch, row["image"], row)
        if mask.sum() > 12:
            light = batch.factors[row["image"]]
            veil = 0.85 * (1 - np.exp(-light["haze"] * max(0, row["distance"] - 1)))
            shaded = row["color"] * (light["ambient"] + 0.55 * light["key"])
            drawn.append(row["color"])
            lit.append(shaded * (1 - veil) + light["haze_color"] * veil)
            seen.append(batch.image[row["image"]][mask].mean(0) / 255)
    return np.array(drawn), np.array(lit), np.array(seen)


@pytest.mark.parametrize("name", ["house", "boat", "car", "person"])
def test_instance_colours_show_in_the_pixels(name):
    drawn, _, seen = colors(name)
    for channel in range(3):
        assert np.corrcoef(drawn[:, channel], seen[:, channel])[0, 1] > 0.7, channel


@pytest.mark.parametrize("name", ["tree", "fence", "house", "boat", "car", "person"])  # blossoms cover half a bush
def test_light_and_haze_show_in_the_pixels(name):
    _, lit, seen = colors(name)
    for channel in range(3):
        assert np.corrcoef(lit[:, channel], seen[:, channel])[0, 1] > 0.85, channel
    assert np.abs(lit - seen).mean() < 0.09


def test_sky_is_as_warm_as_drawn():
    batch = many()
    warmth = batch.factors["haze_color"][:, 0] - batch.factors["haze_color"][:, 2]
    sky = np.array([i[c == 0].mean(0) for i, c in zip(batch.image, batch.class_ids, strict=True)])
    assert np.corrcoef(warmth, sky[:, 0] - sky[:, 2])[0, 1] > 0.8


def test_dataset_gives_tensors_that_collate():
    data = ToyScenes(5, seed=2, size=(24, 40), split="val")
    assert len(data) == 5
    batch = next(iter(DataLoader(data, batch_size=5)))
    assert batch["image"].shape == (5, 3, 24, 40) and batch["image"].dtype == torch.float32
    assert batch["image"].min() >= -1 and batch["image"].max() <= 1
    drawn = draw_scenes(5, seed=2, size=(24, 40), split="val")
    for name in MAPS:
        assert batch[name].dtype == torch.int64
        np.testing.assert_array_equal(batch[name].numpy(), getattr(drawn, name))
    restored = ((batch["image"] + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)
    np.testing.assert_array_equal(restored.numpy(), drawn.image)
    assert batch["index"].tolist() == [0, 1, 2, 3, 4]


def test_dataset_ends():
    assert len(list(ToyScenes(3, size=(8, 8)))) == 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw_scene(-1), "0 or more, found index -1"),
        (lambda: draw_scene(0, seed=-2), "seed -2"),
        (lambda: draw_scene(0, size=(4, 64)), r"8 pixels or more, found \(4, 64\)"),
        (lambda: draw_scene(0, split="test"), "train, val, found 'test'"),
        (lambda: draw_scenes([]), "indices is empty"),
        (lambda: draw_scenes(0), "indices is empty"),
        (lambda: ToyScenes(0), "length must be 1 or more"),
    ],
    ids=["index", "seed", "size", "split", "empty", "zero", "length"],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError, match=message):
        call()
