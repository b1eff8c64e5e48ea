import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from semsyn.errors import CheckpointError, HubError, InputError, InputTypeError, UnknownNameError
from semsyn.hub import create, load_pretrained, save_pretrained
from semsyn.hub.load import _warn_non_commercial
from semsyn.models import CARDS
from semsyn.testing.loopback_hub import LoopbackHub
from tests.hub.models import SPACE, make_generator, paint, write_options, write_originals

OPTIONS = {
    "label_nc": 5,
    "contain_dontcare_label": False,
    "no_instance": True,
    "crop_size": 64,
    "add_dist": True,
    "norm_mode": "clade",
}


@pytest.fixture(autouse=True)
def fresh_warnings() -> None:
    _warn_non_commercial.cache_clear()


def test_what_save_pretrained_wrote(tmp_path: Path) -> None:
    generator = make_generator()
    path = save_pretrained(generator, tmp_path / "model")
    for target in (path, path.parent, str(path), str(path.parent)):
        found = load_pretrained(target)
        assert torch.equal(paint(found), paint(generator))
    assert load_pretrained(path, dtype=torch.float64, device="cpu").config == generator.config


def test_originals_by_path_with_options_beside_them(tmp_path: Path) -> None:
    generator = make_generator()
    folder = write_originals(generator, tmp_path / "clade_mine")
    write_options(folder, **OPTIONS)
    for target in (folder, folder / "latest_net_G.pth"):
        assert torch.equal(paint(load_pretrained(target)), paint(generator))


