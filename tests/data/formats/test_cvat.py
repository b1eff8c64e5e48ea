from pathlib import Path

import numpy as np
import pytest

from semsyn.data.formats.annotations import Request
from semsyn.data.formats.cvat import open_cvat, read_labelmap
from semsyn.errors import InputError
from tests.data.formats.writers import COLORS, NAMES, STREET, draw, save, write_cvat


@pytest.mark.parametrize("source", [".", "SegmentationClass", "SegmentationClass/street.png"])
def test_from_any_of_its_folders(source: str, tmp_path: Path) -> None:
    write_cvat(tmp_path)
    annotations = open_cvat(tmp_path / source, Request())
    assert [(c.name, c.stored, c.color) for c in annotations.classes] == [
        (name, i, color) for i, (name, color) in enumerate(zip(NAMES, COLORS, strict=True))
    ]
    (scene,) = annotations.scenes
    assert scene.name == "street" and np.array_equal(scene.draw().class_ids, STREET)
    assert scene.draw().instance_ids is None


def test_objects_beside_classes(tmp_path: Path) -> None:
    write_cvat(tmp_path)
    objects = np.zeros((12, 16, 3), dtype=np.uint8)
    objects[8:10, 6:9], objects[8:10, 11:14] = (200, 0, 0), (0, 0, 200)
    save(objects, tmp_path / "SegmentationObject" / "street.png")
    (scene,) = open_cvat(tmp_path, Request()).scenes
    instance_ids = scene.draw().instance_ids
    assert instance_ids is not None and instance_ids[8, 7] == 2 and instance_ids[8, 12] == 1 and instance_ids[0, 0] == 0
    assert len(scene.files) == 2
    save(objects[1:], tmp_path / "SegmentationObject" / "street.png")
    with pytest.raises(InputError, match="export them together"):
        scene.draw()


def test_a_colour_that_is_not_listed(tmp_path: Path) -> None:
    write_cvat(tmp_path)
    picture = draw()
    picture[0, :3] = 1, 2, 3
    save(picture, tmp_path / "SegmentationClass" / "street.png")
    (scene,) = open_cvat(tmp_path, Request()).scenes
    with pytest.raises(InputError, match=r"#010203 in 3 pixels, none of the colours of .*labelmap\.txt.*missing line"):
        scene.draw()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sky 0 0 0", "line 1: expected name:red,green,blue::"),
        ("# x\nsky:0,0,256::", "line 2"),
        ("sky:0,0,0::\nsky:0,0,1::", "'sky' is there twice"),
        ("sky:0,0,0::\nsea:0,0,0::", "'sky' and 'sea' the colour"),
        ("# nothing", "names no class"),
    ],
)
def test_lists_that_are_wrong(text: str, message: str, tmp_path: Path) -> None:
    write_cvat(tmp_path)
    (tmp_path / "labelmap.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        open_cvat(tmp_path, Request())


def test_names_may_hold_colons_and_spaces(tmp_path: Path) -> None:
    path = tmp_path / "labelmap.txt"
    path.write_text("street: main:1, 2, 3:wheel,door:\n", encoding="utf-8-sig")
    assert read_labelmap(path) == {"street: main": (1, 2, 3)}


def test_without_a_list(tmp_path: Path) -> None:
    save(draw(), tmp_path / "street.png")
    with pytest.raises(InputError, match=r"has no labelmap\.txt"):
        open_cvat(tmp_path, Request())
