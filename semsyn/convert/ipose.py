"""iPOSE: original options and checkpoints to ours.

The generator's file holds PartNet, too, under the prefix ``partnet.model.``. Support maps are in none of the files.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from semsyn.convert import oasis
from semsyn.convert.keymap import KeyMap
from semsyn.convert.part_net import IPOSE_PREFIX, part_net_facts, part_net_keymap
from semsyn.convert.pyramid import Facts, Options
from semsyn.errors import CheckpointError
from semsyn.models.ipose.config import IPOSEConfig

CONVENTIONS = {"ade20kins": "ade20k", "cocoins": "coco", "cityscapesins": "cityscapes"}
SAME = 1e-3  # relative: averaging a constant weight moves it by rounding errors alone


def generator_keymap(config: IPOSEConfig) -> KeyMap:
    """The generator's key map: OASIS', the parts' and PartNet's."""
    base, net = oasis.generator_keymap(config), part_net_keymap(IPOSE_PREFIX, "conditioner.scene.part_net.")
    ours = "stages.{stage}.norm_p"
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
    dataset = str(options.get("dataset_mode", options.get("dataset")))
    convention = CONVENTIONS.get(dataset)
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
