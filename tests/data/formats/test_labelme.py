import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semsyn.data.formats.annotations import Request
from semsyn.data.formats.labelme import open_labelme
from semsyn.errors import InputError
from tests.data.formats.writers import save_json, write_labelme


def shape(label: str, points: list[list[float]], kind: str = "rectangle", group: int | None = None) -> dict[str, Any]:
    return {"label": label, "points": points, "shape_type": kind, "group_id": group}


def write(folder: Path, *shapes: dict[str, Any], **changes: Any) -> Path:
    data = {"shapes": list(shapes), "imageHeight": 12, "imageWidth": 16, **changes}
    return save_json(data, folder / "street.json")


def test_later_shapes_cover_earlier_ones(tmp_path: Path) -> None:
    path = write(tmp_path, shape("sea", [[0, 0], [15, 11]]), shape("boat", [[2, 3], [5, 4]]))
    annotations = open_labelme(path, Request())
    assert [c.name for c in annotations.classes] == ["background", "boat", "sea"] and annotations.void is None
    drawing = annotations.scenes[0].draw()
    assert (drawing.class_ids[3:5, 2:6] == 1).all() and (drawing.class_ids == 1).sum() == 8
    assert (drawing.class_ids == 2).sum() == 12 * 16 - 8


def test_circles(tmp_path: Path) -> None:
    write(tmp_path, shape("sun", [[8, 6], [11, 6]], "circle"))
    y, x = np.mgrid[:12, :16]
    distance = np.hypot(x - 8, y - 6)
    drawn = open_labelme(tmp_path, Request()).scenes[0].draw().class_ids
    assert drawn[distance <= 2.5].all() and not drawn[distance > 3.6].any()


def test_groups_are_instances(tmp_path: Path) -> None:
    boxes = [[[i, 0], [i, 3]] for i in range(5)]
    groups = (1, 1, None, None, 2)
    write(tmp_path, *(shape("car", box, group=group) for box, group in zip(boxes, groups, strict=True)))
    instance_ids = open_labelme(tmp_path, Request()).scenes[0].draw().instance_ids
    assert instance_ids is not None and instance_ids[0, :6].tolist() == [1, 1, 2, 3, 4, 0]


def test_labelmes_own_names(tmp_path: Path) -> None:
    sea = shape("sea", [[0, 0], [9, 9]])
    write(tmp_path, sea, shape("_background_", [[0, 0], [1, 1]]), shape("__ignore__", [[4, 4], [5, 5]]))
    annotations = open_labelme(tmp_path, Request())
    assert [c.name for c in annotations.classes] == ["background", "sea"] and annotations.void == 255
    assert annotations.scenes[0].draw().class_ids.diagonal()[:6].tolist() == [0, 0, 1, 1, 2, 2]


def test_files_without_types_hold_polygons(tmp_path: Path) -> None:
    write_labelme(tmp_path, ("polygon",))
    data = json.loads((tmp_path / "street.json").read_text())
    before = open_labelme(tmp_path, Request()).scenes[0].draw().class_ids
    for item in data["shapes"]:
        del item["shape_type"]
    save_json(data, tmp_path / "street.json")
    assert np.array_equal(open_labelme(tmp_path, Request()).scenes[0].draw().class_ids, before)


@pytest.mark.parametrize("kind", ["line", "linestrip", "point", "mask"])
def test_other_shapes_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    write(tmp_path, shape("sea", [[0, 0], [9, 9]]), shape("rope", [[0, 0], [9, 9]], kind))
    with pytest.raises(InputError, match=rf"street\.json, shape 2 \('rope'\) is a {kind}, .*Draw it as a polygon"):
        open_labelme(tmp_path, Request())


@pytest.mark.parametrize(
    ("shapes", "changes", "message"),
    [
        ([shape("sea", [[0, 0], [9, 9]], "polygon")], {}, "at least 3 points"),
        ([shape("sea", [[0, 0]])], {}, "at least 2 points"),
        ([shape("sea", [[0, 0], [9]])], {}, "at least 2 points"),  # type: ignore[list-item]
        ([shape("", [[0, 0], [9, 9]])], {}, "names an empty class"),
        ([{"points": []}], {}, "'label' must be a text, but it is missing"),
        ([3], {}, "'label' must be a text"),
        ([], {"shapes": {}}, "'shapes' must be a list"),
    ],
)
def test_files_that_are_wrong(shapes: list[Any], changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    write(tmp_path, *shapes, **changes)
    with pytest.raises(InputError, match=message):
        open_labelme(tmp_path / "street.json", Request())


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"imageHeight": None}, "'imageHeight' must be a whole number"), ({"imageWidth": 0}, "12 x 0 pixels cannot be")],
)
def test_sizes_that_are_wrong(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    write(tmp_path, shape("sea", [[0, 0], [9, 9]]), **changes)
    with pytest.raises(InputError, match=message):
        open_labelme(tmp_path, Request()).scenes[0].draw()


def test_without_a_file(tmp_path: Path) -> None:
    save_json({"a": 1}, tmp_path / "notes.json")
    with pytest.raises(InputError, match="holds no JSON file of labelme"):
        open_labelme(tmp_path, Request())
