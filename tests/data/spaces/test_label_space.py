import pytest
import torch

from semsyn.data.spaces.colors import CITYSCAPES_COLORS, label_colors
from semsyn.data.spaces.label_space import label_space, list_label_spaces
from semsyn.errors import InputError, UnknownNameError

CLASSES = {  # k, what 255 becomes, some classes at their index
    "ade20k-raw": (151, 150, {0: "other", 1: "wall", 3: "sky", 13: "person", 21: "car", 104: "ship", 150: "flag"}),
    "ade20k-train-ids": (151, 0, {1: "wall", 150: "flag"}),
    "ade20k-unknown-first": (151, 0, {0: "other", 1: "wall", 150: "flag"}),
    "ade20k-unknown-last": (151, 150, {0: "wall", 149: "flag", 150: "other"}),
    "ade20k-unknown-last-train-ids": (151, 150, {0: "wall", 150: "other"}),
    "coco-stuff-unknown-first": (183, 0, {0: "unknown", 1: "person", 90: "toothbrush", 182: "wood"}),
    "coco-stuff": (183, 182, {0: "person", 89: "toothbrush", 154: "sea", 168: "tree", 181: "wood", 182: "unknown"}),
    "coco-stuff-ids": (183, 182, {0: "person", 182: "unknown"}),
    "coco-stuff-train-ids": (183, 182, {0: "person", 182: "unknown"}),
    "coco-panoptic-ids": (183, 182, {0: "person", 182: "unknown"}),
    "cityscapes": (35, None, {0: "unlabeled", 7: "road", 11: "building", 23: "sky", 26: "car", 33: "bicycle"}),
    "cityscapes-train-ids": (35, 0, {7: "road", 33: "bicycle"}),
    "cityscapes-used": (19, 19, {0: "road", 5: "pole", 10: "sky", 13: "car", 18: "bicycle"}),
    "cityscapes-used-train-ids": (19, 19, {0: "road", 18: "bicycle"}),
    "facades": (13, None, {1: "background", 2: "facade", 3: "window", 12: "shop"}),
    "celeba": (19, None, {0: "background", 1: "skin", 13: "hair", 17: "neck"}),
    "celeba-background-last": (19, 17, {0: "skin", 12: "hair", 17: "clothes", 18: "background"}),
    "celeba-face-parser-ids": (19, None, {0: "background", 2: "nose", 13: "hair"}),
    "pascal-voc": (21, 21, {0: "background", 1: "aeroplane", 15: "person", 20: "tv monitor"}),
    "deepfashion-8": (8, None, {0: "background", 1: "hair", 6: "shoes"}),
    "deepfashion-16": (16, None, {0: "background", 1: "skin", 7: "hair", 9: "dress"}),
    "gta5": (20, 19, {0: "road", 10: "sky", 13: "car", 18: "bicycle", 19: "void"}),
    "toyscenes": (15, None, {0: "sky", 14: "person"}),
}


def test_every_space_is_listed():
    assert list_label_spaces() == sorted(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_classes_stand_at_their_index(name):
    space = label_space(name)
    num_classes, void, some = CLASSES[name]
    assert (space.name, space.num_classes, space.void) == (name, num_classes, void)
    assert {i: space.classes[i] for i in some} == some


@pytest.mark.parametrize("name", CLASSES)
def test_colors_tell_all_classes_apart(name):
    space = label_space(name)
    class_ids = torch.arange(space.num_classes)
    assert torch.equal(space.from_colors(space.to_colors(class_ids)), class_ids)


@pytest.mark.parametrize("name", ["ade20k-raw", "coco-stuff", "facades", "celeba", "deepfashion-8"])
def test_palettes_follow_the_bit_rule(name):
    space = label_space(name)
    assert torch.equal(torch.tensor(space.palette), label_colors(space.num_classes).long())


def test_cityscapes_pictures_are_read_by_the_first_class_of_a_color():
    class_ids = label_space("cityscapes").from_colors(torch.tensor(CITYSCAPES_COLORS, dtype=torch.uint8)).tolist()
    assert class_ids == [*[0] * 5, *range(5, 18), 17, *range(19, 34), 26]


@pytest.mark.parametrize(
    ("name", "stored", "class_ids"),
    [
        ("ade20k-raw", [0, 1, 150, 255], [0, 1, 150, 150]),
        ("ade20k-train-ids", [0, 149, 255], [1, 150, 0]),
        ("ade20k-unknown-first", [0, 1, 150, 255], [0, 1, 150, 0]),
        ("ade20k-unknown-last", [0, 1, 150, 255], [150, 0, 149, 150]),
        ("ade20k-unknown-last-train-ids", [0, 149, 255], [0, 149, 150]),
        ("celeba-background-last", [0, 1, 18, 255], [18, 0, 17, 17]),
        ("coco-stuff", [0, 181, 255], [0, 181, 182]),
        ("coco-stuff-unknown-first", [0, 181, 182, 255], [1, 182, 0, 0]),
        ("coco-stuff-ids", [0, 1, 182, 255], [182, 0, 181, 182]),
        ("coco-stuff-train-ids", [0, 10, 11, 79, 80, 170, 171, 255], [0, 10, 12, 89, 91, 181, 182, 182]),
        ("coco-panoptic-ids", [0, 79, 80, 116, 119, 132, 133, 255], [0, 89, 91, 168, 156, 151, 182, 182]),
        ("celeba-face-parser-ids", [0, 2, 6, 10, 17, 18], [0, 6, 3, 2, 13, 14]),
        ("cityscapes-train-ids", [0, 1, 13, 18, 255], [7, 8, 26, 33, 0]),
    ],
)
def test_stored_ids_are_mapped(name, stored, class_ids):
    assert label_space(name).map_ids(torch.tensor(stored)).tolist() == class_ids


@pytest.mark.parametrize(
    "names",
    [
        ("coco-stuff", "coco-stuff-unknown-first"),
        ("ade20k-raw", "ade20k-unknown-last"),
        ("celeba", "celeba-background-last"),
    ],
)
def test_a_class_has_one_color_in_either_order(names):
    last, first = (label_space(name) for name in names)
    assert dict(zip(last.classes, last.palette, strict=True)) == dict(zip(first.classes, first.palette, strict=True))


def test_cityscapes_has_no_void():
    with pytest.raises(InputError, match="255 in 1 pixel, but num_classes is 35"):
        label_space("cityscapes").map_ids(torch.tensor([7, 255]))


def test_an_unknown_name_gets_the_nearest_ones():
    with pytest.raises(UnknownNameError, match="did you mean .*ade20k-raw"):
        label_space("ade20k")
