import json

import pytest
import torch
from safetensors.torch import save_file

from semsyn.cli.main import main
from semsyn.critics import Critic, FeaturePyramidDiscriminator, MultiscaleDiscriminator, SegmentationDiscriminator
from semsyn.errors import CheckpointError, InputError
from semsyn.hub.critics import KEY, load_critic, save_critic
from semsyn.models.released_critics import to_released

MAKE = {
    "patch": lambda: MultiscaleDiscriminator(4, width=2, num_layers=3),
    "patch-edges": lambda: MultiscaleDiscriminator(4, has_edges=True, width=2, num_scales=3),
    "pyramid": lambda: FeaturePyramidDiscriminator(4, width=2),
    "pyramid-edges": lambda: FeaturePyramidDiscriminator(4, width=2, has_edges=True, has_blur=True),
    "unet": lambda: SegmentationDiscriminator(4, widths=(2, 3, 4), last_width=2),
    "unet-global": lambda: SegmentationDiscriminator(4, widths=(2, 2, 3, 4), last_width=2, has_global_head=True),
}


@pytest.fixture(params=MAKE)
def critic(request):
    torch.manual_seed(0)
    return MAKE[request.param]()


def assert_same(found, critic):
    assert type(found) is type(critic) and found.num_classes == critic.num_classes
    assert getattr(found, "has_edges", False) == getattr(critic, "has_edges", False)
    assert found.state_dict().keys() == critic.state_dict().keys()
    for name, tensor in critic.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor), name


def test_the_authors_file_is_read_whatever_its_sizes(critic, tmp_path):
    torch.save(to_released(critic), tmp_path / "latest_net_D.pth")
    assert_same(load_critic(tmp_path / "latest_net_D.pth", has_edges=getattr(critic, "has_edges", False)), critic)


def test_a_critic_is_saved_and_loaded(critic, tmp_path):
    path = save_critic(critic, tmp_path / "critic.safetensors")
    assert_same(load_critic(path), critic)
    with pytest.raises(InputError, match="exists"):
        save_critic(critic, path)
    with pytest.raises(InputError, match="says has_edges="):
        load_critic(path, has_edges=not getattr(critic, "has_edges", False))


def test_original_names_are_those_of_the_authors():
    unet = to_released(SegmentationDiscriminator(3, widths=(2,) * 6, last_width=2, has_global_head=True))
    assert {"body_down.0.conv1.0.weight_orig", "body_up.5.conv1.2.weight_u", "layer_up_last.bias"} < unet.keys()
    assert {"conv_g.weight", "conv_g.bias"} < unet.keys()
    patch = to_released(MultiscaleDiscriminator(3, width=2))
    assert {"discriminator_1.model3.0.0.weight_v", "discriminator_0.model4.0.weight"} < patch.keys()
    assert len(patch) == 26
    assert len(to_released(FeaturePyramidDiscriminator(3, width=2))) == 42


def test_a_critic_among_other_networks_is_found(tmp_path):
    critic = MAKE["patch"]()
    state = {f"netD.{name}": t for name, t in to_released(critic).items()} | {"netG.fc.weight": torch.zeros(2, 2)}
    torch.save(state, tmp_path / "all.pth")
    assert_same(load_critic(tmp_path / "all.pth"), critic)


def test_what_is_no_critic_is_refused(tmp_path):
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"other\.pth holds no discriminator: its first names are fc\.weight"):
        load_critic(tmp_path / "other.pth")
    state = to_released(MAKE["patch"]())
    del state["discriminator_1.model3.0.bias"]
    torch.save(state, tmp_path / "half.pth")
    with pytest.raises(CheckpointError, match="no whole discriminator"):
        load_critic(tmp_path / "half.pth")
    with pytest.raises(InputError, match="a Critic has no file of its own"):
        save_critic(Critic(), tmp_path / "none.safetensors")
    with pytest.raises(CheckpointError, match="Critic is none of the released"):
        to_released(Critic())
    with pytest.raises(InputError, match="must end in"):
        save_critic(MAKE["patch"](), tmp_path / "critic.pth")


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"format": 1, "kind": "other", "has_edges": False})])
def test_damaged_metadata_are_an_error(text, tmp_path):
    save_file(MAKE["patch"]().state_dict(), tmp_path / "critic.safetensors", {KEY: text})
    with pytest.raises(CheckpointError, match="metadata of .* is damaged"):
        load_critic(tmp_path / "critic.safetensors")


def test_the_command_converts_a_critic(tmp_path, capsys):
    critic = MAKE["patch-edges"]()
    torch.save(to_released(critic), tmp_path / "latest_net_D.pth")
    out = tmp_path / "critic.safetensors"
    arguments = ["convert", tmp_path / "latest_net_D.pth", "--edges", "--out", out]
    assert main([*map(str, arguments)]) == 0
    assert "MultiscaleDiscriminator, 4 classes, borders" in capsys.readouterr().out
    assert_same(load_critic(out), critic)
    assert main([*map(str, arguments), "--overwrite", "--name", "spade/mine"]) == 2
    assert "without --name" in capsys.readouterr().err
