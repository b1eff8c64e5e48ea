from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.data import find_objects
from semsyn.data.parts.part_categories import CATEGORIES, CATEGORY_NAMES, category_name
from semsyn.data.scenes.objects import CONVENTIONS, opencv_resize, read_instance_ids
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes import CLASSES, draw_scene
from semsyn.errors import InputError, UnknownNameError


def make_ids(size: tuple[int, int] = (40, 60)) -> torch.Tensor:
    ids = torch.zeros(size, dtype=torch.int64)
    ids[2:20, 4:30] = 7
    ids[10:30, 20:50] = 3  # over the first
    ids[36, 50] = 9  # one pixel
    return ids


def test_plain_ids_with_a_category_each() -> None:
    objects = find_objects(make_ids(), convention={3: 26, 7: 24})
    assert objects.instance_ids.tolist() == [3, 7] and objects.categories.tolist() == [26, 24]
    assert objects.boxes.tolist() == [[10, 30, 20, 50], [2, 20, 4, 30]], "last rows and columns made even"
    assert (objects.original_sizes[:, 0] == objects.original_sizes[:, 1]).all(), "not squashed"


def test_what_has_no_category_is_no_object_and_one_pixel_neither() -> None:
    objects = find_objects(make_ids(), convention={9: 24})
    assert len(objects) == 0
    assert len(find_objects(make_ids(), convention={})) == 0


def test_a_scene_squashed_to_a_square() -> None:
    ids = torch.zeros(50, 100, dtype=torch.int64)
    ids[10:30, 20:40] = 1  # square in the scene
    objects = find_objects(ids, convention={1: 5}, size=(64, 64))
    silhouette = objects.silhouettes[0]
    rows, columns = silhouette.any(1).sum(), silhouette.any(0).sum()
    assert abs(int(rows) - int(columns)) <= 3, "and square again in its crop"
    wide = find_objects(ids, convention={1: 5}, size=(32, 64)).original_sizes
    assert wide[0, 0] == wide[0, 1], "not squashed"


def test_categories_of_ids_that_are_not_there() -> None:
    with pytest.raises(
        InputError, match=r"a category for the instances \[8\], but the instance map does not hold them"
    ):
        find_objects(make_ids(), convention={3: 26, 8: 24})
    with pytest.raises(InputError, match="must not be negative"):
        find_objects(make_ids(), convention={-1: 26})


def test_ade20k_reads_classes_from_red_and_ids_from_green(tmp_path: Path) -> None:
    picture = np.zeros((30, 40, 3), np.uint8)
    picture[2:12, 2:12] = (4, 1, 200)  # person
    picture[2:12, 20:30] = (9, 2, 200)  # car
    picture[16:26, 2:12] = (4, 3, 0)  # person
    picture[16:26, 20:30] = (100, 4, 0)  # no category
    Image.fromarray(picture).save(tmp_path / "instances.png")
    for source in (picture, tmp_path / "instances.png"):
        objects = find_objects(source, convention="ade20k")
        assert objects.categories.tolist() == [24, 24, 26] and objects.instance_ids.tolist() == [1, 3, 2]
    assert torch.equal(read_instance_ids(picture, "ade20k"), torch.from_numpy(picture[..., 1]).long())
    with pytest.raises(InputError, match="classes in the red and ids in the green channel"):
        find_objects(picture[..., 0], convention="ade20k")


