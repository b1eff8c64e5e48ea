"""PartNet's released weights to ours and back, alone and inside iPOSE files."""

import pytest
import torch
from torch import Tensor

from semsyn.errors import CheckpointError
from semsyn.models.ipose.released import IPOSE_PREFIX, part_net_facts, part_net_from_released, part_net_keymap
from semsyn.nn import PartNet

WIDTHS = (4, 6, 8, 10)

NAMED = {
    "shape_encoder.enc0.0.weight": "shape_encoder.down.0.conv.weight",
    "mask_encoder.ms_enc1.0.bias": "mask_encoder.coarse.1.conv.bias",
    "decoder.dec3.0.weight": "decoder.up.2.conv.weight",
    "catt1.key_conv.0.weight": "layers.1.key_conv.weight",
    "catt2.multihead_attn.in_proj_bias": "layers.2.in_proj_bias",
    "catt0.multihead_attn.out_proj.weight": "layers.0.out_proj.weight",
    "catt0.ln2.bias": "layers.0.norm_2.bias",
    "catt0.mlp.2.weight": "layers.0.narrow.weight",
    "conv_img.bias": "to_logit.bias",
}


def released(prefix: str = "", **options: int) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return part_net_keymap(prefix).invert(PartNet(WIDTHS, **options).state_dict())


@pytest.mark.parametrize("prefix", ["", IPOSE_PREFIX], ids=["alone", "in-ipose"])
def test_names_run_both_ways(prefix: str) -> None:
    state = released(prefix)
    assert len(state) == 86
    keymap = part_net_keymap(prefix, "somewhere.")
    ours = keymap.convert(state)
    for theirs, name in NAMED.items():
        assert ours[f"somewhere.{name}"] is state[prefix + theirs]
    assert keymap.invert(ours).keys() == state.keys()


@pytest.mark.parametrize("prefix", ["", IPOSE_PREFIX], ids=["alone", "in-ipose"])
def test_a_state_tells_the_network(prefix: str) -> None:
    state = released(prefix, num_layers=2)
    assert part_net_facts(state, prefix) == (WIDTHS, 2)
    network = part_net_from_released({**state, "other.key": torch.zeros(1)} if prefix else state, prefix)
    for key, tensor in part_net_keymap(prefix).invert(network.state_dict()).items():
        assert torch.equal(tensor, state[key]), key


def test_released_widths() -> None:
    state = part_net_keymap().invert(PartNet().state_dict())
    assert sum(t.numel() for t in state.values()) == 5_133_825
    assert state["catt0.multihead_attn.in_proj_weight"].shape == (864, 288)
    assert state["decoder.dec1.0.weight"].shape == (288, 64, 4, 4)


def test_no_part_net() -> None:
    with pytest.raises(CheckpointError, match="holds no PartNet"):
        part_net_from_released({"fc.weight": torch.zeros(1)})


def test_a_part_net_that_is_not_whole() -> None:
    state = released()
    del state["catt1.ln1.bias"]
    with pytest.raises(CheckpointError, match=r"1 weights are missing \(layers.1.norm_1.bias\)"):
        part_net_from_released(state)


def test_a_key_that_has_no_place() -> None:
    with pytest.raises(CheckpointError, match="catt0.ln3.bias"):
        part_net_from_released({**released(), "catt0.ln3.bias": torch.zeros(1)})
