import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsyn.data.formats.detect import detect_format
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError
from tests.data.formats.writers import (
    STREET,
    WRITERS,
    draw,
    save,
    write_coco_json,
    write_coco_panoptic,
    write_cvat,
    write_labelme,
    write_masks,
    write_roboflow,
)

TOYSCENES = label_space("toyscenes")


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "palette"])
def test_formats_are_recognised(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path)
    found, why = detect_format(tmp_path, None)
    assert found == name and str(tmp_path) in why


def test_colours_of_a_label_space(tmp_path: Path) -> None:
    save(np.array(TOYSCENES.palette)[STREET], tmp_path / "street.png")
    found, why = detect_format(tmp_path, None)
    assert found == "palette" and "colours of label space toyscenes (--space toyscenes names them)" in why
    assert detect_format(tmp_path / "street.png", TOYSCENES)[0] == "palette"


def test_voc_by_its_folder(tmp_path: Path) -> None:
    save(STREET, tmp_path / "SegmentationClass" / "a.png")
    assert detect_format(tmp_path, None)[0] == detect_format(tmp_path / "SegmentationClass", None)[0] == "voc"


@pytest.mark.parametrize(
    ("write", "file", "name"),
    [
        (write_cvat, "SegmentationClass/street.png", "cvat"),
        (write_roboflow, "train/street_mask.png", "roboflow"),
        (write_masks, "street_car.png", "masks"),
        (write_labelme, "street.json", "labelme"),
        (write_coco_json, "instances.json", "coco-json"),
        (write_coco_panoptic, "panoptic.json", "coco-panoptic"),
        (write_coco_panoptic, "panoptic", "coco-panoptic"),
        (write_coco_panoptic, "panoptic/street.png", "coco-panoptic"),
    ],
)
def test_single_files(write, file: str, name: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path)
    assert detect_format(tmp_path / file, None)[0] == name


def test_a_json_file_that_lies_elsewhere(tmp_path: Path) -> None:
    write_coco_panoptic(tmp_path)
    moved = tmp_path / "annotations" / "x.json"
    moved.parent.mkdir()
    shutil.move(tmp_path / "panoptic.json", moved)
    with pytest.raises(InputError, match=r"--from palette; .* --from coco-panoptic, with the JSON file beside it"):
        detect_format(tmp_path / "panoptic", None)
    assert detect_format(tmp_path / "panoptic", None, moved)[0] == "coco-panoptic"


def test_two_formats_are_not_chosen_from(tmp_path: Path) -> None:
    write_coco_json(tmp_path)
    write_coco_panoptic(tmp_path)
    with pytest.raises(
        InputError, match=r"several formats \(coco-json: .*; coco-panoptic: .*\); say which: --from FORMAT"
    ):
        detect_format(tmp_path, None)


def test_what_is_no_annotation(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere is not there"):
        detect_format(tmp_path / "nowhere", None)
    save(STREET, tmp_path / "a" / "street.png")
    with pytest.raises(InputError, match="hold ids already, which need no preparation: semsyn inspect"):
        detect_format(tmp_path / "a", None)
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3))
    save(noise, tmp_path / "b" / "street.png")
    with pytest.raises(InputError, match="seems to be a photograph"):
        detect_format(tmp_path / "b", None)
    save(draw(), tmp_path / "c" / "street.png")
    with pytest.raises(
        InputError, match="has 4 colours of no known palette. If each colour is a class: --from palette"
    ):
        detect_format(tmp_path / "c", None)
    Image.fromarray(np.array(TOYSCENES.palette, dtype=np.uint8)[STREET]).resize((128, 96)).save(tmp_path / "soft.png")
    with pytest.raises(InputError, match="soft edges.*semsyn generate"):
        detect_format(tmp_path / "soft.png", TOYSCENES)
    (tmp_path / "export.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match="unpack an archive"):
        detect_format(tmp_path / "export.zip", None)
    (tmp_path / "d").mkdir()
    with pytest.raises(InputError, match="holds no picture"):
        detect_format(tmp_path / "d", None)
