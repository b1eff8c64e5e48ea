"""One small scene, `street`, as the tools write it."""

import json
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("sky", "tree", "road", "car")
COLORS = ((0, 0, 0), (10, 200, 30), (90, 90, 90), (255, 0, 0))


def make_street() -> np.ndarray:
    """Indices into `NAMES`, 12 x 16: rows of sky and road, a tree and two cars."""
    street = np.zeros((12, 16), dtype=np.uint8)
    street[7:] = 2
    street[3:7, 2:5] = 1
    street[8:10, 6:9] = street[8:10, 11:14] = 3
    return street


STREET = make_street()


def save(array: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array.astype(np.uint8)).save(path)
    return path


def save_json(data: object, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def draw(street: np.ndarray = STREET) -> np.ndarray:
    return np.array(COLORS, dtype=np.uint8)[street]


def write_palette(root: Path) -> None:
    save(draw(), root / "street.png")


def write_cvat(root: Path) -> None:
    save(draw(), root / "SegmentationClass" / "street.png")
    lines = [f"{name}:{r},{g},{b}::" for name, (r, g, b) in zip(NAMES, COLORS, strict=True)]
    (root / "labelmap.txt").write_text("# label:color_rgb:parts:actions\n" + "\n".join(lines) + "\n")


def write_roboflow(root: Path) -> None:
    save(STREET + 1, root / "train" / "street_mask.png")
    Image.fromarray(draw()).save(root / "train" / "street.jpg")
    rows = [f"{i}, {name}" for i, name in enumerate(("background", *NAMES))]
    (root / "train" / "_classes.csv").write_text("Pixel Value, Class\n" + "\n".join(rows))


def write_masks(root: Path) -> None:
    for i, name in enumerate(NAMES):
        save((i == STREET) * 255, root / f"street_{name}.png")


def write_labelme(root: Path, kinds: tuple[str, ...] = ("polygon", "rectangle")) -> None:
    boxes = [
        ("sky", 0, 0, 15, 6),
        ("road", 0, 7, 15, 11),
        ("tree", 2, 3, 4, 6),
        ("car", 6, 8, 8, 9),
        ("car", 11, 8, 13, 9),
    ]
    shapes = []
    for i, (label, left, top, right, bottom) in enumerate(boxes):
        kind = kinds[i % len(kinds)]
        corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
        points = corners if kind == "polygon" else corners[::2]
        shapes.append({"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}})
    save_json({"shapes": shapes, "imageHeight": 12, "imageWidth": 16, "imageData": None}, root / "street.json")


def run_lengths(mask: np.ndarray) -> list[int]:
    runs = [(value, len(list(group))) for value, group in groupby(mask.T.reshape(-1).tolist())]
    return [*([0] if runs[0][0] else []), *(count for _, count in runs)]


def coco_image(name: str = "street.jpg", number: int = 7) -> dict[str, object]:
    return {"id": number, "file_name": name, "height": 12, "width": 16}


def write_coco_json(root: Path) -> None:
    annotations = [
        {
            "id": i,
            "image_id": 7,
            "category_id": 10 * i + 3,
            "segmentation": {"size": [12, 16], "counts": run_lengths(i == STREET)},
        }
        for i in range(4)
    ]
    categories = [{"id": 10 * i + 3, "name": name} for i, name in enumerate(NAMES)]
    data = {"images": [coco_image()], "annotations": annotations, "categories": categories}
    save_json(data, root / "instances.json")


def write_coco_panoptic(root: Path) -> None:
    """Each class one segment, whose numbers need all three channels."""
    numbers = np.array([5, 70000, 300, 2**23 + 9])
    codes = numbers[STREET]
    save(np.stack([codes & 255, codes >> 8 & 255, codes >> 16], axis=-1), root / "panoptic" / "street.png")
    segments = [{"id": int(n), "category_id": 100 - i} for i, n in enumerate(numbers)]
    annotations = [{"file_name": "street.png", "image_id": 7, "segments_info": segments}]
    categories = [{"id": 100 - i, "name": name} for i, name in enumerate(NAMES)]
    save_json({"annotations": annotations, "categories": categories}, root / "panoptic.json")


ADE_NUMBERS = (2978, 401, 77, 3000)


def write_ade20k_full(root: Path) -> None:
    numbers = np.array(ADE_NUMBERS)[STREET]
    instances = np.where((STREET == 3) & (np.arange(16) > 9), 9, STREET + 1)
    save(np.stack([numbers // 256 * 10, numbers % 256, instances], axis=-1), root / "street_seg.png")
    Image.fromarray(draw()).save(root / "street.jpg")
    lines = [f"{number}\t{name}" for number, name in zip(ADE_NUMBERS, NAMES, strict=True)]
    (root / "objects.txt").write_text("\n".join(lines))


WRITERS: dict[str, Callable[[Path], None]] = {
    "palette": write_palette,
    "cvat": write_cvat,
    "roboflow": write_roboflow,
    "masks": write_masks,
    "labelme": write_labelme,
    "coco-json": write_coco_json,
    "coco-panoptic": write_coco_panoptic,
    "ade20k-full": write_ade20k_full,
}
