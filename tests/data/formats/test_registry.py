from pathlib import Path

import numpy as np
import pytest
import torch

from semsyn.data.formats.annotations import Annotations, Request
from semsyn.data.formats.coding import make_coding
from semsyn.data.formats.registry import FORMATS, open_annotations
from semsyn.errors import InputError, UnknownNameError
from semsyn.labels import LabelSpace
from tests.data.formats.writers import COLORS, NAMES, STREET, WRITERS, write_coco_json, write_masks

SPACE = LabelSpace(
    name="shuffled",
    classes=("car", "boat", "sky", "road", "tree"),
    palette=(COLORS[3], (1, 2, 3), COLORS[0], COLORS[2], COLORS[1]),
)


def encode(annotations: Annotations, space: LabelSpace | None = None) -> tuple[LabelSpace, np.ndarray]:
    (scene,) = annotations.scenes
    coding = make_coding(annotations, space, {}, source="here", name="made")
    return coding.space, coding.encode(scene.draw().class_ids)


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_scene(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path)
    space, ids = encode(open_annotations(tmp_path, name, Request()))
    class_ids = space.map_ids(torch.from_numpy(ids.astype(np.int64))).numpy()
    if name == "palette":
        names = {f"#{r:02x}{g:02x}{b:02x}": c for c, (r, g, b) in zip(NAMES, COLORS, strict=True)}
    else:
        names = {c: c for c in space.classes}
    assert [[names[space.classes[i]] for i in row] for row in class_ids] == [[NAMES[i] for i in row] for row in STREET]


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_fits_a_label_space_by_name(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path)
    space, ids = encode(open_annotations(tmp_path, name, Request(space=SPACE)), SPACE)
    assert space.classes == SPACE.classes and ids.dtype == np.uint8
    assert np.array_equal(ids, np.array([2, 4, 3, 0])[STREET])


def test_every_format_is_tried() -> None:
    assert set(FORMATS) == {*WRITERS, "voc"}, "voc has classes of its own: test_voc.py"


def test_what_does_not_belong_to_a_format(tmp_path: Path) -> None:
    write_masks(tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean masks"):
        open_annotations(tmp_path, "mask", Request())
    with pytest.raises(InputError, match="--annotations is for coco-panoptic and coco-json, not for masks"):
        open_annotations(tmp_path, "masks", Request(annotations=tmp_path / "x.json"))
    with pytest.raises(InputError, match="--order is for masks, not for cvat"):
        open_annotations(tmp_path, "cvat", Request(order=("sky",)))
    with pytest.raises(InputError, match="nowhere is not there"):
        open_annotations(tmp_path / "nowhere", "masks", Request())


def test_two_files_of_one_name(tmp_path: Path) -> None:
    WRITERS["palette"](tmp_path)
    (tmp_path / "street.bmp").write_bytes((tmp_path / "street.png").read_bytes())
    with pytest.raises(InputError, match=r"would both become street\.png"):
        open_annotations(tmp_path, "palette", Request())


@pytest.mark.parametrize("name", ["../street.jpg", "/street.jpg", "..\\street.jpg", "a/../../street.jpg"])
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    write_coco_json(tmp_path)
    path = tmp_path / "instances.json"
    path.write_text(path.read_text().replace("street.jpg", name.replace("\\", "\\\\")))
    with pytest.raises(InputError, match="leads out of a folder"):
        open_annotations(tmp_path, "coco-json", Request())
