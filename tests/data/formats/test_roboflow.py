from pathlib import Path

import pytest

from semsyn.data.formats.annotations import Request
from semsyn.data.formats.roboflow import open_roboflow, read_classes
from semsyn.errors import InputError
from tests.data.formats.writers import STREET, save, write_roboflow


def test_scenes_are_named_after_their_photographs(tmp_path: Path) -> None:
    write_roboflow(tmp_path)
    assert [scene.name for scene in open_roboflow(tmp_path, Request()).scenes] == ["train/street"]
    (scene,) = open_roboflow(tmp_path / "train" / "street_mask.png", Request()).scenes
    assert scene.name == "street" and (scene.draw().class_ids == STREET + 1).all()


def test_ids_with_gaps_stay(tmp_path: Path) -> None:
    save(STREET * 10, tmp_path / "street_mask.png")
    (tmp_path / "_classes.csv").write_text("Pixel Value, Class\n0, sky\n10, tree\n20, road\n30, car\n")
    annotations = open_roboflow(tmp_path, Request())
    assert [c.stored for c in annotations.classes] == [0, 10, 20, 30]
    assert annotations.make_space("x").stored_ids[30] == 3


def test_splits_must_have_one_list(tmp_path: Path) -> None:
    write_roboflow(tmp_path)
    (tmp_path / "valid").mkdir()
    (tmp_path / "valid" / "_classes.csv").write_text("Pixel Value, Class\n0, sky\n")
    with pytest.raises(InputError, match="name the classes differently"):
        open_roboflow(tmp_path, Request())


def test_an_id_that_is_not_listed(tmp_path: Path) -> None:
    write_roboflow(tmp_path)
    save(STREET + 2, tmp_path / "train" / "street_mask.png")
    with pytest.raises(InputError, match=r"holds 5 in 12 pixels, none of the ids of .*_classes\.csv"):
        open_roboflow(tmp_path, Request()).scenes[0].draw()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filename, car, tree\na.jpg, 0, 1\n", "line 2: expected a pixel value and a class such as '1, sky'"),
        ("Pixel Value, Class\n1, sky\n1, sea\n", "line 3: '1, sea' is there before"),
        ("Pixel Value, Class\n1, sky\n2, sky\n", "line 3: '2, sky' is there before"),
        ("Pixel Value, Class\n70000, sky\n", "line 2"),
        ("Pixel Value, Class\n", "names no class"),
    ],
)
def test_lists_that_are_wrong(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "_classes.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_classes(tmp_path / "_classes.csv")


def test_a_list_without_heading(tmp_path: Path) -> None:
    (tmp_path / "_classes.csv").write_text("0, sky\n1, tree\n")
    assert read_classes(tmp_path / "_classes.csv") == {0: "sky", 1: "tree"}


def test_without_a_list_or_masks(tmp_path: Path) -> None:
    save(STREET, tmp_path / "street.png")
    with pytest.raises(InputError, match=r"holds no _classes\.csv"):
        open_roboflow(tmp_path, Request())
    (tmp_path / "_classes.csv").write_text("Pixel Value, Class\n0, sky\n")
    with pytest.raises(InputError, match=r"holds no picture with a name like …_mask\.png, but street\.png"):
        open_roboflow(tmp_path, Request())
