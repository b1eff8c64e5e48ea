"""A folder of small scenes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsyn.labels import LabelSpace

SPACE = LabelSpace(name="farm", classes=("sky", "field", "barn"))


def write_scenes(folder: Path, count: int = 4, *, has_instances: bool = True, side: int = 40) -> Path:
    """Pictures of noise that hold their number, maps of three stripes, instance maps of columns."""
    rng = np.random.default_rng(0)
    for kind in ("images", "labels", *(["instances"] if has_instances else [])):
        (folder / kind).mkdir(parents=True)
    for i in range(count):
        picture = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        ids = np.repeat(np.arange(side, dtype=np.uint8)[:, None] * 3 // side, side, axis=1)
        ids[:, i * side // 8 :] = (ids[:, i * side // 8 :] + i) % 3
        Image.fromarray(picture).save(folder / "images" / f"scene{i}.png")
        Image.fromarray(ids).save(folder / "labels" / f"scene{i}.png")
        if has_instances:
            columns = np.repeat(np.arange(side, dtype=np.uint8)[None] // 10, side, axis=0)
            Image.fromarray(columns).save(folder / "instances" / f"scene{i}.png")
    return folder


@pytest.fixture
def scenes_folder(tmp_path: Path) -> Path:
    return write_scenes(tmp_path / "data")
