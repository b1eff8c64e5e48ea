"""What the released code of several families shares: block names, option names, sizes."""

import math
import re
from collections.abc import Mapping

from torch import Tensor

from semsyn.convert.data_set import DataSet
from semsyn.convert.keymap import KeyMap
from semsyn.convert.options import Kinds, flag
from semsyn.convert.original import Facts, Options
from semsyn.errors import CheckpointError
from semsyn.models.pyramid.config import SCALES

OPTIONS: Kinds = {
    **dict.fromkeys(("label_nc", "output_nc", "ngf", "ndf", "nef", "z_dim", "num_D", "n_layers_D"), int),
    **dict.fromkeys(("crop_size", "load_size"), int),
    **dict.fromkeys(("aspect_ratio", "lambda_kld", "lambda_feat", "lambda_vgg"), float),
    **dict.fromkeys(("contain_dontcare_label", "no_instance", "use_vae"), flag),
    **dict.fromkeys(("norm_G", "norm_D", "norm_E", "norm_mode", "netG", "dataset_mode", "preprocess_mode"), str),
    "num_upsampling_layers": str,
}
OTHERS = {"discriminator_": "a discriminator"}
MAX_ASPECT = 1000
ASKED = {"image_size": "image_size=(h, w)", "upsampling": "upsampling='normal', 'more' or 'most'"}

# What SPADE's code sets by `dataset_mode`, and the code of its descendants, too.
_UNKNOWN_LAST = {"contain_dontcare_label": True, "crop_size": 256}
DATA_SETS: dict[str, DataSet] = {
    "coco": DataSet(options={"label_nc": 182, "no_instance": False, **_UNKNOWN_LAST}, label_space="coco-stuff"),
    "ade20k": DataSet(options={"label_nc": 150, "no_instance": True, **_UNKNOWN_LAST}, label_space="ade20k-raw"),
    "cityscapes": DataSet(
        options={"label_nc": 35, "crop_size": 512, "aspect_ratio": 2.0, "num_upsampling_layers": "more"},
        label_space="cityscapes",
    ),
    "facades": DataSet(options={"label_nc": 13, "no_instance": True, "crop_size": 256}, label_space="facades"),
    "custom": DataSet(options={"label_nc": 13, "crop_size": 256}),
}

STAGE = {"head_0": "0", "G_middle_0": "1", "G_middle_1": "2", **{f"up_{i}": str(i + 3) for i in range(5)}}
WORDS = {
    "stage": STAGE,
    "i": {"0": "0", "1": "1", "s": "s"},
    "p": {"weight": "weight", "bias": "bias"},
    "free": {"param_free_norm": "norm"},
    "gamma": {"gamma": "gamma", "beta": "beta"},
}

SPECTRAL = {
    "weight_orig": "parametrizations.weight.original",
    "weight_u": "parametrizations.weight.0.u",
    "weight_v": "parametrizations.weight.0.v",
}

BLOCKS = {
    **{
        f"{{stage}}.conv_{{i}}.{theirs}": f"painter.stages.{{stage}}.conv_{{i}}.{ours}"
        for theirs, ours in SPECTRAL.items()
    },
    "{stage}.conv_{i}.{p}": "painter.stages.{stage}.conv_{i}.{p}",
    "{stage}.norm_{i}.{free}.{b}": "painter.stages.{stage}.norm_{i}.{free}.{b}",
    "conv_img.{p}": "painter.to_image.conv.{p}",
}

SPADE_NORM = {
    "{stage}.norm_{i}.mlp_shared.0.{p}": "painter.stages.{stage}.norm_{i}.shared.{p}",
    "{stage}.norm_{i}.mlp_{gamma}.{p}": "painter.stages.{stage}.norm_{i}.{gamma}.{p}",
}


def first_conv(state: Mapping[str, Tensor]) -> Tensor | None:
    """Weight of the first block's first convolution, with or without spectral norm; None in a state without blocks."""
    return state.get("head_0.conv_0.weight_orig", state.get("head_0.conv_0.weight"))


def norm_code(options: Options, kind: str = "spade") -> str:
    """The option ``norm_G``, or what the released code has without it; for the kind see `parse_norm_code`."""
    return str(options.get("norm_G", f"spectral{kind}syncbatch3x3"))


