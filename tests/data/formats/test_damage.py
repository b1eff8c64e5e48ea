"""Whatever stands in a file of annotations, what comes of it is a map or an error of ours."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from semsyn.data.formats.annotations import Request
from semsyn.data.formats.coding import make_coding
from semsyn.data.formats.registry import open_annotations
from semsyn.errors import SemsynError
from tests.data.formats.writers import WRITERS, write_ade20k_full, write_cvat, write_roboflow

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**70,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "../x",
    "\0",
    [],
    [[]],
    {},
    [None],
)


def try_to_read(root: Path, name: str) -> None:
    try:
        annotations = open_annotations(root, name, Request())
        coding = make_coding(annotations, None, {}, source="here", name="made")
        for scene in annotations.scenes:
            coding.encode(scene.draw().class_ids)
    except SemsynError as error:
        assert len(str(error)) < 2000


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands; of long lists the first entries."""
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data[:2]) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def change(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    data = copy.deepcopy(data)
    inside = data
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return data


@pytest.mark.filterwarnings("ignore:1 pictures are prepared")
@pytest.mark.parametrize("name", ["labelme", "coco-json", "coco-panoptic"])
def test_anything_in_json(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path)
    (file,) = tmp_path.glob("*.json")
    data = json.loads(file.read_text())
    for path in places(data):
        for value in ODD:
            file.write_text(json.dumps(change(data, path, value)))
            try_to_read(tmp_path, name)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\0", b"[" * 100_000, b"{}", b'{"objectnames": [1]}', b"\0" * 99])
def test_anything_in_lists(text: bytes, tmp_path: Path) -> None:
    write_cvat(tmp_path / "cvat")
    write_roboflow(tmp_path / "roboflow")
    write_ade20k_full(tmp_path / "ade20k-full")
    (tmp_path / "cvat" / "labelmap.txt").write_bytes(text)
    (tmp_path / "roboflow" / "train" / "_classes.csv").write_bytes(text)
    (tmp_path / "ade20k-full" / "objects.txt").write_bytes(text)
    for name in ("cvat", "roboflow", "ade20k-full"):
        try_to_read(tmp_path / name, name)
    (tmp_path / "ade20k-full" / "objects.txt").unlink()
    (tmp_path / "ade20k-full" / "index_ade20k.json").write_bytes(text)
    try_to_read(tmp_path / "ade20k-full", "ade20k-full")


@pytest.mark.parametrize("name", [name for name in WRITERS if name not in ("labelme", "coco-json")])
def test_pictures_that_are_cut_off(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path)
    for picture in tmp_path.rglob("*.png"):
        picture.write_bytes(picture.read_bytes()[:-30])
        with pytest.raises(SemsynError, match=picture.name):
            annotations = open_annotations(tmp_path, name, Request())
            [scene.draw() for scene in annotations.scenes]
        break
