"""The authors' checkpoints: three of TensorFlow's, put together."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from semsyn.cli.main import main
from semsyn.convert.matconvnet import vgg_state
from semsyn.errors import CheckpointError, InputError
from semsyn.hub.convert_checkpoint import convert_checkpoint
from semsyn.hub.convert_network import convert_network
from semsyn.hub.load import load_pretrained
from semsyn.models.sims.released import ORDER_KEYS, TRANSFORM_KEYS, generator_keymap, keymap_of
from semsyn.nn.towers.vgg19 import VGG19Features
from tests.convert.bundles import write_bundle
from tests.models.sims.conftest import CONFIG, SIZE

TRAINED = {"beta1_power": torch.tensor(0.9), "beta2_power": torch.tensor(0.999)}


def write_original(folder, scale):
    """A generator, and its three checkpoints as the authors save theirs."""
    torch.manual_seed(scale)
    side = 64 * scale
    generator = replace(CONFIG, scale=scale, image_size=(side, side)).build().eval()
    state = generator_keymap(generator.config).invert(generator.state_dict())
    files = {}
    for role, keys in (("transform", TRANSFORM_KEYS), ("order", ORDER_KEYS)):
        own = keymap_of(keys).invert({k: t for k, t in generator.state_dict().items() if f".{role}_net." in k})
        files[role] = write_bundle(folder / role, own | {f"{k}/Adam": t for k, t in own.items()} | TRAINED)
        state = {k: t for k, t in state.items() if k not in own}
    files["generator"] = write_bundle(folder / "synthesis", state | {f"{k}/Adam_1": t for k, t in state.items()})
    return generator, files


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    return write_original(tmp_path_factory.mktemp("original"), 1)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_three_checkpoints_become_one_generator(scale, tmp_path):
    generator, files = write_original(tmp_path, scale)
    found = convert_checkpoint(files, image_size=generator.config.image_size).generator
    known = ("transform_width", "order_width", "width", "num_classes", "scale")
    assert all(getattr(found.config, name) == getattr(generator.config, name) for name in known)
    state = generator.state_dict()
    assert found.state_dict().keys() == state.keys()
    assert all(torch.equal(tensor, state[key]) for key, tensor in found.state_dict().items())


def test_the_synthesis_network_alone_is_a_generator_too(released):
    generator, files = released
    found = convert_checkpoint(files["generator"].with_suffix(""), image_size=generator.config.image_size).generator
    assert found.config.transform_width is found.config.order_width is None
    assert found.conditioner.transform_net is found.conditioner.order_net is None


def test_files_in_wrong_roles_are_refused(released):
    generator, files = released
    with pytest.raises(CheckpointError, match="the network that moves segments is not in its file"):
        convert_checkpoint({**files, "transform": files["order"]}, image_size=SIZE)
    with pytest.raises(CheckpointError, match="SIMS' network that orders segments"):
        convert_checkpoint(files["order"], image_size=SIZE)
    assert convert_network(files["generator"]) is None
    with pytest.raises(InputError, match="image_size"):
        convert_checkpoint(files)


def test_a_variable_too_few_is_told(released, tmp_path):
    generator, files = released
    state = generator_keymap(generator.config).invert(generator.state_dict())
    state.pop("g_decoder_final/g_decoder_final_2/LayerNorm/beta")
    with pytest.raises(CheckpointError, match=r"painter.net.final.1.norm.bias"):
        convert_checkpoint(write_bundle(tmp_path / "less", state), image_size=generator.config.image_size)


def test_vgg_by_the_names_of_its_paper():
    vgg = VGG19Features((2, 3, 4, 5), convolution=2, has_means=True)
    widths, c_in, state = (2, 3, 4, 5, 5), 3, {}
    for stage, (width, count) in enumerate(zip(widths, (2, 2, 4, 4, 4), strict=True), 1):
        for i in range(1, count + 1):
            state[f"conv{stage}_{i}/weights"] = torch.randn(3, 3, c_in, width)
            state[f"conv{stage}_{i}/biases"] = torch.randn(1, width)
            c_in = width
    vgg.load_torchvision(vgg_state(state))
    last = vgg.slice5[-2]
    assert torch.equal(last.weight, state["conv5_2/weights"].permute(3, 2, 0, 1))
    assert torch.equal(last.bias, state["conv5_2/biases"][0])
    x = torch.randn(1, 3, 33, 20)
    assert [tuple(m.shape[1:]) for m in vgg(x)] == [(2, 33, 20), (3, 17, 10), (4, 9, 5), (5, 5, 3), (5, 3, 2)]


def test_the_command_takes_the_folders(released, tmp_path, capsys):
    generator, files = released
    out = tmp_path / "sims.safetensors"
    given = [str(files["generator"].parent), "--transform", str(files["transform"].parent)]
    given += ["--order", str(files["order"].with_suffix("")), "--image-size", "64x64", "--out", str(out)]
    assert main(["convert", *given]) == 0
    assert "SIMS, 15 classes, moves segments, orders segments" in capsys.readouterr().out
    state = generator.state_dict()
    assert all(torch.equal(t, state[key]) for key, t in load_pretrained(out).state_dict().items())


@pytest.mark.parametrize("role", ["transform", "order"])
def test_a_network_alone_becomes_what_training_takes(released, role, tmp_path, capsys):
    generator, files = released
    out = tmp_path / f"{role}.safetensors"
    assert main(["convert", str(files[role].parent), "--out", str(out)]) == 0
    assert f"semsyn train RECIPE --{role}-net {out}" in capsys.readouterr().out
    network = getattr(generator.conditioner, f"{role}_net")
    found, own = load_file(out), network.state_dict()
    assert found.keys() == own.keys() and all(torch.equal(found[key], own[key]) for key in own)
    assert main(["convert", str(files[role].parent), "--out", str(out)]) == 2
    assert "exists and was kept" in capsys.readouterr().err
