"""``semsyn prepare bank``, as users call it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes.scene import draw_scene
from tests.cli.conftest import Result

Semsyn = Callable[..., Result]
SMALL = ("--size", "32x64", "--workers", "1")


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs and maps of four scenes, with their label space."""
    root = tmp_path_factory.mktemp("scenes")
    for name in ("images", "maps"):
        (root / name).mkdir()
    for index in range(4):
        scene = draw_scene(index, size=(64, 128))
        Image.fromarray(scene.image).save(root / "images" / f"{index}.png")
        Image.fromarray(scene.class_ids.astype(np.uint8)).save(root / "maps" / f"{index}.png")
    (root / "maps" / "space.json").write_text(label_space("toyscenes").to_json())
    return root


def test_a_folder_becomes_a_bank(semsyn: Semsyn, scenes: Path, tmp_path: Path) -> None:
    out = tmp_path / "bank"
    result = semsyn("prepare", "bank", scenes, "--out", out, *SMALL, "--scale", "2", "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    bank = SegmentBank(out)
    assert bank.config.photo_size == (64, 128) and bank.num_images == found["images"] == 4
    assert found["segments"] == len(bank) == sum(found["classes"].values()) and found["bytes"] > 1000
    assert set(found["classes"]) | set(found["without_segments"]) == set(bank.space.classes)
    assert semsyn("prepare", "bank", out, "--verify").code == 0


def test_photographs_and_maps_may_lie_apart(semsyn: Semsyn, scenes: Path, tmp_path: Path) -> None:
    options = ("--maps", scenes / "maps", "--space", "toyscenes", "--out", tmp_path / "bank", *SMALL)
    result = semsyn("prepare", "bank", scenes / "images", *options, "--quality", "80")
    assert result.code == 0 and "segments of 4 images" in result.out
    assert SegmentBank(tmp_path / "bank").config.quality == 80


def test_a_bank_grows_and_is_put_together_with_another(semsyn: Semsyn, scenes: Path, tmp_path: Path) -> None:
    one, two, both = (tmp_path / name for name in ("one", "two", "both"))
    assert semsyn("prepare", "bank", scenes, "--out", one, *SMALL).code == 0
    assert semsyn("prepare", "bank", scenes, "--out", two, *SMALL).code == 0
    twice = semsyn("prepare", "bank", one, two, "--out", both)
    assert twice.code == 2 and "share 4 scenes" in twice.err
    again = semsyn("prepare", "bank", scenes, "--out", one, "--append", "--workers", "1")
    assert again.code == 2 and "nothing new" in again.err
    grown = semsyn("prepare", "bank", "toyscenes", "--count", "2", "--seed", "3", "--out", one, "--append")
    assert grown.code == 0 and "of 6 images" in grown.out
    toys = semsyn("prepare", "bank", "toyscenes", "--count", "2", "--seed", "4", *SMALL, "--out", tmp_path / "toys")
    assert toys.code == 0
    assert "of 8 images" in semsyn("prepare", "bank", one, tmp_path / "toys", "--out", both).out
    assert SegmentBank(both).num_images == 8


def test_data_sets_are_found_by_their_layout(semsyn: Semsyn, tmp_path: Path) -> None:
    root = tmp_path / "cityscapes"
    for folder in ("leftImg8bit/train/bonn", "gtFine/train/bonn"):
        (root / folder).mkdir(parents=True)
    ids = np.full((32, 64), 23, np.uint8)
    ids[16:] = 7
    Image.new("RGB", (64, 32), (90, 80, 70)).save(root / "leftImg8bit/train/bonn/bonn_1_2_leftImg8bit.png")
    Image.fromarray(ids).save(root / "gtFine/train/bonn/bonn_1_2_gtFine_labelIds.png")
    result = semsyn("prepare", "bank", root, "--data-set", "cityscapes", "--out", tmp_path / "bank", *SMALL, "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["classes"] == {"road": 1, "sky": 1}
    assert SegmentBank(tmp_path / "bank").groups.shaded == (0, 1)


def test_what_does_not_fit_is_told(semsyn: Semsyn, scenes: Path, tmp_path: Path) -> None:
    out = tmp_path / "bank"
    cases: dict[str, tuple[object, ...]] = {
        "say where the bank is to be": (scenes,),
        "nowhere is not there": (tmp_path / "nowhere", "--out", out),
        "should hold one folder of images, pictures, photos, found none": (scenes / "maps", "--out", out),
        "say what the ids of the maps mean": (scenes / "images", "--maps", scenes / "images", "--out", out),
        "2 sources: give one at a time": (scenes, scenes, "--out", out),
        "toyscenes have maps and classes of their own": ("toyscenes", "--space", "cityscapes", "--out", out),
        "is no bank of segments": (scenes, "--verify"),
        "bank is not there": (scenes, "--append", "--out", out),
        "expected HEIGHTxWIDTH": (scenes, "--out", out, "--size", "big"),
        "from 1 to 95": (scenes, "--out", out, "--quality", "96"),
    }
    for message, arguments in cases.items():
        result = semsyn("prepare", "bank", *arguments)
        assert result.code == 2 and message in result.err, (message, result.err)
    assert not out.exists()


def test_a_bank_of_other_classes_does_not_grow(semsyn: Semsyn, scenes: Path, tmp_path: Path) -> None:
    assert semsyn("prepare", "bank", scenes, "--out", tmp_path / "bank", *SMALL).code == 0
    result = semsyn("prepare", "bank", scenes, "--space", "facades", "--append", "--out", tmp_path / "bank")
    assert result.code == 2 and "was built for label space 'toyscenes', not 'facades'" in result.err
    mixed = semsyn("prepare", "bank", tmp_path / "bank", scenes, "--out", tmp_path / "both")
    assert mixed.code == 2 and "is no bank: put banks together" in mixed.err
    appended = semsyn("prepare", "bank", tmp_path / "bank", "--append", "--out", tmp_path / "both")
    assert appended.code == 2 and "leave --append out" in appended.err