def test_originals_by_card(tmp_path: Path) -> None:
    generator = make_generator("clade-icpe", num_classes=151, width=64, image_size=(256, 256))
    folder = write_originals(generator, tmp_path, "best")
    with pytest.warns(UserWarning, match="clade/ade20k-icpe are licensed CC-BY-NC-SA-4.0: not for commercial use"):
        found = load_pretrained("clade/ade20k-icpe", checkpoint=folder)
    assert found.config == CARDS["clade/ade20k-icpe"].config
    assert found.label_space is not None and found.label_space.name == "ade20k-raw"
    assert found.card.name == "clade/ade20k-icpe"
    path = save_pretrained(found, tmp_path / "a.safetensors", dtype=torch.float16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said once per name
        again = load_pretrained(path)
    assert again.card == found.card
    assert again.label_space == found.label_space


def test_a_path_that_exists_wins_over_a_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_pretrained(make_generator("clade-edges"), tmp_path / "clade" / "coco")
    assert load_pretrained("clade/coco").config == make_generator("clade-edges").config
    shutil.rmtree(tmp_path / "clade")
    with pytest.raises(CheckpointError, match="do not come with semsyn"):
        load_pretrained("clade/coco")


def test_missing_weights_say_where_they_are_and_what_to_run() -> None:
    with pytest.raises(CheckpointError) as caught:
        load_pretrained("spade/coco")
    message = str(caught.value)
    assert "https://github.com/NVlabs/SPADE" in message
    assert "latest_net_G.pth in folder coco_pretrained" in message
    assert 'semsyn.load_pretrained("spade/coco", checkpoint="coco_pretrained")' in message
    assert "semsyn convert coco_pretrained --card spade/coco --out spade-coco.safetensors" in message
    with pytest.raises(
        CheckpointError, match=r'no weights of spade/facades were released.*semsyn\.create\("spade/facades"\)'
    ):
        load_pretrained("spade/facades")


def test_unknown_names_list_the_nearest() -> None:
    for name, near in {
        "clade/ade20": "clade/ade20k",
        "spade": "spade/",
        "inade/celebra": "inade/celeba",
        "no name": "known",
    }.items():
        with pytest.raises(UnknownNameError, match=near):
            load_pretrained(name)
    with pytest.raises(UnknownNameError, match="clade/coco"):
        load_pretrained("clade/cocoa", checkpoint="x")
    for path in ("./absent", "absent.pth", "~/absent.safetensors", "/absent/x", Path("clade/coco")):
        with pytest.raises(CheckpointError, match="there is no file or folder"):
            load_pretrained(path)


def test_folders_and_files_without_weights(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds neither model.safetensors nor"):
        load_pretrained(tmp_path)
    (tmp_path / "a.pth").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_pretrained(tmp_path / "a.pth")


def test_a_revision_is_for_repositories(tmp_path: Path) -> None:
    path = save_pretrained(make_generator(), tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="revision= is for Hub repositories"):
        load_pretrained(path, revision="main")


def test_a_hub_repository(hub: LoopbackHub, tmp_path: Path) -> None:
    generator = make_generator()
    generator.label_space = SPACE
    path = save_pretrained(generator, tmp_path / "model")
    commit = hub.add("me/scenes", {"model.safetensors": path.read_bytes(), "README.md": b""})
    found = load_pretrained("me/scenes", cache_dir=tmp_path / "cache")
    assert torch.equal(paint(found), paint(generator))
    assert found.label_space == SPACE
    hub.requests.clear()
    load_pretrained("me/scenes", revision=commit, cache_dir=tmp_path / "cache")
    load_pretrained("me/scenes", cache_dir=tmp_path / "cache", local_files_only=True)
    assert hub.requests == []
    hub.add("me/other", {"weights.bin": b"x"})
    with pytest.raises(HubError, match="me/other has no file 'model.safetensors'"):
        load_pretrained("me/other", cache_dir=tmp_path / "cache")
    hub.add("me/foreign", {"model.safetensors": b"x" * 100})
    with pytest.raises(CheckpointError, match="truncated, damaged"):
        load_pretrained("me/foreign", cache_dir=tmp_path / "cache")


def test_create_builds_presets_and_variants() -> None:
    generator = create("spade/facades", width=2)
    assert generator.training
    assert generator.label_space is not None and generator.label_space.name == "facades"
    assert (generator.card.status, generator.card.license) == ("untrained", "unknown")
    generator = create("inade/cityscapes", num_classes=4, width=2, instance_code_dim=3, has_encoder=False)
    assert (generator.config.num_classes, generator.config.instance_code_dim) == (4, 3)
    assert generator.label_space is None
    assert not create("clade/coco", width=2).card.non_commercial


def test_create_checks_its_arguments() -> None:
    with pytest.raises(InputError, match="has no field depth; it has .*num_classes"):
        create("clade/coco", depth=3)
    for wrong in ({"num_classes": 0}, {"width": -1}):
        with pytest.raises(InputError, match="must be at least 1|must be from 0"):
            create("clade/coco", **wrong)
    with pytest.raises(InputTypeError, match="width of a config of CLADE must be a whole number, found 1.5"):
        create("clade/coco", width=1.5)
    with pytest.raises(UnknownNameError, match="clade/coco"):
        create("clade/cocos")
    with pytest.raises(InputError):
        create("clade/coco", width=2, image_size=(100, 100))


def test_importing_the_hub_does_not_import_its_client() -> None:
    code = "import sys, semsyn.hub; print('huggingface_hub' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    path = save_pretrained(make_generator(), tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="device 'nonsense' cannot be used here"):
        load_pretrained(path, device="nonsense")


@pytest.mark.parametrize("name", ["CLADE/Toyscenes", "Clade/toyscenes", "clade/ToyScenes"])
def test_capitals_do_not_send_a_name_to_the_hub(name: str, hub: LoopbackHub) -> None:
    for look_up in (load_pretrained, create):
        with pytest.raises(UnknownNameError, match="did you mean clade/toyscenes"):
            look_up(name)
    assert not hub.requests


def test_a_repository_that_is_not_there_may_be_a_card_misspelt(hub: LoopbackHub) -> None:
    with pytest.raises(HubError, match="no repository clad/toyscenes.* Or did you mean clade/toyscenes"):
        load_pretrained("clad/toyscenes")


def test_one_number_is_a_square_and_numbers_of_any_make_are_numbers() -> None:
    generator = create("clade/toyscenes", np.int64(7), width=np.uint8(2), image_size=128)
    assert generator.image_size == (128, 128) and type(generator.config.num_classes) is int
    assert create("clade/toyscenes", width=2, image_size=[64, np.int64(96)]).image_size == (64, 96)


def test_a_dtype_is_torchs() -> None:
    for dtype in ("float16", np.float16, torch.int64):
        with pytest.raises(InputError, match="dtype must be a floating-point type, such as torch.float16, found"):
            load_pretrained("clade/toyscenes", dtype=dtype)
