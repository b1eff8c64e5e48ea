from pathlib import Path

import numpy as np
import pytest

from semsyn.data.formats.annotations import Request
from semsyn.data.formats.masks import open_masks, split_names
from semsyn.errors import InputError
from semsyn.labels import LabelSpace
from tests.data.formats.writers import STREET, save, write_masks

FACE = ["00000_hair", "00000_l_brow", "00000_neck_l", "00001_l_brow"]


@pytest.mark.parametrize(
    ("names", "known", "expected"),
    [
        (["street_car", "street_sky"], (), [("street", "car"), ("street", "sky")]),
        (["my_street_car", "my_town_car"], (), [("my_street", "car"), ("my_town", "car")]),
        (FACE[:3], (), [("00000", "hair"), ("00000", "l_brow"), ("00000", "neck_l")]),
        (FACE, ("lbrow",), [("00000", "hair"), ("00000", "l_brow"), ("00000", "neck_l"), ("00001", "l_brow")]),
        (["a/street_car", "a_b/street_l_car"], (), [("a/street", "car"), ("a_b/street_l", "car")]),
        (["street_sky", "street_2_sky"], (), [("street", "sky"), ("street_2", "sky")]),
        (["street_traffic_light"], ("trafficlight",), [("street", "traffic_light")]),
        (["a__b"], (), [("a_", "b")]),
    ],
)
def test_scene_and_class_of_a_name(names: list[str], known: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert list(split_names(names, set(known)).values()) == expected


@pytest.mark.parametrize("name", ["street", "street_", "_car", "a_b/street"])
def test_names_without_a_class(name: str) -> None:
    with pytest.raises(InputError, match="should be named SCENE_CLASS"):
        split_names([name], set())


def test_what_no_mask_covers_is_background(tmp_path: Path) -> None:
    write_masks(tmp_path)
    (tmp_path / "street_sky.png").unlink()
    annotations = open_masks(tmp_path, Request())
    assert [c.name for c in annotations.classes] == ["background", "car", "road", "tree"]
    assert np.array_equal(annotations.scenes[0].draw().class_ids, np.array([0, 3, 2, 1])[STREET])


def test_one_mask_stands_for_its_scene(tmp_path: Path) -> None:
    write_masks(tmp_path)
    save(STREET > 0, tmp_path / "town_car.png")
    (scene,) = open_masks(tmp_path / "street_car.png", Request()).scenes
    assert scene.name == "street" and len(scene.files) == 4


def test_overlaps_are_refused_or_ordered(tmp_path: Path) -> None:
    save(STREET < 9, tmp_path / "a_skin.png")
    save(STREET == 1, tmp_path / "a_hair.png")
    save(STREET == 3, tmp_path / "a_nose.png")
    with pytest.raises(
        InputError, match=r"masks of a overlap: 'hair' and 'skin' in 12 pixels.*--order skin,hair,nose "
    ):
        open_masks(tmp_path, Request()).scenes[0].draw()
    with pytest.raises(InputError, match="'nose' and 'skin' in 12 pixels.*--order skin,nose,hair "):
        open_masks(tmp_path, Request(order=("hair",))).scenes[0].draw()
    annotations = open_masks(tmp_path, Request(order=("skin", "hair", "nose")))
    names = [c.name for c in annotations.classes]
    drawn = annotations.scenes[0].draw().class_ids
    expected = {0: "skin", 1: "hair", 2: "skin", 3: "nose"}
    assert all(names[drawn[y, x]] == expected[STREET[y, x]] for y in range(12) for x in range(16))
    upside_down = open_masks(tmp_path, Request(order=("hair", "nose", "skin"))).scenes[0].draw().class_ids
    assert set(np.unique(upside_down)) == {names.index("skin")}
    with pytest.raises(InputError, match=r"no mask of 'ear' \(--order\), but of hair, nose, skin"):
        open_masks(tmp_path, Request(order=("ear",)))


def test_a_label_space_says_where_classes_begin(tmp_path: Path) -> None:
    save(STREET > 0, tmp_path / "00000_l_brow.png")
    space = LabelSpace(name="face", classes=("skin", "l brow"))
    annotations = open_masks(tmp_path, Request(space=space))
    assert annotations.scenes[0].name == "00000" and annotations.classes[1].name == "l_brow"


def test_masks_that_are_none(tmp_path: Path) -> None:
    save(STREET, tmp_path / "a_car.png")
    with pytest.raises(InputError, match=r"a_car\.png holds 4 values, 0 to 3"):
        open_masks(tmp_path, Request()).scenes[0].draw()
    save(STREET > 0, tmp_path / "a_car.png")
    save(STREET[1:] < 0, tmp_path / "a_sky.png")
    with pytest.raises(InputError, match="a_sky.png is 11 x 16, other masks of a are 12 x 16"):
        open_masks(tmp_path, Request()).scenes[0].draw()
    save(STREET > 0, tmp_path / "a_sky.bmp")
    with pytest.raises(InputError, match="have one name"):
        open_masks(tmp_path, Request())
