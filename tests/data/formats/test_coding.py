from collections.abc import Mapping

import numpy as np
import pytest
import torch

from semsyn.data.formats.annotations import Annotations, SourceClass, choose_void, number_classes
from semsyn.data.formats.coding import Coding, make_coding
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError
from semsyn.labels import LabelSpace


def code(
    *names: str, void: int | None = None, space: LabelSpace | None = None, by_hand: Mapping[str, str] | None = None
) -> Coding:
    classes = tuple(SourceClass(name, i) for i, name in enumerate(names))
    annotations = Annotations(classes=classes, scenes=(), void=void)
    return make_coding(annotations, space, by_hand or {}, source="here", name="made")


def read(coding: Coding, class_ids: list[int]) -> list[str]:
    """What a reader of the maps sees."""
    ids = coding.encode(np.array([class_ids]))
    names = (*coding.space.classes, "-")
    return [names[i] for i in coding.space.map_ids(torch.from_numpy(ids.astype(np.int64)))[0].tolist()]


def test_classes_of_their_own() -> None:
    coding = code("sky", "sea")
    assert coding.ids == (0, 1, -1) and coding.space == LabelSpace(name="made", classes=("sky", "sea"), void_ids=())
    assert read(code("sky", "sea", void=255), [1, 0, 2]) == ["sea", "sky", "-"]


def test_names_by_hand_merge_and_drop_classes() -> None:
    coding = code("sky", "haze", "sea", "sign", by_hand={"haze": "sky", "sign": "none", "sea": "water"})
    assert coding.space.classes == ("sky", "water") and coding.ids == (0, 0, 1, 255, 255)
    assert coding.renamed == {"haze": "sky", "sea": "water"} and coding.without_class == ["sign"]
    assert read(coding, [0, 1, 2, 3]) == ["sky", "sky", "water", "-"]
    assert read(code("a", "b", "c", by_hand={"b": "b", "*": "other"}), [0, 1, 2]) == ["other", "b", "other"]
    with pytest.raises(InputError, match="--map leaves no class of here"):
        code("sky", by_hand={"*": "none"})
    with pytest.raises(InputError, match="--map names 'see'"):
        code("sky", by_hand={"see": "sea"})


def test_no_class_takes_an_id_that_is_free() -> None:
    classes = (SourceClass("sky", 0), SourceClass("sign", 1), SourceClass("sea", 255))
    annotations = Annotations(classes=classes, scenes=())
    coding = make_coding(annotations, None, {"sign": "none"}, source="here", name="made")
    assert coding.ids == (0, 65535, 255, 65535) and read(coding, [0, 1, 2]) == ["sky", "-", "sea"]


def test_sparse_ids_stay_when_classes_are_merged() -> None:
    classes = (SourceClass("sky", 77), SourceClass("haze", 400), SourceClass("sea", 3000))
    annotations = Annotations(classes=classes, scenes=(), void=0)
    coding = make_coding(annotations, None, {"haze": "sky"}, source="here", name="made")
    assert coding.ids == (77, 77, 3000, 0) and read(coding, [0, 1, 2, 3]) == ["sky", "sky", "sea", "-"]


def test_a_label_space_keeps_its_stored_ids() -> None:
    trains = label_space("cityscapes-train-ids")
    coding = code("car", "road", "background", space=trains)
    assert coding.ids[:2] == (13, 0) and coding.without_class == ["background"]
    assert read(coding, [0, 1, 2]) == ["car", "road", trains.classes[0]], "void is the class that the space says"
    unknown_last = label_space("ade20k-unknown-last")
    assert code("wall", "sky", space=unknown_last).ids[:2] == (1, 3)


def test_void_without_a_policy_becomes_no_class_where_it_is_needed() -> None:
    toyscenes = label_space("toyscenes")
    assert code("sky", "sea", space=toyscenes).space == toyscenes
    coding = code("background", "sea", space=toyscenes)
    assert coding.ids == (255, 4, 255) and coding.space.void == 15 and read(coding, [0, 1]) == ["-", "sea"]
    bare = LabelSpace(name="bare", classes=("sea",), void_ids=())
    assert code("sea", void=255, space=bare).ids == (0, 255)
    wide = LabelSpace(name="wide", classes=tuple(f"c{i}" for i in range(300)), void_ids=())
    coding = code("background", "c299", space=wide)
    assert coding.ids == (65535, 299, 65535) and coding.encode(np.array([[0]])).dtype == np.uint16


def test_many_classes_take_16_bits() -> None:
    names = [f"c{i}" for i in range(256)]
    assert code(*names[:255], void=choose_void(255)).encode(np.array([[0]])).dtype == np.uint8
    coding = code(*names, void=choose_void(256))
    assert coding.encode(np.array([[0, 256]])).tolist() == [[0, 65535]] and read(coding, [255, 256]) == ["c255", "-"]


def test_ids_that_no_picture_holds() -> None:
    for stored in (-1, 70000):
        space = LabelSpace(name="odd", classes=("sea", "sky"), remap={stored: 1, 1: 0})
        with pytest.raises(InputError, match=f"label space 'odd' stores {stored}; a picture holds 0 to 65535"):
            code("sky", space=space)


def test_classes_that_cannot_be_told_apart() -> None:
    from pathlib import Path

    where = Path("list.txt")
    with pytest.raises(InputError, match="list.txt has class 'a' twice"):
        number_classes(["a", "b", "a"], where=where)
    with pytest.raises(InputError, match="gives 'a' and 'b' the colour"):
        number_classes(["a", "b"], where=where, colors={"a": (1, 2, 3), "b": (1, 2, 3)})
