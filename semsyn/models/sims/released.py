"""SIMS' original files: three TensorFlow checkpoints, of the networks that paint, move and order segments."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from semsyn.convert.keymap import KeyMap
from semsyn.convert.lone_network import LoneNetwork
from semsyn.convert.original import Facts, Released
from semsyn.errors import CheckpointError
from semsyn.models.sims.config import SIMSConfig
from semsyn.nn.compose.canvas_net import PLANES

PAINTER, TRANSFORM, ORDER = "painter.net.", "conditioner.transform_net.", "conditioner.order_net."
FIRST = "g_encoder_conv1/g_encoder_conv1_1/weights"
FIRST_TRANSFORM = "g_transform_conv1/g_transform_conv1_1/weights"
FIRST_ORDER = "g_selection_conv1/g_selection_conv1_1/weights"
HEADS = {  # by the scale of a picture: the scopes of its heads
    1: {"to_image": "g_256_conv100", "to_logits": "g_semantic_256_conv100"},
    2: {"to_image": "g_512_conv100", "to_logits": "g_semantic_512"},
    4: {"to_image": "g_512_conv100", "to_logits": "g_semantic_512", "to_large_image": "g_1024_conv100"},
}
TRAINED = ("{name}/Adam", "{name}/Adam_1", "beta1_power", "beta2_power")  # what the optimiser keeps
CONV = (3, 2, 0, 1)  # theirs are kh kw i o
BLOCK = {"weights": "conv.weight", "LayerNorm/gamma": "norm.weight", "LayerNorm/beta": "norm.bias"}
CONVOLUTION = {"weights": "weight", "biases": "bias"}


def _blocks(scope: str, ours: str) -> dict[str, str]:
    """Keys of the convolution blocks of a scope."""
    return {f"{scope}/{scope}_{{i}}/{theirs}": f"{ours}.{{i}}.{own}" for theirs, own in BLOCK.items()}


def _convolution(scope: str, ours: str) -> dict[str, str]:
    return {f"{scope}/{theirs}": f"{ours}.{own}" for theirs, own in CONVOLUTION.items()}


def canvas_keys(scale: int) -> dict[str, str]:
    """Keys of the canvas network."""
    rename: dict[str, str] = {}
    for level in range(6):
        rename |= _blocks(f"g_encoder_conv{level + 1}", f"{PAINTER}encoder.{level}")
        rename |= _blocks(f"g_decoder_conv{level + 1}", f"{PAINTER}decoder.{level}")
    rename |= _blocks("g_decoder_final", f"{PAINTER}final")
    if scale > 1:
        rename |= _blocks("g_decoder_512", f"{PAINTER}enlarge")
    for head, scope in HEADS[scale].items():
        rename |= _convolution(scope, f"{PAINTER}{head}")
    return rename


def _tower(scopes: list[str], ours: str) -> dict[str, str]:
    rename: dict[str, str] = {}
    for i, scope in enumerate(scopes):
        rename |= _blocks(scope, f"{ours}tower.stages.{i}")
    return rename


TRANSFORM_KEYS = {
    # As released: the second scope is misspelt.
    **_tower(["g_transform_conv1", "g_transfrom_conv2", *(f"g_transform_conv{i}" for i in (3, 4, 5))], TRANSFORM),
    "g_transform_param": f"{TRANSFORM}to_theta.weight",
    "g_b_fc1": f"{TRANSFORM}to_theta.bias",
}
ORDER_KEYS = {
    **_tower([f"g_selection_conv{i}" for i in range(1, 6)], ORDER),
    **{f"g_selection_conv6/{theirs}": f"{ORDER}widen.{own}" for theirs, own in BLOCK.items()},
    **_convolution("g_selection_classify", f"{ORDER}classify"),
}


def keymap_of(rename: Mapping[str, str]) -> KeyMap:
    """The key map of networks with these keys."""
    permuted = {theirs: CONV for theirs in rename if theirs.endswith("/weights")} | {"g_transform_param": (1, 0)}
    words = {"i": {str(i): str(i - 1) for i in range(1, 4)}}
    return KeyMap(words=words, rename=rename, dropped=TRAINED, permuted=permuted)


def generator_keymap(config: SIMSConfig) -> KeyMap:
    """The key map of all networks that the config has."""
    transform = {} if config.transform_width is None else TRANSFORM_KEYS
    order = {} if config.order_width is None else ORDER_KEYS
    return keymap_of({**canvas_keys(config.scale), **transform, **order})


def recognise(state: Mapping[str, Tensor]) -> Facts | None:
    """What keys and shapes tell of the config; None if SIMS did not write them."""
    if FIRST not in state:
        return None
    _, _, channels, width = state[FIRST].shape
    scale = next(s for s in (4, 2, 1) if s == 1 or all(f"{scope}/weights" in state for scope in HEADS[s].values()))
    widths = {name: state[key].shape[-1] if key in state else None for name, key in OTHERS.items()}
    return {"num_classes": channels - 1 - PLANES, "width": width, "scale": scale, **widths}


OTHERS = {"transform_width": FIRST_TRANSFORM, "order_width": FIRST_ORDER}


def _merge(first: str, what: str) -> Any:
    """What puts the network of another file beside the canvas network."""

    def merge(generator: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if first not in other:
            raise CheckpointError(
                f"the network that {what} is not in its file, whose first keys are {', '.join(list(other)[:3])}."
            )
        kept = {key: t for key, t in other.items() if key not in ("beta1_power", "beta2_power")}
        return {**generator, **kept}

    return merge


def from_released_options(options: Mapping[str, Any]) -> SIMSConfig:
    """The released code has no options: its scripts say everything, and the file tells it."""
    raise KeyError("the number of classes")


RELEASED = Released(
    config=SIMSConfig,
    options={},
    from_options=from_released_options,
    recognise=recognise,
    keymap=generator_keymap,
    others={"g_transform": "SIMS' network that moves segments", "g_selection": "SIMS' network that orders segments"},
    companions={
        "transform": _merge(FIRST_TRANSFORM, "moves segments"),
        "order": _merge(FIRST_ORDER, "orders segments"),
    },
    lone=(
        LoneNetwork(
            title="SIMS' network that moves segments",
            first=FIRST_TRANSFORM,
            keymap=keymap_of(TRANSFORM_KEYS),
            prefix=TRANSFORM,
            option="transform-net",
        ),
        LoneNetwork(
            title="SIMS' network that orders segments",
            first=FIRST_ORDER,
            keymap=keymap_of(ORDER_KEYS),
            prefix=ORDER,
            option="order-net",
        ),
    ),
    unchecked=("transform_width", "order_width"),
)
