"""CLADE and CLADE-ICPE: original options and checkpoints to ours."""

from collections.abc import Mapping

from torch import Tensor

from semsyn.convert.data_set import with_data_set
from semsyn.convert.keymap import KeyMap
from semsyn.convert.options import flag
from semsyn.convert.original import Facts, Options, Released
from semsyn.models.clade.config import CLADEConfig
from semsyn.models.pyramid.released import (
    ASKED,
    BLOCKS,
    DATA_SETS,
    IMAGE_ENCODER,
    IMAGE_ENCODER_INPUT,
    OPTIONS,
    OTHERS,
    WORDS,
    check_stem_pixels,
    pyramid_from_options,
    pyramid_from_state,
)

_AFFINE = "{stage}.norm_{i}.class_specified_affine"
_NORM = {
    f"{_AFFINE}.weight": "painter.stages.{stage}.norm_{i}.gamma",
    f"{_AFFINE}.bias": "painter.stages.{stage}.norm_{i}.beta",
    f"{_AFFINE}.dist_conv_w.{{p}}": "painter.stages.{stage}.norm_{i}.gamma_gain.{p}",
    f"{_AFFINE}.dist_conv_b.{{p}}": "painter.stages.{stage}.norm_{i}.beta_gain.{p}",
    "{stage}.norm_{i}.inst_conv.{p}": "painter.stages.{stage}.norm_{i}.tail.conv.{p}",
}

GENERATOR = KeyMap(words=WORDS, rename={"fc.{p}": "painter.stem.conv.{p}", **BLOCKS, **_NORM})
LATENT_GENERATOR = KeyMap(words=WORDS, rename={"fc.{p}": "painter.stem.linear.{p}", **BLOCKS, **_NORM})

CLADE_DATA_SETS = {**DATA_SETS, "ade20koutdoor": DATA_SETS["ade20k"]}


def from_released_options(options: Options) -> CLADEConfig:
    """The released code's options (``ngf``, ``label_nc``, ``add_dist``, …) to our config."""
    options = with_data_set(options, CLADE_DATA_SETS)
    vae = bool(options.get("use_vae", False))
    return CLADEConfig(
        **pyramid_from_options(options),
        has_edges=not options.get("no_instance", False),
        has_offsets=bool(options.get("add_dist", False)),
        code_dim=int(options.get("z_dim", 256)) if vae else None,
    )


def generator_keymap(config: CLADEConfig) -> KeyMap:
    """The key map for the config's stem."""
    return GENERATOR if config.code_dim is None else LATENT_GENERATOR


def recognise(state: Mapping[str, Tensor]) -> Facts | None:
    """What a generator's keys and shapes tell of the config; None if it is not CLADE's."""
    norm = "head_0.norm_0."
    table = state.get(f"{norm}class_specified_affine.weight")
    pyramid = pyramid_from_state(state)
    if table is None or pyramid is None:
        return None
    return {
        **pyramid,
        "num_classes": table.shape[0],
        "has_edges": f"{norm}inst_conv.weight" in state,
        "has_offsets": f"{norm}class_specified_affine.dist_conv_w.weight" in state,
    }


RELEASED = Released(
    config=CLADEConfig,
    options={**OPTIONS, "add_dist": flag},
    data_sets=CLADE_DATA_SETS,
    from_options=from_released_options,
    recognise=recognise,
    keymap=generator_keymap,
    encoder=IMAGE_ENCODER,
    encoder_input=IMAGE_ENCODER_INPUT,
    others=OTHERS,
    check=check_stem_pixels,
    asked=ASKED,
)
