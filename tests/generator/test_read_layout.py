from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.errors import InputError, MapWarning
from semsyn.generator.read_layout import read_layout
from tests.models.cases import make_generator


def write(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def make_ids() -> np.ndarray:
    ids = np.zeros((90, 70), np.uint8)
    ids[5:60, 5:40], ids[40:80, 30:60] = 1, 3
    return ids


def test_objects_are_found_for_generators_that_read_them(tmp_path: Path) -> None:
    generator = make_generator("ipose")
    labels, ids = write(tmp_path / "map.png", make_ids()), write(tmp_path / "ids.png", make_ids())
    layout = read_layout(generator, labels, ids, categories={1: 7, 3: 9})
    assert layout.size == (64, 64) and layout.objects is not None
    assert layout.objects.categories.tolist() == [7, 9] and layout.objects.map_size == (64, 64)
    assert layout.objects.original_sizes.tolist() == [[90, 70]] * 2
    wide = read_layout(generator, labels, ids, categories={1: 7}, size=(32, 96))
    assert wide.size == (32, 96) and wide.objects is not None and len(wide.objects) == 1


def test_without_instances_there_are_no_objects(tmp_path: Path) -> None:
    layout = read_layout(make_generator("ipose"), write(tmp_path / "map.png", make_ids()))
    assert layout.objects is not None and len(layout.objects) == 0


def test_instances_of_which_nothing_is_known(tmp_path: Path) -> None:
    labels, ids = write(tmp_path / "map.png", make_ids()), write(tmp_path / "ids.png", make_ids())
    with pytest.raises(InputError, match="not known what the instances are: give categories="):
        read_layout(make_generator("ipose"), labels, ids)
    with pytest.raises(InputError, match="categories= is for generators that infer parts"):
        read_layout(make_generator("spade"), labels, ids, categories={1: 7})


def test_rendering_from_files(tmp_path: Path) -> None:
    generator = make_generator("ipose")
    labels, ids = write(tmp_path / "map.png", make_ids()), write(tmp_path / "ids.png", make_ids())
    options = {"instance_map": ids, "seed": 1, "output": "pt"}
    picture = generator.render(labels, categories={1: 7, 3: 9}, **options)
    assert picture.shape == (1, 3, 64, 64)
    two = generator.render([labels, labels], categories=[{1: 7, 3: 9}, {1: 9}], **options)
    torch.testing.assert_close(two[:1], picture, atol=1e-4, rtol=1e-4)
    assert not torch.equal(two[1], two[0])
    assert generator.render(labels, size=(96, 32), seed=1, output="pt").shape == (1, 3, 96, 32)


def test_the_data_sets_own_pictures() -> None:
    generator = make_generator("ipose")
    object.__setattr__(generator.config, "convention", "ade20k")
    try:
        instances = np.stack([make_ids() * 4, make_ids(), make_ids()], axis=-1)
        layout = read_layout(generator, torch.from_numpy(make_ids()), instances)
    finally:
        object.__setattr__(generator.config, "convention", None)
    assert layout.objects is not None and layout.objects.categories.tolist() == [24], "4 is a person, 12 no object"


def test_maps_that_seem_to_be_something_else_are_told(recwarn: pytest.WarningsRecorder) -> None:
    generator = make_generator("inade")
    regions = np.kron(np.array([[0, 4, 0], [4, 0, 4], [0, 4, 0]], np.uint8), np.ones((20, 20), np.uint8))
    read_layout(generator, regions, regions)
    assert not recwarn
    with pytest.warns(MapWarning, match="another scene"):
        read_layout(generator, regions, np.roll(regions, (9, 9), (0, 1)))
    smooth = np.array(Image.fromarray(regions).resize((120, 120), Image.Resampling.BILINEAR))
    with pytest.warns(MapWarning, match="blended at the borders"):
        read_layout(generator, smooth)
