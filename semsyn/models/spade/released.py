"""SPADE: original options and checkpoints to ours."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from semsyn.convert.data_set import with_data_set
from semsyn.convert.keymap import KeyMap
from semsyn.convert.original import Facts, Options, Released
from semsyn.errors import InputError
from semsyn.models.pyramid.released import (
    ASKED,
    BLOCKS,
    DATA_SETS,
    IMAGE_ENCODER,
    IMAGE_ENCODER_INPUT,
    OPTIONS,
    OTHERS,
    SPADE_NORM,
    WORDS,
    check_stem_pixels,
    norm_code,
    parse_norm_code,
    pyramid_from_options,
    pyramid_from_state,
)
from semsyn.models.spade.config import SPADEConfig

GENERATOR = KeyMap(words=WORDS, rename={"fc.{p}": "painter.stem.conv.{p}", **BLOCKS, **SPADE_NORM})
LATENT_GENERATOR = KeyMap(words=WORDS, rename={"fc.{p}": "painter.stem.linear.{p}", **BLOCKS, **SPADE_NORM})


def from_released_options(options: Options) -> SPADEConfig:
    """The released code's options (``ngf``, ``label_nc``, ``no_instance``, …) to our config."""
    options = with_data_set(options, DATA_SETS)
    vae = bool(options.get("use_vae", False))
    return SPADEConfig(
        **pyramid_from_options(options),
        has_edges=not options.get("no_instance", False),
        code_dim=int(options.get("z_dim", 256)) if vae else None,
        kernel_size=parse_norm_code(norm_code(options))[1],
    )


def generator_keymap(config: SPADEConfig) -> KeyMap:
    """The key map for the config's stem."""
    return GENERATOR if config.code_dim is None else LATENT_GENERATOR


def recognise(state: Mapping[str, Tensor]) -> Facts | None:
    """What a generator's keys and shapes tell of the config; None if it is not SPADE's.

    ``label_channels`` counts classes and edges together: the file does not tell them apart, see `split_channels`.
    """
    weight = state.get("head_0.norm_0.mlp_shared.0.weight")
    pyramid = pyramid_from_state(state)
    if weight is None or pyramid is None:
        return None
    return {
        **pyramid,
        "label_channels": weight.shape[1],
        "hidden": weight.shape[0],
        "kernel_size": weight.shape[2],
    }


def label_channels(config: SPADEConfig) -> int:
    """Input channels of the convolutions that read the label map."""
    return config.num_classes + config.has_edges


def split_channels(facts: Facts, known: Mapping[str, Any]) -> Facts:
    """Tell classes from the edge map with what is known besides the file.

    Raises:
        InputError: if that does not tell.
    """
    told = dict(facts)
    channels = told.pop("label_channels")
    if "has_edges" in known:
        has_edges = bool(known["has_edges"])
    elif 0 <= channels - known.get("num_classes", -1) <= 1:
        has_edges = channels > known["num_classes"]
    else:
        raise InputError(
            f"the file has {channels} label channels and does not tell whether the last is the edge map: pass "
            "has_edges=True or False, or card=."
        )
    return {**told, "has_edges": has_edges, "num_classes": channels - has_edges}


RELEASED = Released(
    config=SPADEConfig,
    options=OPTIONS,
    data_sets=DATA_SETS,
    from_options=from_released_options,
    recognise=recognise,
    keymap=generator_keymap,
    encoder=IMAGE_ENCODER,
    encoder_input=IMAGE_ENCODER_INPUT,
    others=OTHERS,
    label_channels=label_channels,
    split_channels=split_channels,
    check=check_stem_pixels,
    unchecked=("hidden",),
    asked=ASKED,
)
