from pathlib import Path

import numpy as np
import pytest

from semsyn.data.formats.ade20k_full import open_ade20k_full
from semsyn.data.formats.annotations import Request
from semsyn.data.formats.coding import make_coding
from semsyn.errors import InputError
from tests.data.formats.writers import ADE_NUMBERS, STREET, save, save_json, write_ade20k_full


def names(root: Path) -> dict[int, str]:
    return {c.stored: c.name for c in open_ade20k_full(root, Request()).classes}


def test_large_sparse_ids_and_instances(tmp_path: Path) -> None:
    write_ade20k_full(tmp_path)
    annotations = open_ade20k_full(tmp_path, Request())
    coding = make_coding(annotations, None, {}, source="here", name="ade")
    (scene,) = annotations.scenes
    drawing = scene.draw()
    assert scene.name == "street"
    ids = coding.encode(drawing.class_ids)
    assert ids.dtype == np.uint16 and np.array_equal(ids, np.array(ADE_NUMBERS)[STREET])
    assert coding.space.classes == ("road", "tree", "sky", "car"), "in the order of their numbers"
    assert coding.space.void_ids == (0,) and coding.space.void == 4
    assert drawing.instance_ids is not None and drawing.instance_ids[8, 12] == 9 and drawing.instance_ids[8, 7] == 4


def test_number_0_is_no_class(tmp_path: Path) -> None:
    write_ade20k_full(tmp_path)
    save(np.zeros((4, 4, 3)), tmp_path / "empty_seg.png")
    empty, _ = open_ade20k_full(tmp_path, Request()).scenes
    assert (empty.draw().class_ids == 4).all()
    with pytest.raises(InputError, match="nothing is labelled in 1 pictures"):
        open_ade20k_full(tmp_path / "empty_seg.png", Request())


def test_names_by_line_by_index_by_picture_or_by_number(tmp_path: Path) -> None:
    write_ade20k_full(tmp_path)
    assert names(tmp_path) == {2978: "sky", 401: "tree", 77: "road", 3000: "car"}
    (tmp_path / "objects.txt").write_text("\n".join(f"thing {i}, of its kind" for i in range(1, 3001)))
    assert names(tmp_path)[77] == "thing 77, of its kind"
    (tmp_path / "objects.txt").unlink()
    assert set(names(tmp_path).values()) == {"class 77", "class 401", "class 2978", "class 3000"}
    objects = [{"name": "road", "name_ndx": 77}, {"name": "road", "name_ndx": 401}, {"name": 3, "name_ndx": 3000}, 5]
    save_json({"annotation": {"object": objects}}, tmp_path / "street.json")
    assert names(tmp_path) == {77: "road (77)", 401: "road (401)", 2978: "class 2978", 3000: "class 3000"}
    (tmp_path / "street.json").write_bytes('{"annotation": "café"}'.encode("latin-1"))
    assert names(tmp_path)[77] == "class 77"
    save_json({"objectnames": [f"n{i}" for i in range(1, 3001)]}, tmp_path / "index_ade20k.json")
    assert names(tmp_path) == {i: f"n{i}" for i in sorted(ADE_NUMBERS)}
    save_json({"objectnames": "n"}, tmp_path / "index_ade20k.json")
    with pytest.raises(InputError, match="has no list 'objectnames'"):
        names(tmp_path)


def test_another_encoding(tmp_path: Path) -> None:
    save(np.full((4, 4, 3), 7), tmp_path / "street_seg.png")
    with pytest.raises(InputError, match="has red levels such as 7; in ADE20K's full encoding"):
        open_ade20k_full(tmp_path, Request())
