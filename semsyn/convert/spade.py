"""SPADE: original options and checkpoints to ours."""

from collections.abc import Mapping

from torch import Tensor

from semsyn.convert.keymap import KeyMap
from semsyn.convert.pyramid import (
    BLOCKS,
    DEFAULT_NORM,
    SPECTRAL,
    WORDS,
    Facts,
    Options,
    parse_norm_code,
    pyramid_from_options,
    pyramid_from_state,
)
from semsyn.models.spade import SPADEConfig

_NORM = {
    "{stage}.norm_{i}.mlp_shared.0.{p}": "stages.{stage}.norm_{i}.shared.{p}",
    "{stage}.norm_{i}.mlp_{gamma}.{p}": "stages.{stage}.norm_{i}.{gamma}.{p}",
}
_WORDS = {**WORDS, "gamma": {"gamma": "gamma", "beta": "beta"}}

GENERATOR = KeyMap(words=_WORDS, rename={"fc.{p}": "stem.conv.{p}", **BLOCKS, **_NORM})
LATENT_GENERATOR = KeyMap(words=_WORDS, rename={"fc.{p}": "stem.linear.{p}", **BLOCKS, **_NORM})

ENCODER = KeyMap(
    words={"l": {str(i + 1): str(i) for i in range(6)}, "p": WORDS["p"]},
    rename={
        **{f"layer{{l}}.0.{theirs}": f"layers.{{l}}.0.{ours}" for theirs, ours in SPECTRAL.items()},
        "fc_mu.{p}": "mu.{p}",
        "fc_var.{p}": "logvar.{p}",
    },
)


def from_released_options(options: Options) -> SPADEConfig:
    """The released code's options (``ngf``, ``label_nc``, ``no_instance``, …) to our config."""
    vae = bool(options.get("use_vae", False))
    return SPADEConfig(
        **pyramid_from_options(options),
        has_edges=not options.get("no_instance", False),
        code_dim=int(options.get("z_dim", 256)) if vae else None,
        kernel_size=parse_norm_code(options.get("norm_G", DEFAULT_NORM))[1],
    )


def recognise(state: Mapping[str, Tensor]) -> Facts | None:
    """What a generator's keys and shapes tell of the config; None if it is not SPADE's.

    ``num_planes`` counts classes and edges together: the file does not tell them apart.
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
