from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.data import SceneFolder, label_space, presets
from semsyn.data.io.transforms import Placement, Transform
from semsyn.data.scenes.presets import Preset
from semsyn.data.scenes.scene_folder import read_pair
from semsyn.errors import InputError

SMALL = Transform(load_size=24, crop_size=16)
LAYOUTS = {  # preset, folders of picture and map in training and validation, endings
    "ade20k": (
        presets.ADE20K_UNKNOWN_FIRST,
        {"train": ("images/training", "annotations/training"), "val": ("images/validation", "annotations/validation")},
        (".jpg", ".png"),
    ),
    "coco": (
        presets.COCO_UNKNOWN_FIRST,
        {"train": ("train_img", "train_label"), "val": ("val_img", "val_label")},
        (".jpg", ".png"),
    ),
    "cityscapes": (
        presets.CITYSCAPES,
        {
            "train": ("leftImg8bit/train/bonn", "gtFine/train/bonn"),
            "val": ("leftImg8bit/val/ulm", "gtFine/val/ulm"),
        },
        ("_000019_leftImg8bit.png", "_000019_gtFine_labelIds.png"),
    ),
}


def write(root: Path, name: str, size: tuple[int, int] = (30, 40)) -> None:
    _, folders, endings = LAYOUTS[name]
    rng = np.random.default_rng(0)
    for split, pair in folders.items():
        for i in range(3 if split == "train" else 2):
            for folder, ending, shape in zip(pair, endings, ((*size, 3), size), strict=True):
                path = root / folder / f"city_00000{i}{ending}"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 30, shape, dtype=np.uint8)).save(path)
    if name == "cityscapes":
        Image.new("RGB", (40, 30)).save(root / "gtFine/train/bonn/city_000000_000019_gtFine_color.png")


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_layout_of_the_authors_is_read(name: str, tmp_path: Path) -> None:
    write(tmp_path, name)
    preset = LAYOUTS[name][0]
    for split, count in (("train", 3), ("val", 2)):
        data = SceneFolder(tmp_path, preset, split)
        assert len(data) == count
        item = data[0]
        size = (256, 512) if name == "cityscapes" else (256, 256)
        assert item["image"].shape == (3, *size) and item["class_ids"].shape == size
        assert item["image"].dtype == torch.float32 and item["class_ids"].dtype == torch.int64
        assert item["image"].min() >= -1 and item["class_ids"].max() < label_space(preset.space).num_classes
        assert item["name"].startswith("city_000000")


def test_training_draws_placements_and_validation_does_not(tmp_path: Path) -> None:
    write(tmp_path, "coco")
    train = SceneFolder(tmp_path, presets.COCO_UNKNOWN_FIRST, transform=SMALL)
    val = SceneFolder(tmp_path, presets.COCO_UNKNOWN_FIRST, "val", transform=SMALL)
    torch.manual_seed(0)
    crops = [train[0]["class_ids"] for _ in range(8)]
    assert any(not torch.equal(crops[0], crop) for crop in crops[1:])
    assert all(torch.equal(val[0]["class_ids"], val[0]["class_ids"]) for _ in range(4))
    torch.manual_seed(0)
    assert torch.equal(train[0]["class_ids"], crops[0])


def test_picture_and_map_are_cut_alike() -> None:
    ids = torch.arange(20 * 20).view(20, 20) % 182
    grey = Image.fromarray(ids.to(torch.uint8).numpy()).convert("RGB")
    transform = Transform(load_size=20, crop_size=12)
    space = label_space("coco-stuff-unknown-first")
    image, class_ids = read_pair(grey, ids, space=space, transform=transform, placement=Placement(3, 5, flip=True))
    assert torch.equal(class_ids, ids[5:17, 3:15].flip(1) + 1)
    torch.testing.assert_close((image[0] + 1) / 2 * 255, class_ids.float() - 1, atol=1e-3, rtol=0)


def test_folders_that_do_not_fit(tmp_path: Path) -> None:
    write(tmp_path, "coco")
    with pytest.raises(InputError, match="images/training is not there"):
        SceneFolder(tmp_path, presets.ADE20K)
    with pytest.raises(InputError, match="split is 'test'; there are train, val"):
        SceneFolder(tmp_path, presets.COCO, "test")
    with pytest.raises(InputError, match="not agreed where the files of facades are"):
        SceneFolder(tmp_path, presets.FACADES)
    (tmp_path / "val_img" / "city_000000.jpg").rename(tmp_path / "val_img" / "other.jpg")
    with pytest.raises(InputError, match="do not belong together"):
        SceneFolder(tmp_path, presets.COCO, "val")
    lone = tmp_path / "lone" / "leftImg8bit" / "train" / "a.png"
    lone.parent.mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(lone)
    with pytest.raises(InputError, match="holds no picture whose name ends in _leftImg8bit.png"):
        SceneFolder(tmp_path / "lone", presets.CITYSCAPES)


