import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsyn.data.spaces.label_space import label_space
from semsyn.labels import LabelSpace
from tests.cli.conftest import SPACE, Result
from tests.data.formats.writers import (
    NAMES,
    STREET,
    save,
    write_ade20k_full,
    write_coco_json,
    write_coco_panoptic,
    write_cvat,
    write_labelme,
    write_masks,
    write_roboflow,
)

TOYSCENES = label_space("toyscenes")
AS_TOYSCENES = np.array([TOYSCENES.classes.index(name) for name in NAMES])[STREET]
Semsyn = Callable[..., Result]


def read(path: Path) -> np.ndarray:
    return np.array(Image.open(path))


def take_times(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@pytest.mark.parametrize(
    ("write", "name", "file"),
    [
        (write_cvat, "cvat", "street.png"),
        (write_roboflow, "roboflow", "train/street.png"),
        (write_masks, "masks", "street.png"),
        (write_labelme, "labelme", "street.png"),
        (write_coco_json, "coco-json", "street.png"),
        (write_coco_panoptic, "coco-panoptic", "street.png"),
        (write_ade20k_full, "ade20k-full", "street.png"),
    ],
)
def test_what_tools_write_becomes_ids(write, name: str, file: str, semsyn: Semsyn, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path / "source")
    before = take_times(tmp_path / "source")
    result = semsyn(
        "prepare", "labels", tmp_path / "source", "--out", tmp_path / "out", "--space", "toyscenes", "--json"
    )
    assert result.code == 0, result.err
    summary = json.loads(result.out)
    assert summary["format"] == name and summary["written"] == 1 and summary["kept"] == 0 and not result.err
    assert np.array_equal(read(tmp_path / "out" / file), AS_TOYSCENES)
    assert LabelSpace.from_json((tmp_path / "out" / "space.json").read_text()).classes == TOYSCENES.classes
    assert summary["instance_maps"] == (tmp_path / "out" / "instances" / file).is_file()
    assert take_times(tmp_path / "source") == before, "the source is never changed"


def test_pictures_from_a_prepared_folder(semsyn: Semsyn, clade: Path, tmp_path: Path) -> None:
    """With subfolders: instance maps beside are no label maps."""
    for split in ("train", "valid"):
        write_coco_json(tmp_path / "source" / split)
    names = "tree=tree,car=sand,sky=sky,road=road"
    (tmp_path / "five.json").write_text(SPACE.to_json())
    target = ("--out", tmp_path / "out", "--space", tmp_path / "five.json", "--map", names)
    result = semsyn("prepare", "labels", tmp_path / "source", *target)
    assert result.code == 0, result.err
    assert "2 label maps written, 2 instance maps" in result.out and "by other names: 'car' is 'sand'" in result.out
    assert "no class: 'background'" in result.out
    seen = semsyn("inspect", tmp_path / "out", "--space", tmp_path / "out" / "space.json", "--json")
    assert json.loads(seen.out)["maps"] == 2 and json.loads(seen.out)["unknown"] == []
    arguments = (tmp_path / "out", "--space", tmp_path / "out" / "space.json", "--out", tmp_path / "pictures")
    painted = semsyn("generate", clade, *arguments)
    assert painted.code == 0, painted.err
    pictures = [path.relative_to(tmp_path).as_posix() for path in sorted((tmp_path / "pictures").rglob("*.png"))]
    assert pictures == ["pictures/train/street.png", "pictures/valid/street.png"]


def test_it_goes_on_where_it_stopped(semsyn: Semsyn, tmp_path: Path) -> None:
    write_masks(tmp_path / "source")
    save(STREET == 0, tmp_path / "source" / "town_sky.png")
    arguments = ("prepare", "labels", tmp_path / "source", "--from", "masks", "--out", tmp_path / "out")
    assert "2 label maps written in" in semsyn(*arguments).out
    assert json.loads(semsyn("inspect", tmp_path / "out", "--json").out)["passed"] == []
    first = take_times(tmp_path / "out")
    (tmp_path / "out" / "town.png").unlink()
    again = semsyn(*arguments)
    assert "1 label map written, 1 kept in" in again.out
    second = take_times(tmp_path / "out")
    assert second["street.png"] == first["street.png"] and second["town.png"][1] == first["town.png"][1]
    later = first["street.png"][0] / 1e9 + 9
    os.utime(tmp_path / "source" / "street_car.png", (later, later))
    assert "1 label map written, 1 kept in" in semsyn(*arguments).out, "what changed is made anew"
    other = semsyn(*arguments, "--map", "car=none")
    assert other.code == 2 and "out was made otherwise: map was {}" in other.err
    save(STREET == 1, tmp_path / "source" / "town_bush.png")
    other = semsyn(*arguments)
    assert other.code == 2 and "out was made otherwise: space was" in other.err, "another class moves the ids"


def test_names_that_the_space_lacks(semsyn: Semsyn, tmp_path: Path) -> None:
    write_cvat(tmp_path / "source")
    labels = (tmp_path / "source" / "labelmap.txt").read_text()
    (tmp_path / "source" / "labelmap.txt").write_text(labels.replace("car:", "cars:").replace("road:", "asphalt:"))
    arguments = ("prepare", "labels", tmp_path / "source", "--out", tmp_path / "out", "--space", "toyscenes")
    result = semsyn(*arguments)
    assert result.code == 2 and "'cars' (nearest: car" in result.err and not (tmp_path / "out").exists()
    assert "'asphalt'" in result.err
    result = semsyn(*arguments, "--map", "cars=car,asphalt=road")
    assert result.code == 0, result.err
    assert np.array_equal(read(tmp_path / "out" / "street.png"), AS_TOYSCENES)


def test_overlapping_masks_in_order(semsyn: Semsyn, tmp_path: Path) -> None:
    save(STREET < 9, tmp_path / "source" / "00000_skin.png")
    save(STREET == 1, tmp_path / "source" / "00000_l_brow.png")
    arguments = ("prepare", "labels", tmp_path / "source", "--from", "masks", "--out", tmp_path / "out")
    refused = semsyn(*arguments)
    assert refused.code == 2 and "Say what lies on top: --order skin,l_brow" in refused.err
    result = semsyn(*arguments, "--order", "skin,l_brow")
    assert result.code == 2 and "order was [] and is" in result.err, "the folder was begun without"
    result = semsyn(*arguments[:-1], tmp_path / "other", "--order", "skin,l_brow", "--json")
    assert json.loads(result.out)["classes"] == ["background", "l_brow", "skin"]
    assert np.array_equal(read(tmp_path / "other" / "00000.png"), np.where(STREET == 1, 1, 2))


def test_what_was_passed_over(semsyn: Semsyn, tmp_path: Path) -> None:
    write_roboflow(tmp_path / "source")
    result = semsyn("prepare", "labels", tmp_path / "source", "--out", tmp_path / "out")
    assert "read as roboflow: " in result.out and "passed over: 1 .jpg, as street.jpg" in result.out
    assert f"--space {tmp_path / 'out' / 'space.json'}" in result.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--map", "car"), "expected NAME=CLASS,…"),
        (("--map", "car="), "expected NAME=CLASS,…"),
        (("--map", "car=a,car=b"), "expected NAME=CLASS,…"),
        (("--order", "a,a"), "expected different classes"),
        (("--order", "sky"), "--order is for masks, not for cvat"),
        (("--from", "yolo"), "invalid choice: 'yolo'"),
        (("--space", "toyscene"), "did you mean toyscenes"),
        (("--from", "coco-panoptic"), "is missing: COCO's panoptic pictures hold numbers alone"),
        (("--map", '"lorry, big=sky"'), "--map names 'lorry, big', but the classes"),
    ],
)
def test_bad_input(semsyn: Semsyn, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    write_cvat(tmp_path / "source")
    result = semsyn("prepare", "labels", tmp_path / "source", "--out", tmp_path / "out", *arguments)
    assert result.code == 2 and message in result.err and "Traceback" not in result.err
    assert not (tmp_path / "out").exists()


def test_the_source_is_not_written_to(semsyn: Semsyn, tmp_path: Path) -> None:
    write_cvat(tmp_path / "source")
    for out in (tmp_path / "source", tmp_path / "source" / "labels"):
        result = semsyn("prepare", "labels", tmp_path / "source", "--out", out)
        assert result.code == 2 and "which is not to be changed" in result.err and not (out / "prepared.json").exists()


def test_help_names_every_format(semsyn: Semsyn) -> None:
    from semsyn.data.formats.registry import FORMATS

    out = semsyn("prepare", "labels", "--help").out
    assert all(f"\n  {name} " in out for name in FORMATS) and max(map(len, out.splitlines())) <= 110
    assert "\nexamples:\n  semsyn prepare labels" in out
    assert "labels" in semsyn("prepare", "--help").out
