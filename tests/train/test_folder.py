"""Scenes that are read, cropped and mirrored when their turn comes."""

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.data.io.transforms import Transform
from semsyn.errors import InputError
from semsyn.functional.maps import edges
from semsyn.train.folder import FolderPictures, fit_transform
from semsyn.train.lessons import CutPictures
from semsyn.train.scene_files import find_scenes
from tests.train.conftest import SPACE


def load(folder, **options):
    options = {"space": SPACE, "transform": fit_transform((32, 32)), "size": (32, 32), **options}
    return FolderPictures(files=find_scenes(folder), **options)


def test_a_seed_decides_crop_and_flip_alone(scenes_folder):
    pictures = load(scenes_folder, requires=("instance_ids", "edges", "offsets"))
    assert isinstance(pictures, CutPictures) and len(pictures) == 4
    one, other = pictures.cut([0, 2, 1], [5, 6, 7]), pictures.cut([1, 2], [7, 6])
    assert one.real.shape == (3, 3, 32, 32) and one.layout.offsets.shape == (3, 2, 32, 32)
    torch.testing.assert_close(one.real[[2, 1]], other.real, rtol=0, atol=0)
    for mine, theirs in zip(one.layout[torch.tensor([2, 1])].tensors(), other.layout.tensors(), strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(one.layout.edges, edges(one.layout.instance_ids))
    assert len({pictures.cut([0], [seed]).real.sum().item() for seed in range(8)}) > 4


def test_pictures_and_all_maps_are_cut_alike(scenes_folder):
    """The maps of a picture that shows its ids."""
    size = 40
    for i in range(4):
        ids = np.array(Image.open(scenes_folder / "labels" / f"scene{i}.png"))
        columns = np.array(Image.open(scenes_folder / "instances" / f"scene{i}.png"))
        Image.fromarray(np.stack([ids * 100, columns * 60, ids], 2)).save(scenes_folder / "images" / f"scene{i}.png")
    pictures = load(
        scenes_folder,
        transform=Transform(load_size=size, crop_size=32),
        requires=("instance_ids",),
    )
    cut = pictures.cut([0, 1, 2, 3], [1, 2, 3, 4])
    levels = ((cut.real + 1) * 127.5).round()
    assert torch.equal(levels[:, 0], cut.layout.class_ids * 100.0)
    assert torch.equal(levels[:, 1], cut.layout.instance_ids * 60.0)


def test_batches_without_draws_are_mirrored_as_asked(scenes_folder):
    pictures = load(scenes_folder, transform=fit_transform((32, 48)), size=(32, 48))
    layout, real = pictures.batch([0, 0], [False, True])
    assert torch.equal(real[0], real[1].flip(-1)) and torch.equal(layout.class_ids[0], layout.class_ids[1].flip(-1))


def test_a_class_out_of_range_names_its_file(scenes_folder):
    bad = scenes_folder / "labels" / "scene2.png"
    Image.fromarray(np.full((40, 40), 77, np.uint8)).save(bad)
    with pytest.raises(InputError, match=r"labels/scene2\.png: .*77"):
        load(scenes_folder).cut([0, 1, 2, 3], [0] * 4)
    told = []
    pictures = load(scenes_folder, skips_bad=True, report=told.append)
    for _ in range(2):
        cut = pictures.cut([1, 2, 3], [0] * 3)
    assert torch.equal(cut.real[1], cut.real[2]), "the next scene stands in"
    assert len(told) == 1 and "scene2.png" in told[0]


@pytest.mark.parametrize("skips_bad", [False, True])
def test_nothing_that_can_be_read_is_an_error(scenes_folder, skips_bad):
    for path in (scenes_folder / "images").iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(InputError, match="scene" if not skips_bad else "none of the 4 scenes can be read"):
        load(scenes_folder, skips_bad=skips_bad, report=lambda line: None).cut([0], [0])


def test_maps_of_other_sizes_are_named(scenes_folder):
    Image.fromarray(np.zeros((40, 30), np.uint8)).save(scenes_folder / "instances" / "scene1.png")
    with pytest.raises(InputError, match=r"instances/scene1\.png is 40 x 30, its label map 40 x 40"):
        load(scenes_folder, requires=("instance_ids",)).cut([1], [0])


def test_transforms_fit_any_size():
    wide = Transform(mode="fixed", load_size=512, crop_size=512, aspect_ratio=2.0)
    assert fit_transform((256, 512), wide) == wide
    assert fit_transform((256, 256)) == Transform()
    assert fit_transform((128, 128)) == Transform(load_size=143, crop_size=128)
    for size in ((96, 128), (64, 64)):
        transform = fit_transform(size, wide, crops=False)
        assert transform.scaled_size((77, 99)) == size and not transform.crops
    assert fit_transform((128, 128), wide).scaled_size((300, 400)) == (128, 128)


def test_line_drawings_are_cut_as_their_pictures_are(scenes_folder):
    with pytest.raises(InputError, match="reads line drawings: put them into sketches/"):
        load(scenes_folder, requires=("planes",)).batch([0])
    (scenes_folder / "sketches").mkdir()
    for i in range(4):
        ids = np.array(Image.open(scenes_folder / "labels" / f"scene{i}.png"))
        Image.fromarray(ids * 80).save(scenes_folder / "sketches" / f"scene{i}.png")
    layout = load(scenes_folder, requires=("planes",)).cut([0, 1, 2], [3, 4, 5]).layout
    torch.testing.assert_close(layout.planes, layout.class_ids[:, None] * 80 / 255)
    (scenes_folder / "sketches" / "scene1.png").unlink()
    with pytest.raises(InputError, match=r"pictures without a sketch: scene1\.png"):
        find_scenes(scenes_folder)
