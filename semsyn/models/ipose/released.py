"""iPOSE: original options and checkpoints to ours.

The generator's file holds PartNet, too, under the prefix ``partnet.model.``. Support maps are in none of the files.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from semsyn.convert.data_set import name_data_set
from semsyn.convert.keymap import KeyMap
from semsyn.convert.original import Facts, Options, Released
from semsyn.errors import CheckpointError
from semsyn.generator.assemble import check_state
from semsyn.models.ipose.config import Convention, IPOSEConfig
from semsyn.models.oasis import released as oasis
from semsyn.nn.parts.part_net import PartNet

CONVENTIONS: dict[str, Convention] = {"ade20kins": "ade20k", "cocoins": "coco", "cityscapesins": "cityscapes"}
DATA_SETS = {name: oasis.DATA_SETS[convention] for name, convention in CONVENTIONS.items()}
SAME = 1e-3  # relative: averaging a constant weight moves it by rounding errors alone

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


def generator_keymap(config: IPOSEConfig) -> KeyMap:
    """The generator's key map: OASIS', the parts' and PartNet's."""
    base, net = oasis.generator_keymap(config), part_net_keymap(IPOSE_PREFIX, "conditioner.scene.part_net.")
    ours = "painter.stages.{stage}.norm_p"
    parts = {
        f"{{stage}}.norm_p.mlp_shared{theirs}.0.{{p}}": f"{ours}.{branch}.shared.{{p}}"
        for theirs, branch in (("", "of_parts"), ("_nos", "of_noise"))
    }
    parts |= {
        f"{{stage}}.norm_p.mlp_{{gamma}}{theirs}.{{p}}": f"{ours}.{branch}.{{gamma}}.{{p}}"
        for theirs, branch in (("", "of_parts"), ("_nos", "of_noise"))
    }
    outer = {
        "conv_part.0.{p}": "conditioner.part_conv.{p}",
        "mlp.0.{p}": "conditioner.noise_conv.{p}",
        "conv_nos.{level}.0.{p}": "conditioner.noise_up.{level}.{p}",
    }
    noise = config.code_dim or 0
    return KeyMap(
        words={**base.words, **net.words, "i": {**base.words["i"], "p": "p"}},
        rename={**parts, **outer, **base.rename, **net.rename},
        dropped=("conv_nos.5.0.{p}",),  # never used
        added=("conditioner.scene.supports.{name}",),
        rolled={"fc.weight": noise, **{f"{{stage}}.norm_{i}.mlp_shared.0.weight": noise for i in ("0", "1", "s")}},
    )


def from_released_options(options: Options) -> IPOSEConfig:
    """The released code's options (``channels_G``, ``dataset_mode``, ``n_support``, …) to our config.

    Raises:
        KeyError: if they do not tell the number of classes.
        CheckpointError: for an unknown norm.
    """
    convention = CONVENTIONS.get(name_data_set(options, DATA_SETS) or "")
    base = oasis.from_released_options({**options, "dataset_mode": convention})
    return IPOSEConfig(**vars(base), convention=convention, num_supports=int(options.get("n_support", 3)))


def recognise(state: Mapping[str, Tensor]) -> Facts | None:
    """What a generator's keys and shapes tell of the config; None if it is not iPOSE's.

    ``label_channels`` counts noise and classes together: the file does not tell them apart.

    Raises:
        CheckpointError: if PartNet is not in it.
    """
    if "body.0.conv_p.bias" not in state:
        return None
    facts = oasis.recognise({key: tensor for key, tensor in state.items() if ".conv_p." not in key})
    assert facts is not None
    if not any(key.startswith(IPOSE_PREFIX) for key in state):
        raise CheckpointError(
            "this iPOSE generator comes without PartNet: pass {'generator': …, 'part_net': …}, PartNet's file being "
            "best_G.pth in folder partsyn_model."
        )
    widths, layers = part_net_facts(state, IPOSE_PREFIX)
    channels, stacked = state["conv_part.0.weight"].shape[:2]
    return {
        **facts,
        "part_channels": channels,
        "part_widths": widths,
        "part_layers": layers,
        "num_parts": stacked // widths[0],
    }


def with_prefix(part_net: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """PartNet's own file, keys as in the generator's."""
    return {key if key.startswith(IPOSE_PREFIX) else f"{IPOSE_PREFIX}{key}": t for key, t in part_net.items()}


def merge_part_net(generator: Mapping[str, Tensor], part_net: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """One state of a generator's file and PartNet's.

    As released, the generator's own copy of PartNet counts where it has one (its averaged weights hold PartNet, too).

    Raises:
        CheckpointError: if the two copies are not the same network.
    """
    part_net = with_prefix(part_net)
    both = [key for key in part_net if key in generator]
    if differing := [key for key in both if not _is_same(generator[key], part_net[key])]:
        raise CheckpointError(
            f"the generator's file holds a PartNet of its own, which differs from the other file in {len(differing)} "
            f"weights ({differing[0]}, …): leave the other file out."
        )
    return {**part_net, **generator}


def _is_same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool((a.float() - b.float()).norm() <= SAME * (1 + b.float().norm()))


def defaults(config: IPOSEConfig) -> dict[str, Tensor]:
    """Entries of our state that released files lack: support maps, of which there are none yet."""
    maps = torch.zeros(config.num_supported, config.num_supports, 64, 64, dtype=torch.uint8)
    prefix = "conditioner.scene.supports."
    return {f"{prefix}part_ids": maps, f"{prefix}categories": torch.zeros(config.num_supported, dtype=torch.int64)}


RELEASED = Released(
    config=IPOSEConfig,
    options={**oasis.OPTIONS, "n_support": int},
    data_sets=DATA_SETS,
    from_options=from_released_options,
    recognise=recognise,
    keymap=generator_keymap,
    others=oasis.OTHERS,
    companions={"part_net": merge_part_net},
    label_channels=oasis.label_channels,
    split_channels=oasis.split_channels,
    defaults=defaults,
    unchecked=("hidden", "part_channels", "part_widths", "part_layers", "num_parts"),
)
