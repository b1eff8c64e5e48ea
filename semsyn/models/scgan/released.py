"""SCGAN: original options and checkpoints to ours.

What the weights do not tell (temperature, activation, position maps, the picture's size) comes from the options.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from semsyn.convert.data_set import DataSet, with_data_set
from semsyn.convert.keymap import KeyMap
from semsyn.convert.options import flag
from semsyn.convert.original import Facts, Options, Released
from semsyn.errors import CheckpointError, InputError
from semsyn.models.pyramid.released import (
    BLOCKS,
    IMAGE_ENCODER,
    IMAGE_ENCODER_INPUT,
    OPTIONS,
    OTHERS,
    SPADE_NORM,
    SPECTRAL,
    WORDS,
    check_stem_pixels,
    norm_code,
    parse_norm_code,
    pyramid_from_options,
)
from semsyn.models.scgan.config import SCGANConfig

ROUTING = "pyramid_spaital_routing."  # as released, misspelt
PARAMETERS = {**SPECTRAL, "weight": "weight", "bias": "bias"}
ACTIVATIONS = ("softmax", "sigmoid", "hardtanh")  # any other name is the identity

# What the released code sets by `dataset_mode`, and leaves out of its yml files.
DATA_SETS: dict[str, DataSet] = {
    "celeba": DataSet(
        options={"label_nc": 18, "contain_dontcare_label": True, "crop_size": 512},
        label_space="celeba-background-last",
        experiment="scgan-celeba",
    ),
    "ade20k": DataSet(
        options={"label_nc": 150, "contain_dontcare_label": True, "crop_size": 256},
        label_space="ade20k-raw",
        experiment="scgan-ade20k-best",
    ),
    "coco": DataSet(
        options={"label_nc": 182, "contain_dontcare_label": True, "crop_size": 256},
        label_space="coco-stuff",
        experiment="scgan-coco-best",
    ),
    "cityscapes": DataSet(
        options={"label_nc": 35, "crop_size": 512, "aspect_ratio": 2.0, "num_upsampling_layers": "more"},
        label_space="cityscapes",
    ),
}

_OURS = "conditioner.network."
_LAYERS = {
    f"{ROUTING}labelDec1.0": f"{_OURS}levels.0.conv_0",
    f"{ROUTING}labelDec1.2": f"{_OURS}levels.0.conv_1",
    f"{ROUTING}labelDec{{level}}.1": f"{_OURS}levels.{{level}}.conv_0",
    f"{ROUTING}labelDec{{level}}.3": f"{_OURS}levels.{{level}}.conv_1",
    f"{ROUTING}toRGB.0": f"{_OURS}preview.0",
    f"{ROUTING}toRGB.2": f"{_OURS}preview.2",
    "{stage}.conv_{i}.conv_bases.{e}": "painter.stages.{stage}.conv_{i}.experts.{e}",
}


def generator_keymap(config: SCGANConfig) -> KeyMap:
    """The generator's key map for the config's stem."""
    stem = "painter.stem.conv.{p}" if config.code_dim is None else "painter.stem.linear.{p}"
    mixed = {f"{theirs}.{p}": f"{ours}.{q}" for theirs, ours in _LAYERS.items() for p, q in PARAMETERS.items()}
    table = {"{stage}.norm_{i}.affine_params_groups": "painter.stages.{stage}.norm_{i}.affine"}
    return KeyMap(
        words={**WORDS, "level": {str(i + 1): str(i) for i in range(1, 7)}},
        rename={"fc.{p}": stem, **mixed, **table, **BLOCKS, **SPADE_NORM},
    )


def from_released_options(options: Options) -> SCGANConfig:
    """The released code's options (``ngf``, ``nrf``, ``temperature``, ``pyr_rng``, …) to our config.

    In the variant for pairs of photographs one gives the structure, dense planes here, the other the look.

    Raises:
        KeyError: if they do not tell the number of classes or the temperature.
        CheckpointError: for a network that the released code cannot build, or that no preset has.
    """
    said = with_data_set(options, DATA_SETS)
    facts = pyramid_from_options(said, kind="scc")
    if facts["upsampling"] == "most":
        raise CheckpointError("num_upsampling_layers is 'most'; SCGAN's generators are 'normal' or 'more'.")
    is_unpaired, has_code = said.get("model") == "pix2pixunpaired", bool(said.get("use_vae", False))
    nef, activation = int(said.get("nef", -1)), said.get("weight_type", "softmax")
    if is_unpaired:
        facts["num_planes"], facts["num_classes"] = facts["num_classes"], 0
    return SCGANConfig(
        **facts,
        stem_width=int(said.get("nff", 32)),
        routing_width=int(said.get("nrf", 32)),
        conv_experts=int(said.get("num_experts_conv", 3)),
        norm_experts=int(said.get("num_experts_norm", 3)),
        routing_activation=activation if activation in ACTIVATIONS else "identity",
        temperature=float(said["temperature"]),
        has_routing_spectral_norm=not said.get("no_spectral_on_routing", False),
        has_edges=not said.get("no_instance", True),
        **_position_from_options(said),
        has_style_image=is_unpaired and not has_code,
        code_dim=int(said.get("z_dim", 256)) if has_code else None,
        encoder_width=nef if nef > 0 else None,
        kernel_size=parse_norm_code(norm_code(said, "scc"), "scc")[1],
    )


def _position_from_options(options: Options) -> Facts:
    is_pyramid = bool(options.get("pyr_pos", False))
    if not options.get("position", False):
        if is_pyramid:
            raise CheckpointError("pyr_pos is on and position off, with which the released code cannot run.")
        return {}
    return {
        "position": "pyramid" if is_pyramid else "map",
        **({"position_levels": int(options.get("pyr_rng", 5))} if is_pyramid else {}),
        "position_size": int(options.get("ig_sz", 7)),
        "position_sigma": float(options.get("ig_sigma", 1.5)),
        "position_steps": int(options.get("ig_iter", 1)),
        "is_position_relative": bool(options.get("ig_relative", False)),
    }


def recognise(state: Mapping[str, Tensor]) -> Facts | None:
    """What a generator's keys and shapes tell of the config; None if it is not SCGAN's.

    ``label_channels`` counts classes, planes and edges together: the file does not tell them apart, see
    `split_channels`.
    """
    if not any(key.startswith(ROUTING) for key in state):
        return None
    table, shared = state["head_0.norm_0.affine_params_groups"], state["up_0.norm_s.mlp_shared.0.weight"]
    fc = state["fc.weight"]
    facts: Facts = {
        "width": state["conv_img.weight"].shape[1],
        "stem_width": table.shape[1] // 32,
        "routing_width": state[f"{ROUTING}labelDec1.2.bias"].shape[0] // 16,
        "conv_experts": len({key.split(".")[3] for key in state if key.startswith("head_0.conv_0.conv_bases.")}),
        "norm_experts": table.shape[0],
        "has_spectral_norm": "head_0.conv_0.conv_bases.0.weight_orig" in state,
        "has_routing_spectral_norm": f"{ROUTING}labelDec1.0.weight_orig" in state,
        "upsampling": "more" if f"{ROUTING}labelDec7.1.bias" in state else "normal",
        "code_dim": fc.shape[1] if fc.ndim == 2 else None,
        "has_preview": f"{ROUTING}toRGB.0.weight" in state,
        "hidden": shared.shape[0],
        "kernel_size": shared.shape[2],
        "label_channels": shared.shape[1],
    }
    if "head_0.norm_0.param_free_norm.running_mean" not in state:
        facts["norm"] = "instance"
    return facts


def label_channels(config: SCGANConfig) -> int:
    """Input channels of the convolutions that read the label map."""
    return config.num_classes + config.num_planes + config.has_edges


def split_channels(facts: Facts, known: Mapping[str, Any]) -> Facts:
    """Tell classes from planes and the edge map with what is known besides the file.

    A plane more than a known number of classes is the edge map, whatever else is known: as released, whether COCO's
    generator has one depends on the command line.

    Raises:
        InputError: if that does not tell.
        CheckpointError: if the file has other channels than that.
    """
    told = dict(facts)
    channels, planes = told.pop("label_channels"), int(known.get("num_planes", 0))
    if "num_classes" in known:
        has_edges = channels == known["num_classes"] + planes + 1
    elif "has_edges" in known:
        has_edges = bool(known["has_edges"])
    else:
        raise InputError(
            f"the file has {channels} label channels and does not tell whether the last is the edge map: pass "
            "label_space=, options= or card=."
        )
    told |= {"has_edges": has_edges, "num_classes": channels - planes - has_edges}
    if told["num_classes"] < 0 or (known.get("has_edges") and not has_edges):
        raise CheckpointError(
            f"the file has {channels} label channels, which leave {told['num_classes']} for the classes and "
            f"{'one' if has_edges else 'none'} for the edge map."
        )
    return told


FEATURE_PYRAMID = KeyMap(
    words={
        "encoder": {f"enc{i + 1}": f"encoder.{i}" for i in range(5)},
        "lateral": {f"lat{i + 2}": f"laterals.{i}" for i in range(4)},
        "head": {f"final{i + 2}": f"heads.{i}" for i in range(3)},
        "score": {"tf": "to_realness", "seg": "to_semantics", "embedding": "embedding"},
    },
    rename={
        **{
            f"{{{part}}}.0.0.{theirs}": f"{{{part}}}.conv.{ours}"
            for part in ("encoder", "lateral", "head")
            for theirs, ours in SPECTRAL.items()
        },
        "{score}.{p}": "{score}.{p}",
        "blur.weight": "blur",
    },
)

RELEASED = Released(
    config=SCGANConfig,
    options={
        **OPTIONS,
        **dict.fromkeys(("nff", "nrf", "num_experts_conv", "num_experts_norm", "pyr_rng", "ig_sz", "ig_iter"), int),
        **dict.fromkeys(("temperature", "ig_sigma"), float),
        **dict.fromkeys(("no_spectral_on_routing", "position", "pyr_pos", "ig_relative"), flag),
        **dict.fromkeys(("weight_type", "model"), str),
    },
    data_sets=DATA_SETS,
    from_options=from_released_options,
    recognise=recognise,
    keymap=generator_keymap,
    encoder=IMAGE_ENCODER,
    encoder_input=IMAGE_ENCODER_INPUT,
    others={**OTHERS, "enc1.": "a discriminator"},
    label_channels=label_channels,
    split_channels=split_channels,
    check=check_stem_pixels,
    unchecked=("hidden", "has_edges", "has_preview"),
    asked={
        "image_size": "image_size=(h, w)",
        "temperature": "options= (opt.txt, the authors' yml file, or a mapping), which tell the position maps, too",
    },
    has_yaml=True,
)
