"""Dye: original options and checkpoints to ours."""

from collections.abc import Mapping

from torch import Tensor

from semsyn.convert.keymap import KeyMap
from semsyn.convert.original import Facts, Options, Released
from semsyn.models.dye.config import DyeConfig
from semsyn.models.pyramid.released import ASKED, BLOCKS, OPTIONS, WORDS, pyramid_from_options, pyramid_from_state

GENERATOR = KeyMap(
    words=WORDS,
    rename={
        "fc.{p}": "painter.stem.conv.{p}",
        **BLOCKS,
        "{stage}.norm_{i}.gain": "painter.stages.{stage}.norm_{i}.scale",
        "{stage}.norm_{i}.dye.{p}": "painter.stages.{stage}.norm_{i}.shift.{p}",
    },
)


def from_released_options(options: Options) -> DyeConfig:
    """The released code's options (``ngf``, ``label_nc``, ``dye_nc``) to our config."""
    return DyeConfig(**pyramid_from_options(options), dye_dim=int(options.get("dye_nc", 3)))


def recognise(state: Mapping[str, Tensor]) -> Facts | None:
    """What a generator's keys and shapes tell of the config; None if it is not Dye's."""
    dye, pyramid = state.get("head_0.norm_0.dye.weight"), pyramid_from_state(state)
    if dye is None or pyramid is None:
        return None
    return {**pyramid, "num_classes": state["fc.weight"].shape[1], "dye_dim": dye.shape[1]}


RELEASED = Released(
    config=DyeConfig,
    options={**OPTIONS, "dye_nc": int},
    from_options=from_released_options,
    recognise=recognise,
    keymap=lambda config: GENERATOR,
    asked=ASKED,
)