def write_faces(root: Path, names: list[str]) -> None:
    for i, name in enumerate(names):
        for folder, side, ending in (("CelebA-HQ-img", 32, ".jpg"), ("CelebAMaskHQ-mask", 16, ".png")):
            path = root / folder / f"{name}{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB" if side == 32 else "L", (side, side), (i, i, i) if side == 32 else i).save(path)


def test_lists_name_the_items_of_a_split_and_photographs_may_be_larger(tmp_path: Path) -> None:
    write_faces(tmp_path, ["0", "1", "2", "10"])
    (tmp_path / "train_list.txt").write_text("10.jpg\n\n  1.png \n2\n")
    (tmp_path / "test_list.txt").write_text("0\n")
    train = SceneFolder(tmp_path, presets.CELEBA_BACKGROUND_LAST, transform=SMALL)
    val = SceneFolder(tmp_path, presets.CELEBA_BACKGROUND_LAST, "val", transform=SMALL)
    assert [item["name"] for item in (train[i] for i in range(len(train)))] == ["1.jpg", "2.jpg", "10.jpg"]
    assert [int(item["class_ids"][0, 0]) for item in (train[i] for i in range(len(train)))] == [0, 1, 2]
    assert len(val) == 1 and val[0]["class_ids"].eq(18).all()  # background


def test_lists_that_do_not_fit(tmp_path: Path) -> None:
    write_faces(tmp_path, ["0", "1"])
    with pytest.raises(InputError, match="train_list.txt is not there"):
        SceneFolder(tmp_path, presets.CELEBA_BACKGROUND_LAST)
    (tmp_path / "train_list.txt").write_text("\n")
    with pytest.raises(InputError, match="train_list.txt names no picture"):
        SceneFolder(tmp_path, presets.CELEBA_BACKGROUND_LAST)
    (tmp_path / "train_list.txt").write_text("0\n1\n2\n3\n")
    with pytest.raises(InputError, match="CelebA-HQ-img lacks 2 pictures that train_list.txt names, as 2"):
        SceneFolder(tmp_path, presets.CELEBA_BACKGROUND_LAST)


@pytest.mark.parametrize("mode", ["crop", "none", "scale_width"])
def test_a_larger_photograph_needs_a_mode_that_makes_both_equal(mode: str) -> None:
    photo, ids = Image.new("RGB", (64, 64)), torch.zeros(32, 32, dtype=torch.uint8)
    transform = Transform(mode=mode, load_size=16, crop_size=16)
    if mode == "scale_width":
        assert read_pair(photo, ids, space=label_space("facades"), transform=transform)[0].shape == (3, 16, 16)
    else:
        with pytest.raises(InputError, match="the picture is 64 x 64, its label map 32 x 32"):
            read_pair(photo, ids, space=label_space("facades"), transform=transform)


def test_a_map_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="the picture is 5 x 4, its label map 4 x 4"):
        read_pair(
            Image.new("RGB", (4, 5)),
            torch.zeros(4, 4, dtype=torch.uint8),
            space=label_space("facades"),
            transform=SMALL,
        )


@pytest.mark.parametrize("name", [name for name, value in vars(presets).items() if isinstance(value, Preset)])
def test_presets_name_label_spaces(name: str) -> None:
    preset = getattr(presets, name)
    assert label_space(preset.space).num_classes
    assert preset.train.flip and not preset.test.flip


def test_pictures_that_their_exif_turns_are_told_from_their_maps(tmp_path: Path) -> None:
    write(tmp_path, "ade20k")
    turned = Image.Exif()
    turned[0x0112] = 6
    path = tmp_path / "images/validation/city_000000.jpg"
    Image.open(path).save(path, exif=turned)
    with pytest.raises(InputError, match="40 x 30, its label map 30 x 40.*as_released=True leaves both"):
        SceneFolder(tmp_path, presets.ADE20K_UNKNOWN_FIRST, "val")[0]
    assert SceneFolder(tmp_path, presets.ADE20K_UNKNOWN_FIRST, "val", as_released=True)[0]["image"].shape[0] == 3


def test_endings_in_any_letters_are_seen(tmp_path: Path) -> None:
    write(tmp_path, "ade20k")
    path = tmp_path / "images/validation/city_000000.jpg"
    path.rename(path.with_suffix(".Jpg"))
    assert len(SceneFolder(tmp_path, presets.ADE20K_UNKNOWN_FIRST, "val")) == 2
    with pytest.raises(InputError, match="hold 1 and 2 files"):
        SceneFolder(tmp_path, presets.ADE20K_UNKNOWN_FIRST, "val", as_released=True)
