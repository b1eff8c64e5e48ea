from functools import partial
from importlib import import_module

import pytest
import torch

from semsyn.convert import towers
from semsyn.errors import CheckpointError, HubError, InputError
from semsyn.hub import load_lpips, load_tower
from semsyn.hub.load_tower import load_loss_network
from semsyn.losses import CLIPTokens
from semsyn.nn.towers.vgg16 import VGG16Features

WIDTHS = (2, 3, 4, 5, 6)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(towers, "SOURCES", {"vgg16": towers.Source(lambda: VGG16Features(WIDTHS))})


def test_a_file_wins_over_a_repository_and_either_of_its_files_will_do(tmp_path, monkeypatch):
    source = VGG16Features(WIDTHS)
    path = tmp_path / "pytorch_model.bin"
    torch.save(source.state_dict(), path)
    asked = []

    def fetch(repo_id, file):
        asked.append((repo_id, file))
        if file == "model.safetensors":
            raise HubError("no such file")
        return path

    monkeypatch.setattr(import_module("semsyn.hub.load_tower"), "fetch", fetch)  # the name is also the function's
    for place in (str(path), "timm/vgg16.tv_in1k"):
        torch.testing.assert_close(load_tower("vgg16", place).state_dict(), source.state_dict())
    assert asked == [("timm/vgg16.tv_in1k", "model.safetensors"), ("timm/vgg16.tv_in1k", "pytorch_model.bin")]


def test_lpips_takes_heads_of_their_own(tmp_path):
    torch.save(VGG16Features(WIDTHS).state_dict(), tmp_path / "vgg16.pth")
    torch.save({f"lin{i}.model.1.weight": torch.ones(1, c, 1, 1) for i, c in enumerate(WIDTHS)}, tmp_path / "vgg.pth")
    lpips = load_lpips("vgg16", tmp_path / "vgg16.pth", tmp_path / "vgg.pth")
    assert [len(head) for head in lpips.heads] == list(WIDTHS)


def test_without_a_source_and_a_package_the_way_is_told():
    with pytest.raises(InputError, match="no package brings vgg16: give its file"):
        load_tower("vgg16")


def test_losses_of_recipes_look_through_towers_and_clip(tmp_path, monkeypatch):
    torch.save(VGG16Features(WIDTHS).state_dict(), tmp_path / "vgg16.pth")
    assert isinstance(load_loss_network("vgg16", tmp_path / "vgg16.pth"), VGG16Features)
    narrow = partial(CLIPTokens, width=8, heads=2, layers=1, patch=16, resolution=32)
    monkeypatch.setattr(import_module("semsyn.hub.load_tower"), "CLIPTokens", narrow)
    with pytest.raises(InputError, match="no package brings clip: give a file of ViT-B/32"):
        load_loss_network("clip")
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError):
        load_loss_network("clip", tmp_path / "other.pth")
    source = narrow()
    torch.save({f"visual.{key}": t for key, t in source.state_dict().items()}, tmp_path / "clip.pth")
    found = load_loss_network("clip", tmp_path / "clip.pth")
    torch.testing.assert_close(found.state_dict(), source.state_dict())
