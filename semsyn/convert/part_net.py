"""PartNet: the released network's weights to ours and back."""

from collections.abc import Mapping

from torch import Tensor

from semsyn.convert.keymap import KeyMap, check_state
from semsyn.errors import CheckpointError
from semsyn.nn.parts.part_net import PartNet

IPOSE_PREFIX = "partnet.model."
"""What PartNet's keys begin with inside iPOSE's generator files."""

_WORDS = {
    "encoder": {"shape_encoder": "shape_encoder", "mask_encoder": "mask_encoder"},
    "block": {
        **{f"enc{i}": f"down.{i}" for i in range(4)},
        **{f"ms_enc{i}": f"coarse.{i}" for i in range(2)},
    },
    "up": {f"dec{i + 1}": f"up.{i}" for i in range(3)},
    "conv": {"query_conv": "query_conv", "key_conv": "key_conv", "value_conv": "value_conv"},
    "norm": {"ln1": "norm_1", "ln2": "norm_2"},
    "linear": {"mlp.0": "widen", "mlp.2": "narrow"},
    "p": {"weight": "weight", "bias": "bias"},
}


def part_net_keymap(prefix: str = "", target: str = "") -> KeyMap:
    """The key map of PartNet as a part of something.

    Args:
        prefix: what the original keys begin with: nothing in the file ``partsyn_model``, `IPOSE_PREFIX` in iPOSE's.
        target: what ours begin with.
    """
    rename = {
        "{encoder}.{block}.0.{p}": "{encoder}.{block}.conv.{p}",
        "decoder.{up}.0.{p}": "decoder.{up}.conv.{p}",
        "catt{layer}.{conv}.0.{p}": "layers.{layer}.{conv}.{p}",
        "catt{layer}.multihead_attn.in_proj_{p}": "layers.{layer}.in_proj_{p}",
        "catt{layer}.multihead_attn.out_proj.{p}": "layers.{layer}.out_proj.{p}",
        "catt{layer}.{norm}.{p}": "layers.{layer}.{norm}.{p}",
        "catt{layer}.{linear}.{p}": "layers.{layer}.{linear}.{p}",
        "conv_img.{p}": "to_logit.{p}",
    }
    return KeyMap(words=_WORDS, rename={prefix + theirs: target + ours for theirs, ours in rename.items()})


def part_net_facts(state: Mapping[str, Tensor], prefix: str = "") -> tuple[tuple[int, int, int, int], int]:
    """(widths, number of attention layers) that an original state tells.

    Raises:
        CheckpointError: if the state has no PartNet under this prefix.
    """
    first = f"{prefix}shape_encoder.enc"
    try:
        a, b, c, d = (state[f"{first}{i}.0.weight"].shape[0] for i in range(4))
    except KeyError as error:
        raise CheckpointError(f"the state holds no PartNet: {error} is missing.") from error
    layers = sum(key.startswith(f"{prefix}catt") and key.endswith(".ln1.weight") for key in state)
    return (a, b, c, d), layers


def part_net_from_released(state: Mapping[str, Tensor], prefix: str = "", *, num_parts: int = 9) -> PartNet:
    """PartNet with the weights of an original state, which are the same for any number of parts; other keys than those
    under the prefix are not looked at.

    Raises:
        CheckpointError: if the state has no PartNet, or one that is not whole.
    """
    widths, layers = part_net_facts(state, prefix)
    network = PartNet(widths, num_parts=num_parts, num_layers=layers)
    own = {key: tensor for key, tensor in state.items() if key.startswith(prefix)}
    converted = part_net_keymap(prefix).convert(own)
    check_state(converted, network.state_dict(), what="PartNet")
    network.load_state_dict(converted)
    return network
