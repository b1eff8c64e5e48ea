"""clVAE: original options and checkpoints to ours."""

from collections.abc import Mapping

from torch import Tensor

from semsyn.convert.data_set import DataSet, with_data_set
from semsyn.convert.keymap import KeyMap
from semsyn.convert.original import Facts, Options, Released
from semsyn.errors import CheckpointError
from semsyn.models.clvae.config import CLVAEConfig
from semsyn.models.pyramid.released import (
    ASKED,
    BLOCKS,
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

LEAST_CROP = 256  # below, the released encoder lacks its last convolution and cannot run

PLAIN_GENERATOR = KeyMap(words=WORDS, rename={"fc.{p}": "painter.stem.conv.{p}", **BLOCKS, **SPADE_NORM})
GENERATOR = KeyMap(
    words=WORDS,
    rename={
        "fc.{p}": "painter.stem.linear.{p}",
        "embedding.{p}": "conditioner.embedding.{p}",
        **BLOCKS,
        **SPADE_NORM,
    },
)
ENCODER = KeyMap(
    words={**IMAGE_ENCODER.words, "level": {str(i + 1): str(i) for i in range(5)}},
    rename={
        **IMAGE_ENCODER.rename,
        "fc_mu{level}.{p}": "class_mu.{level}.{p}",
        "fc_var{level}.{p}": "class_logvar.{level}.{p}",
    },
)

_FIXED = {"no_instance": True, "use_vae": True, "z_dim": 256}
DATA_SETS = {
    "ade20k": DataSet(
        options={**_FIXED, "label_nc": 150, "contain_dontcare_label": True, "crop_size": 256, "z_dim_local": 151},
        label_space="ade20k-raw",
    ),
    "deepfashion": DataSet(
        options={
            **_FIXED,
            "label_nc": 16,
            "crop_size": 256,
            "num_upsampling_layers": "more",
            "z_dim_local": 16,
            "ngf": 160,
        },
        label_space="deepfashion-16",
    ),
    "gta5": DataSet(
        options={
            **_FIXED,
            "label_nc": 20,
            "crop_size": 512,
            "aspect_ratio": 2.0,
            "num_upsampling_layers": "more",
            "z_dim_local": 20,
        },
        label_space="gta5",
    ),
}


def from_released_options(options: Options) -> CLVAEConfig:
    """The released code's options (``ngf``, ``label_nc``, ``z_dim_local``, …) to our config."""
    options = with_data_set(options, DATA_SETS)
    vae = bool(options.get("use_vae", False))
    return CLVAEConfig(
        **pyramid_from_options(options),
        code_dim=int(options.get("z_dim", 256)) if vae else None,
        class_code_dim=int(options.get("z_dim_local", 182)) if vae else None,
        kernel_size=parse_norm_code(norm_code(options))[1],
    )


def generator_keymap(config: CLVAEConfig) -> KeyMap:
    """The key map for the config's stem."""
    return PLAIN_GENERATOR if config.code_dim is None else GENERATOR


def recognise(state: Mapping[str, Tensor]) -> Facts | None:
    """What a generator's keys and shapes tell of the config; None if it is not clVAE's: SPADE's has no embedding."""
    weight, embedding = state.get("head_0.norm_0.mlp_shared.0.weight"), state.get("embedding.weight")
    pyramid = pyramid_from_state(state)
    if weight is None or embedding is None or pyramid is None:
        return None
    if "code_dim" not in pyramid:
        raise CheckpointError("clVAE generators with an embedding start from a code, but fc.weight is a convolution.")
    return {
        **pyramid,
        "num_classes": embedding.shape[0],
        "class_code_dim": embedding.shape[1],
        "hidden": weight.shape[0],
        "kernel_size": weight.shape[2],
    }


def check(state: Mapping[str, Tensor], facts: Facts) -> None:
    """Refuse a size that the first layer does not make, and encoders that never ran.

    Raises:
        CheckpointError: saying what would fit.
    """
    check_stem_pixels(state, facts)
    if facts.get("has_encoder") and facts["image_size"][1] < LEAST_CROP:
        raise CheckpointError(
            f"the released encoder runs only where crop_size is at least {LEAST_CROP}, found pictures of width "
            f"{facts['image_size'][1]}. Leave the encoder's file out."
        )


RELEASED = Released(
    config=CLVAEConfig,
    options={**OPTIONS, "z_dim_local": int},
    data_sets=DATA_SETS,
    from_options=from_released_options,
    recognise=recognise,
    keymap=generator_keymap,
    encoder=ENCODER,
    encoder_input=IMAGE_ENCODER_INPUT,
    others=OTHERS,
    check=check,
    unchecked=("hidden",),
    asked=ASKED,
)
