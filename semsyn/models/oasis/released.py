"""OASIS: original options and checkpoints to ours.

The released networks read their noise channels before those of the classes; here the classes come first.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from semsyn.convert.data_set import DataSet, with_data_set
from semsyn.convert.keymap import KeyMap
from semsyn.convert.options import Kinds, flag
from semsyn.convert.original import Facts, Options, Released
from semsyn.errors import CheckpointError, InputError
from semsyn.generator.config import NormName
from semsyn.models.oasis.config import OASISConfig
from semsyn.models.pyramid.released import BLOCKS, SPADE_NORM, SPECTRAL, WORDS, size_from_options

NORMS: dict[str, NormName] = {"syncbatch": "sync_batch", "batch": "batch", "instance": "instance"}
MULTIPLE = 32  # of the picture's sides

# What the released code sets by `dataset_mode`, and so perhaps after its options were written.
DATA_SETS: dict[str, DataSet] = {
    "ade20k": DataSet(options={"label_nc": 150, "crop_size": 256}, label_space="ade20k-unknown-first"),
    "coco": DataSet(options={"label_nc": 182, "crop_size": 256}, label_space="coco-stuff-unknown-first"),
    "cityscapes": DataSet(
        options={"label_nc": 34, "crop_size": 512, "aspect_ratio": 2.0},
        label_space="cityscapes",
    ),
}

_WORDS = {**WORDS, "stage": {f"body.{i}": str(i) for i in range(6)}, "free": {"first_norm": "norm"}}


def generator_keymap(config: OASISConfig) -> KeyMap:
    """The generator's key map, which moves the noise channels behind the classes."""
    noise = config.code_dim or 0
    return KeyMap(
        words=_WORDS,
        rename={"fc.{p}": "painter.stem.conv.{p}", **BLOCKS, **SPADE_NORM},
        rolled={"fc.weight": noise, "{stage}.norm_{i}.mlp_shared.0.weight": noise},
    )


def from_released_options(options: Options) -> OASISConfig:
    """The released code's options (``channels_G``, ``semantic_nc``, ``z_dim``, …) to our config.

    Raises:
        KeyError: if they do not tell the number of classes.
        CheckpointError: for an unknown norm.
    """
    said = with_data_set(options, DATA_SETS)
    classes = said.get("semantic_nc")
    if classes is None:
        classes = int(said["label_nc"]) + bool(said.get("contain_dontcare_label", True))
    norm = said.get("param_free_norm", "syncbatch")
    if norm not in NORMS:
        raise CheckpointError(f"param_free_norm is {norm!r}; known are {list(NORMS)}.")
    return OASISConfig(
        num_classes=int(classes),
        image_size=size_from_options(said, MULTIPLE, crop_size=256),
        width=int(said.get("channels_G", 64)),
        code_dim=None if said.get("no_3dnoise", False) else int(said.get("z_dim", 64)),
        kernel_size=int(said.get("spade_ks", 3)),
        norm=NORMS[norm],
        has_spectral_norm=bool(said.get("spectral_norm", not said.get("no_spectral_norm", False))),
    )


def recognise(state: Mapping[str, Tensor]) -> Facts | None:
    """What a generator's keys and shapes tell of the config; None if it is not OASIS'.

    ``label_channels`` counts noise and classes together: the file does not tell them apart, see `split_channels`.
    """
    shared = state.get("body.0.norm_0.mlp_shared.0.weight")
    if shared is None or "body.0.conv_p.bias" in state:  # iPOSE has one convolution more in each block
        return None
    facts: Facts = {
        "width": state["conv_img.weight"].shape[1],
        "label_channels": shared.shape[1],
        "hidden": shared.shape[0],
        "kernel_size": shared.shape[2],
        "has_spectral_norm": "body.0.conv_0.weight_orig" in state,
    }
    if "body.0.norm_0.first_norm.running_mean" not in state:
        facts["norm"] = "instance"
    return facts


def label_channels(config: OASISConfig) -> int:
    """Input channels of the convolutions that read label map and noise."""
    return config.num_classes + (config.code_dim or 0)


def split_channels(facts: Facts, known: Mapping[str, Any]) -> Facts:
    """Tell noise from classes with what is known besides the file: the classes, else the noise.

    Raises:
        InputError: if that does not tell.
        CheckpointError: if the file has fewer channels than that.
    """
    told = dict(facts)
    channels = told.pop("label_channels")
    if "num_classes" in known:
        num_classes = int(known["num_classes"])
    elif "code_dim" in known:
        num_classes = channels - int(known["code_dim"])
    else:
        raise InputError(
            f"the file has {channels} label channels and does not tell how many of them are noise: pass label_space=, "
            "or card=."
        )
    if not 0 < num_classes <= channels:
        raise CheckpointError(f"the file has {channels} label channels, which leave {num_classes} for the classes.")
    return {**told, "num_classes": num_classes, "code_dim": channels - num_classes or None}


_PARAMETERS = {**SPECTRAL, "weight": "weight", "bias": "bias"}

DISCRIMINATOR = KeyMap(
    rename={
        f"{theirs}.{p}": f"{ours}.{q}"
        for theirs, ours in {
            "body_down.0.conv1.0": "down.0.conv_1",  # numbers count what stands before the convolution: nothing,
            "body_down.{i}.conv1.1": "down.{i}.conv_1",  # an activation,
            "body_up.{i}.conv1.2": "up.{i}.conv_1",  # an activation and upsampling
            "body_down.{i}.conv2.1": "down.{i}.conv_2",
            "body_up.{i}.conv2.1": "up.{i}.conv_2",
            "body_down.{i}.conv_s": "down.{i}.conv_s",
            "body_up.{i}.conv_s": "up.{i}.conv_s",
            "layer_up_last": "to_classes",
            "conv_g": "global_head",
        }.items()
        for p, q in _PARAMETERS.items()
    },
)

OPTIONS: Kinds = {
    **dict.fromkeys(("label_nc", "semantic_nc", "z_dim", "channels_G", "crop_size", "load_size", "spade_ks"), int),
    "aspect_ratio": float,
    **dict.fromkeys(("contain_dontcare_label", "no_3dnoise", "no_spectral_norm"), flag),
    **dict.fromkeys(("dataset_mode", "param_free_norm"), str),
}
OTHERS = {"body_down.": "a discriminator"}

RELEASED = Released(
    config=OASISConfig,
    options=OPTIONS,
    data_sets=DATA_SETS,
    from_options=from_released_options,
    recognise=recognise,
    keymap=generator_keymap,
    others=OTHERS,
    label_channels=label_channels,
    split_channels=split_channels,
    unchecked=("hidden",),
)
