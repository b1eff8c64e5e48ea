from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsyn.data.formats.annotations import Request
from semsyn.data.formats.coding import make_coding
from semsyn.data.formats.voc import open_voc
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError
from tests.data.formats.writers import STREET, save

VOC = label_space("pascal-voc")
IDS = np.array([0, 15, 255, 7], dtype=np.uint8)[STREET]


def as_palette(ids: np.ndarray, order: np.ndarray) -> Image.Image:
    """A palette picture in VOC's colours, with them at the places ``order``."""
    colors = np.zeros((256, 3), dtype=np.uint8)
    colors[order[:21]] = VOC.palette
    colors[order[255]] = 0xE0, 0xE0, 0xC0
    image = Image.fromarray(order[ids].astype(np.uint8), mode="P")
    image.putpalette(colors.reshape(-1).tolist())
    return image


def write(root: Path, kind: str) -> None:
    image = as_palette(IDS, np.arange(256))
    if kind == "sorted anew":
        image = as_palette(IDS, np.random.default_rng(0).permutation(256))
    elif kind == "colours":
        image = image.convert("RGB")
    elif kind == "grey":
        image = Image.fromarray(IDS)
    (root / "SegmentationClass").mkdir()
    image.save(root / "SegmentationClass" / "2007_000032.png")


@pytest.mark.parametrize("kind", ["palette", "sorted anew", "colours", "grey"])
def test_the_same_ids_however_they_are_stored(kind: str, tmp_path: Path) -> None:
    write(tmp_path, kind)
    annotations = open_voc(tmp_path, Request())
    (scene,) = annotations.scenes
    assert scene.name == "2007_000032"
    own = make_coding(annotations, None, {}, source="here", name="voc")
    assert np.array_equal(own.encode(scene.draw().class_ids), IDS)
    assert own.space.classes == VOC.classes and own.space.void == 21 and own.space.void_ids == (255,)
    same = make_coding(annotations, VOC, {}, source="here", name="voc")
    assert np.array_equal(same.encode(scene.draw().class_ids), IDS) and same.space == VOC


def test_objects_beside_classes(tmp_path: Path) -> None:
    write(tmp_path, "palette")
    (tmp_path / "SegmentationObject").mkdir()
    objects = np.where(STREET == 2, 255, np.where(STREET == 3, 1 + (np.arange(16) > 9), 0)).astype(np.uint8)
    as_palette(objects, np.arange(256)).save(tmp_path / "SegmentationObject" / "2007_000032.png")
    (scene,) = open_voc(tmp_path / "SegmentationClass", Request()).scenes
    instance_ids = scene.draw().instance_ids
    assert instance_ids is not None and len(np.unique(instance_ids)) == 3
    assert (instance_ids[STREET != 3] == 0).all() and (instance_ids[STREET == 3] > 0).all()


def test_pictures_of_other_classes(tmp_path: Path) -> None:
    save(np.full((4, 4, 3), 9), tmp_path / "a.png")
    with pytest.raises(InputError, match="#090909 in 16 pixels, none of the colours of Pascal VOC.*--from palette"):
        open_voc(tmp_path, Request()).scenes[0].draw()
    save(np.full((4, 4), 30), tmp_path / "a.png")
    with pytest.raises(InputError, match="30 in 16 pixels, none of the ids of Pascal VOC"):
        open_voc(tmp_path, Request()).scenes[0].draw()