def test_coco_reads_classes_from_the_label_map() -> None:
    labels = torch.full((40, 40), 255)
    labels[2:12, 2:12], labels[2:12, 20:30], labels[20:30, 2:12] = 2, 0, 23  # car, person, zebra, stored less one
    labels[20:30, 20:30] = 100  # stuff
    ids = torch.zeros(40, 40, dtype=torch.int64)
    ids[2:12, 2:12], ids[2:12, 20:30], ids[20:30, 2:12] = 3, 1, 2
    objects = find_objects(ids, labels, convention="coco")
    assert objects.categories.tolist() == [24, 26, 40], "person, car, zebra: the order of pasting"
    assert objects.instance_ids.tolist() == [1, 3, 2]
    counted = replace(label_space("coco-stuff-unknown-first"), remap={}, void_ids=())
    other = find_objects(ids, torch.where(labels == 255, 0, labels + 1), convention="coco", space=counted)
    assert torch.equal(other.categories, objects.categories), "another way to store the same classes"
    with pytest.raises(InputError, match="class in the label map: give it"):
        find_objects(ids, convention="coco")
    with pytest.raises(InputError, match="both must show the same pixels"):
        find_objects(ids, labels[:20], convention="coco")


def test_ids_that_stuff_has_too_belong_to_the_object_unless_told_otherwise() -> None:
    labels, ids = torch.full((20, 20), 100), torch.full((20, 20), 6)
    labels[6:12, 6:12], ids[6:12, 6:12] = 0, 3
    ids[6, 13] = 3  # a stray pixel of stuff in the margin
    loose, strict = (find_objects(ids, labels, convention="coco", has_strict_class=strict) for strict in (False, True))
    assert loose.instance_ids.tolist() == strict.instance_ids.tolist() == [3]
    assert loose.silhouettes.sum() > strict.silhouettes.sum() > 0


def test_cityscapes_reads_classes_from_the_ids() -> None:
    ids = torch.full((32, 64), 7)
    ids[2:12, 2:12], ids[2:12, 20:30], ids[16:26, 2:12] = 26001, 24000, 29003  # car, person, caravan
    ids[16:26, 20:30] = 24  # a group of persons has no number: no object
    objects = find_objects(ids, convention="cityscapes")
    assert objects.instance_ids.tolist() == [24000, 26001] and objects.categories.tolist() == [24, 26]
    assert objects.original_sizes.tolist() == [[1, 1]] * 2


def test_toyscenes_objects_are_the_classes_with_parts() -> None:
    scene = draw_scene(54, split="val")
    objects = find_objects(scene.instance_ids, scene.class_ids, convention="toyscenes")
    assert {CLASSES[c] for c in objects.categories.tolist()} <= {"tree", "house", "boat", "car", "person"}
    for instance, category in zip(objects.instance_ids.tolist(), objects.categories.tolist(), strict=True):
        assert (scene.class_ids[scene.instance_ids == instance] == category).all()


def test_a_flip_mirrors_boxes_and_silhouettes() -> None:
    ids = make_ids((64, 64))
    before, after = (find_objects(ids, convention={3: 1, 7: 2}, flip=flip) for flip in (False, True))
    assert torch.equal(after.boxes[:, :2], before.boxes[:, :2])
    assert torch.equal(after.boxes[:, 2:], 64 - before.boxes[:, 2:].flip(1))
    shares = [o.silhouettes.flatten(1).float().mean(1) for o in (before, after)]
    torch.testing.assert_close(*shares, atol=0.1, rtol=0)


def test_opencv_takes_other_pixels_than_pillow() -> None:
    ids = torch.arange(7)[None].expand(3, -1)
    assert opencv_resize(ids, (3, 4))[0].tolist() == [0, 1, 3, 5]
    assert opencv_resize(ids, (6, 7))[:, 0].tolist() == [0] * 6


def test_unknown_conventions() -> None:
    with pytest.raises(UnknownNameError, match="did you mean ade20k"):
        find_objects(make_ids(), convention="ade20")


def test_every_category_of_a_data_set_has_a_name() -> None:
    assert {c for known in CATEGORIES.values() for c in known} <= set(CATEGORY_NAMES)
    assert [len(CATEGORIES[name]) for name in ("ade20k", "coco", "cityscapes", "partsplit")] == [28, 30, 8, 27]
    for name in ("ade20k", "coco", "cityscapes"):
        assert set(CONVENTIONS[name].classes.values()) <= set(CATEGORIES[name]), name
    assert category_name(11) == "table" and category_name(11, "toyscenes") == "house" and category_name(99) == ""
