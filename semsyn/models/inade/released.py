"""INADE: original options and checkpoints to ours."""

from collections.abc import Mapping

from torch import Tensor

from semsyn.convert.data_set import DataSet, with_data_set
from semsyn.convert.keymap import KeyMap
from semsyn.convert.options import flag
from semsyn.convert.original import Facts, Options, Released
from semsyn.errors import CheckpointError
from semsyn.models.inade.config import INADEConfig
from semsyn.models.pyramid.released import (
    ASKED,
    BLOCKS,
    DATA_SETS,
    OPTIONS,
    OTHERS,
    WORDS,
    check_stem_pixels,
    pyramid_from_options,
    pyramid_from_state,
)

GENERATOR = KeyMap(
    words=WORDS,
    rename={
        "fc.{p}": "painter.stem.linear.{p}",
        **BLOCKS,
        "{stage}.norm_{i}.{p}": "painter.stages.{stage}.norm_{i}.{p}",
        "{stage}.norm_{i}.fc_noise.{p}": "painter.stages.{stage}.norm_{i}.code_to_channels.{p}",
        "{stage}.norm_{i}.sketch_conv.{p}": "painter.stages.{stage}.norm_{i}.tail.sketch_conv.{p}",
        "{stage}.norm_{i}.merge_conv.weight": "painter.stages.{stage}.norm_{i}.tail.merge_conv.weight",
    },
)

ENCODER = KeyMap(
    words={
        "layer": {
            **{f"layer{i + 1}": f"down.{i}" for i in range(4)},
            "middle": "middle",
            **{f"up{i + 1}": f"up.{i}" for i in range(3)},
            "scale_conv_mu": "scale_mu",
            "scale_conv_var": "scale_logvar",
            "bias_conv_mu": "shift_mu",
            "bias_conv_var": "shift_logvar",
        },
        "p": WORDS["p"],
    },
    rename={"{layer}.{p}": "{layer}.{p}"},
)

INADE_DATA_SETS = {
    **{name: DATA_SETS[name] for name in ("ade20k", "cityscapes", "custom")},
    "celeba": DataSet(options={"label_nc": 19, "crop_size": 256}, label_space="celeba"),
    "deepfashion": DataSet(
        options={"label_nc": 8, "crop_size": 256, "noise_nc": 8},
        label_space="deepfashion-8",
    ),
}


def from_released_options(options: Options) -> INADEConfig:
    """The released code's options (``ngf``, ``label_nc``, ``noise_nc``, …) to our config."""
    options = with_data_set(options, INADE_DATA_SETS)
    return INADEConfig(
        **pyramid_from_options(options),
        code_dim=int(options.get("z_dim", 256)),
        instance_code_dim=int(options.get("noise_nc", 64)),
        has_sketch=bool(options.get("add_sketch", False)),
    )


def generator_keymap(config: INADEConfig) -> KeyMap:
    """The key map, the same for every config."""
    return GENERATOR


def recognise(state: Mapping[str, Tensor]) -> Facts | None:
    """What a generator's keys and shapes tell of the config; None if it is not INADE's."""
    norm = "head_0.norm_0."
    fc_noise = state.get(f"{norm}fc_noise.weight")
    pyramid = pyramid_from_state(state)
    if fc_noise is None or pyramid is None:
        return None
    if "code_dim" not in pyramid:
        raise CheckpointError("INADE generators start from a code, but fc.weight here is a convolution.")
    return {
        **pyramid,
        "num_classes": state[f"{norm}weight"].shape[0],
        "instance_code_dim": fc_noise.shape[1],
        "has_sketch": f"{norm}sketch_conv.weight" in state,
    }


RELEASED = Released(
    config=INADEConfig,
    options={**OPTIONS, "noise_nc": int, "add_sketch": flag},
    data_sets=INADE_DATA_SETS,
    from_options=from_released_options,
    recognise=recognise,
    keymap=generator_keymap,
    encoder=ENCODER,
    encoder_input="layer1.weight",
    others=OTHERS,
    check=check_stem_pixels,
    asked=ASKED,
)
