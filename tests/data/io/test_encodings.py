import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsyn.data.io.encodings import recognise
from semsyn.data.spaces.label_space import label_space
from semsyn.labels import LabelSpace

SPACE = label_space("toyscenes")
REGIONS = np.kron(np.array([[0, 4, 2], [9, 1, 7], [3, 8, 6]], dtype=np.uint8), np.ones((30, 30), dtype=np.uint8))
MAP = Path(__file__).parents[3] / "examples/maps/street.png"
PHOTO = Path(__file__).parents[3] / "examples/maps/pictures/street.png"


def save(pixels: np.ndarray | Image.Image, path: Path, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(path, **options)
    return path


def colors(space: LabelSpace = SPACE) -> np.ndarray:
    return np.array(space.palette, dtype=np.uint8)[REGIONS]


def packed(code: np.ndarray) -> np.ndarray:
    return np.stack([code & 255, code >> 8 & 255, code >> 16], axis=-1).astype(np.uint8)


def ade20k(ids: np.ndarray, instances: np.ndarray) -> np.ndarray:
    return np.stack([ids // 256 * 10, ids % 256, instances], axis=-1).astype(np.uint8)


def recognised(path: Path, space: LabelSpace | None = SPACE) -> str | None:
    found = recognise(path, space)
    return None if found is None else found.name


@pytest.mark.parametrize(
    ("pixels", "name", "options", "expected"),
    [
        (REGIONS, "a.png", {}, None),
        (REGIONS, "a.jpg", {"quality": 95}, "lossy"),
        (REGIONS.repeat(3).reshape(90, 90, 3), "a.webp", {"quality": 80}, "lossy"),
        (np.where(REGIONS > 4, 255, 0).astype(np.uint8), "a.png", {}, "mask"),
        (np.where(REGIONS > 4, 255, 0).astype(np.uint8), "a.jpg", {"quality": 90}, "lossy-mask"),
        (colors(), "a.png", {}, "palette"),
        (colors(label_space("facades")), "a.png", {}, "palette"),
        (colors(), "a.jpg", {"quality": 80}, "near-palette"),
        (packed(REGIONS.astype(int) * 70_000 + 12_345), "a.png", {}, "colors"),
        (ade20k(REGIONS.astype(int) * 300, np.arange(90)[None] // 15 + 1 + 0 * REGIONS), "a.png", {}, "ade20k-full"),
        (ade20k(REGIONS.astype(int) * 300, 0 * REGIONS), "ADE_train_1_seg.png", {}, "ade20k-full"),
        (REGIONS.astype(np.uint16) * 1000 + 5, "a.png", {}, "instance-ids"),
        (
            np.kron(np.arange(81, dtype=np.uint8).reshape(9, 9), np.ones((10, 10), dtype=np.uint8)),
            "a.png",
            {},
            "instance-ids",
        ),
        (np.array(Image.fromarray(REGIONS).resize((200, 200), Image.Resampling.BILINEAR)), "a.png", {}, "blended"),
    ],
    ids=lambda value: str(value) if not isinstance(value, np.ndarray) else "",
)
def test_an_encoding_is_recognised_by_its_pixels(
    pixels: np.ndarray, name: str, options: dict, expected: str | None, tmp_path: Path
) -> None:
    assert recognised(save(pixels, tmp_path / name, **options)) == expected


def test_photographs_and_maps_are_told_apart(tmp_path: Path) -> None:
    assert recognised(MAP) is None
    assert recognised(PHOTO) == "photograph"
    assert recognised(save(Image.open(PHOTO).convert("L"), tmp_path / "grey.png")) == "photograph"
    np.save(tmp_path / "a.npy", REGIONS)
    assert recognised(tmp_path / "a.npy") is None
    assert recognised(tmp_path / "gone.png") is None
    (tmp_path / "text.npy").write_text("text")
    assert recognised(tmp_path / "text.npy") is None


def test_colours_and_the_space_that_has_them_are_named(tmp_path: Path) -> None:
    found = recognise(save(colors(label_space("facades")), tmp_path / "a.png"), SPACE)
    assert found is not None and found.remedy == "--space facades"
    assert len(found.colors) == 9 and found.colors[0][1] == 900
    soft = save(colors(label_space("cityscapes")), tmp_path / "b.jpg", quality=90)
    near = recognise(soft)
    assert near is not None and near.remedy == "--space cityscapes --nearest-color"
    near = recognise(soft, label_space("cityscapes"))
    assert near is not None and near.remedy == "--nearest-color"


def test_what_lies_around_tells_the_program(tmp_path: Path) -> None:
    path = save(colors(), tmp_path / "cvat/SegmentationClass/a.png")
    (tmp_path / "cvat/labelmap.txt").touch()
    assert recognised(path) == "cvat"
    path = save(REGIONS, tmp_path / "roboflow/a_mask.png")
    (tmp_path / "roboflow/_classes.csv").touch()
    assert recognised(path) == "roboflow"
    for name in ("sky", "tree"):
        path = save(np.where(REGIONS > 4, 255, 0).astype(np.uint8), tmp_path / f"masks/a[1]_{name}.png")
    assert recognised(path) == "mask-per-class"
    for number in (1, 2):
        path = save(np.where(REGIONS > 4, 255, 0).astype(np.uint8), tmp_path / f"scenes/a_{number}.png")
    assert recognised(path) == "mask"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"shapes": []}, "labelme"),
        ({"annotations": [{"segments_info": []}]}, "coco-panoptic"),
        ({"annotations": [{"segmentation": []}]}, "coco-json"),
        ({"annotations": []}, None),
        ([], None),
        ("text", None),
    ],
    ids=str,
)
def test_annotations_are_recognised(content: object, expected: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    assert recognised(path) == expected
    path.write_text("{")
    assert recognised(path) is None
    assert recognised(tmp_path / "a.xml") is None
