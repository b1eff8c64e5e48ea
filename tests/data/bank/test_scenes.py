import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import semsyn.data
from semsyn.data import SceneFolder, presets
from semsyn.data.bank.build import build_bank
from semsyn.data.bank.scenes import SceneFiles, ToyBankScenes, as_scenes
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError


def write(folder, count: int = 2, size: tuple[int, int] = (96, 128)) -> SceneFiles:
    pairs = []
    for i in range(count):
        photo, ids = ToyBankScenes(count).read(i, replace_config(size))
        paths = folder / f"{i}.png", folder / f"{i}-map.png"
        Image.fromarray(photo.movedim(0, 2).numpy()).save(paths[0])
        Image.fromarray(ids.numpy().astype(np.uint8)).save(paths[1])
        pairs.append(paths)
    return SceneFiles(tuple(pairs), folder)


def replace_config(size: tuple[int, int]):
    from tests.data.bank.conftest import make_config

    return replace(make_config(), size=size, scale=1)


def test_files_are_read_and_resized(tmp_path, config):
    scenes = write(tmp_path)
    assert scenes.names == ["0.png", "1.png"]
    photo, ids = scenes.read(1, config)
    full = torch.from_numpy(np.array(Image.open(tmp_path / "1-map.png"))).long()
    assert photo.shape == (3, 96, 128) and photo.dtype == torch.uint8 and torch.equal(ids, full[1::2, 1::2])
    assert torch.equal(photo, torch.from_numpy(np.array(Image.open(tmp_path / "1.png"))).movedim(2, 0))
    smaller, _ = scenes.read(1, replace(config, scale=1))
    assert smaller.shape == (3, 48, 64)


def test_a_bank_of_files_is_the_bank_of_what_they_hold(tmp_path, config):
    scenes = write(tmp_path)
    bank = build_bank(tmp_path / "bank", scenes, config, workers=0)
    assert bank.num_images == 2 and len(bank) and bank.name(1) == "1.png"


def test_files_that_do_not_fit_are_named(tmp_path, config):
    scenes = write(tmp_path, 1)
    Image.new("L", (64, 64)).save(tmp_path / "0-map.png")
    with pytest.raises(InputError, match=r"0\.png with .*0-map\.png: the photograph is 96 x 128, its map 64 x 64"):
        scenes.read(0, config)
    Image.new("L", (128, 96), 99).save(tmp_path / "0-map.png")
    with pytest.raises(InputError, match=r"0-map\.png: class_ids holds 99"):
        scenes.read(0, config)
    (tmp_path / "0.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"0\.png is not a picture"):
        scenes.read(0, config)


def test_ids_are_read_by_the_label_space(tmp_path):
    from semsyn.data.bank.groups import class_groups
    from semsyn.data.bank.manifest import BankConfig

    space = label_space("cityscapes-used")
    config = BankConfig(space=space, groups=class_groups(space), size=(8, 16))
    Image.new("RGB", (16, 8), (1, 2, 3)).save(tmp_path / "a.png")
    stored = np.array([[7, 26], [0, 255]], np.uint8).repeat(8, axis=1).repeat(4, axis=0)
    Image.fromarray(stored).save(tmp_path / "m.png")
    _, ids = SceneFiles(((tmp_path / "a.png", tmp_path / "m.png"),), tmp_path).read(0, config)
    assert ids.unique().tolist() == [0, 13, 19]


def test_toyscenes_are_drawn_at_the_size_of_the_photographs(config):
    photo, ids = ToyBankScenes(3, seed=1, split="val").read(2, config)
    assert photo.shape == (3, 96, 128) and ids.shape == (48, 64)
    assert ToyBankScenes(3, seed=1, split="val").names == ["val-1-00000", "val-1-00001", "val-1-00002"]


def test_pairs_and_the_name_of_a_label_space_will_do(tmp_path, config):
    scenes = write(tmp_path)
    given = [(str(photo), label_map) for photo, label_map in scenes.pairs]
    options = {"size": config.size, "scale": 2, "workers": 0}
    bank = semsyn.data.build_bank(tmp_path / "bank", given, "toyscenes", **options)
    assert bank.config.photo_size == (96, 128) and bank.groups == config.groups and bank.name(1) == "1.png"
    own = replace(config, smallest=bank.config.smallest, kept=bank.config.kept)
    assert bank.class_counts == build_bank(tmp_path / "own", scenes, own, workers=0).class_counts
    folder = tmp_path / "more"
    for kind, place in (("images", 0), ("annotations", 1)):
        (folder / kind / "training").mkdir(parents=True)
        for i, pair in enumerate(scenes.pairs):
            shutil.copy(pair[place], folder / kind / "training" / f"{i}.png")
    found = as_scenes(SceneFolder(folder, presets.ADE20K, "train"))
    assert list(found.names) == ["0.png", "1.png"]
    assert torch.equal(found.read(1, config)[1], scenes.read(1, config)[1])
    with pytest.raises(InputError, match="no scene"):
        semsyn.data.build_bank(tmp_path / "none", [], "toyscenes")