def parse_norm_code(code: str, kind: str = "spade") -> tuple[str, int]:
    """``spectralspadesyncbatch3x3`` to the parameter-free norm and the kernel size: ("sync_batch", 3).

    Args:
        code: the option ``norm_G``.
        kind: what the family calls its norms there.

    Raises:
        CheckpointError: for a code that the released code does not know.
    """
    match = re.fullmatch(rf"(?:spectral)?{kind}(syncbatch|batch|instance)(\d)x\d", code)
    if not match:
        raise CheckpointError(f"norm_G is {code!r}; known are [spectral]{kind}{{syncbatch,batch,instance}}KxK.")
    return match[1].replace("sync", "sync_"), int(match[2])


def size_from_options(options: Options, multiple: int, *, crop_size: int) -> tuple[int, int]:
    """(h, w) of the picture that original options tell; ``crop_size`` stands for the option where it is missing.

    Raises:
        CheckpointError: for an aspect ratio that is none.
    """
    aspect = float(options.get("aspect_ratio", 1.0))
    if not 1 / MAX_ASPECT <= aspect <= MAX_ASPECT:
        raise CheckpointError(f"aspect_ratio is {aspect}; it is width / height, from 1/{MAX_ASPECT} to {MAX_ASPECT}.")
    columns = int(options.get("crop_size", crop_size)) // multiple
    return round(columns / aspect) * multiple, columns * multiple  # as released: banker's rounding


def pyramid_from_options(options: Options, *, kind: str = "spade") -> Facts:
    """The fields of `PyramidConfig` that original options tell; for the kind see `parse_norm_code`."""
    code = norm_code(options, kind)
    upsampling = options.get("num_upsampling_layers", "normal")
    if upsampling not in SCALES:
        raise CheckpointError(f"num_upsampling_layers is {upsampling!r}; known are {list(SCALES)}.")
    multiple = SCALES[upsampling][-1]
    return {
        "num_classes": int(options["label_nc"]) + bool(options.get("contain_dontcare_label", False)),
        "image_size": size_from_options(options, multiple, crop_size=512),
        "width": int(options.get("ngf", 64)),
        "upsampling": upsampling,
        "norm": parse_norm_code(code, kind)[0],
        "has_spectral_norm": code.startswith("spectral"),
    }


def pyramid_from_state(state: Mapping[str, Tensor]) -> Facts | None:
    """The fields of `PyramidConfig` that a generator's keys and shapes tell: not its size, nor "normal" from "more".

    None if this is no such generator.
    """
    conv = first_conv(state)
    if conv is None or "fc.weight" not in state or conv.shape[0] % 16:
        return None
    facts: Facts = {"width": conv.shape[0] // 16, "has_spectral_norm": "head_0.conv_0.weight_orig" in state}
    if "up_4.conv_0.bias" in state:
        facts["upsampling"] = "most"
    if "head_0.norm_0.param_free_norm.running_mean" not in state:
        facts["norm"] = "instance"
    if state["fc.weight"].ndim == 2:
        facts["code_dim"] = state["fc.weight"].shape[1]
    return facts


def check_stem_pixels(state: Mapping[str, Tensor], facts: Facts) -> None:
    """A stem that starts from a code has a fixed number of pixels: check the size that was given.

    Raises:
        CheckpointError: if it does not fit; the message says what would.
    """
    weight = state["fc.weight"]
    if weight.ndim != 2:
        return
    width = int(facts.get("stem_width") or facts["width"])
    pixels = weight.shape[0] // (16 * width)
    multiple = SCALES[facts["upsampling"]][-1]
    wanted = math.prod(side // multiple for side in facts["image_size"])
    if wanted != pixels:
        raise CheckpointError(
            f"the file's first layer makes {pixels} pixels, but {facts['image_size']} at depth {facts['upsampling']!r} "
            f"needs {wanted}. Give the image_size and upsampling the file was trained with."
        )


PATCHGAN = KeyMap(
    rename={
        "discriminator_{s}.model{b}.0.{p}": "scales.{s}.blocks.{b}.conv.{p}",  # first and last block: no spectral norm
        **{
            f"discriminator_{{s}}.model{{b}}.0.0.{theirs}": f"scales.{{s}}.blocks.{{b}}.conv.{ours}"
            for theirs, ours in SPECTRAL.items()
        },
    },
)

IMAGE_ENCODER = KeyMap(
    words={"l": {str(i + 1): str(i) for i in range(6)}, "p": WORDS["p"]},
    rename={
        **{f"layer{{l}}.0.{theirs}": f"layers.{{l}}.0.{ours}" for theirs, ours in SPECTRAL.items()},
        "fc_mu.{p}": "mu.{p}",
        "fc_var.{p}": "logvar.{p}",
    },
)
IMAGE_ENCODER_INPUT = "layer1.0.weight_orig"
