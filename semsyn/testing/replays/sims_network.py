"""Replays of SIMS' networks: layers, sampler, the three networks, and their checkpoints."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from semsyn.convert.keymap import State
from semsyn.convert.original import OriginalModel
from semsyn.convert.tensor_bundle import read_bundle
from semsyn.functional.maps import resize_ids
from semsyn.generator.assemble import assemble
from semsyn.losses.painted import fit_loss
from semsyn.models import FAMILIES
from semsyn.models.sims.config import SIMSConfig
from semsyn.models.sims.released import (
    FIRST_ORDER,
    FIRST_TRANSFORM,
    ORDER,
    ORDER_KEYS,
    TRANSFORM,
    TRANSFORM_KEYS,
    generator_keymap,
    keymap_of,
)
from semsyn.nn.compose.canvas_net import CanvasNet
from semsyn.nn.compose.conv_block import ConvBlock, same_pool
from semsyn.nn.compose.order_net import OrderNet
from semsyn.nn.compose.resize import resize
from semsyn.nn.compose.sampler import warp
from semsyn.nn.compose.transform_net import TransformNet
from semsyn.testing.golden.case import Case, Handler, Results
from semsyn.testing.golden.fill import recipe_fill

VOID = 255
SCALES = {"synth256": 1, "synth512": 2, "synth1024": 4}


def channels_first(x: Tensor) -> Tensor:
    """As torch has pictures."""
    return rearrange(x, "n h w c -> n c h w")


def channels_last(x: Tensor) -> Tensor:
    """As the original has them."""
    return rearrange(x, "n c h w -> n h w c")


def ids_of(index: Tensor, num_classes: int) -> Tensor:
    """Class ids of an index map, in which void is 255."""
    return torch.where(index == VOID, num_classes, index.long())


def state_of(case: Case, shapes: Mapping[str, tuple[int, ...]]) -> State:
    """The state of a case, by the fill rule where the file has none."""
    return recipe_fill(shapes) if case.config.get("weights") == "recipe" else case.state


def inverted_shapes(config: SIMSConfig) -> dict[str, tuple[int, ...]]:
    """The shapes of all variables of an original, by their names."""
    with torch.device("meta"):
        state = config.build().state_dict()
    return {name: tuple(t.shape) for name, t in generator_keymap(config).invert(state).items()}


def layers(case: Case) -> Results:
    """Kind ``layers``: a convolution block with its gradients, pooling and resizing."""
    (kernel,) = (t for key, t in case.state.items() if key.endswith("weights"))
    side, _, c_in, c_out = kernel.shape
    block = ConvBlock(c_in, c_out, side)
    names = {"weights": "conv.weight", "gamma": "norm.weight", "beta": "norm.bias"}
    keys = {key: names[key.rpartition("/")[2]] for key in case.state}
    keymap = keymap_of(keys)
    block.load_state_dict(keymap.convert(case.state))
    x = channels_first(case.inputs["x"]).requires_grad_()
    y = block(x)
    (y * channels_first(case.inputs["cotangent"])).sum().backward()
    grads = keymap.invert({name: p.grad for name, p in block.named_parameters() if p.grad is not None})
    assert x.grad is not None
    found = {"conv_ln_lrelu": y, "avgpool3s2": same_pool(x), "maxpool3s2": same_pool(x, "max")}
    found["vggpool2s2"] = same_pool(x, kernel_size=2)
    for name, wanted in case.expected.items():
        rule, _, rest = name.partition("_")
        size = (wanted.shape[1], wanted.shape[2]) if wanted.ndim == 4 else (0, 0)
        if rule == "bilinear":
            found[name] = resize(x, size, align_corners=rest.startswith("ac"))
        elif rule == "nearest":
            found[name] = resize_ids(x, size)
    results = {name: channels_last(t) for name, t in found.items()}
    return {**results, "grad/x": channels_last(x.grad), **{f"grad/{name}": grad for name, grad in grads.items()}}


def sampler(case: Case) -> Results:
    """Kind ``stn_sampler``."""
    results: dict[str, Tensor] = {}
    for i, (_, _, *size) in enumerate(case.config["sizes"]):
        image = channels_first(case.inputs[f"{i}/image"]).requires_grad_()
        theta = case.inputs[f"{i}/theta"].clone().requires_grad_()
        warped = warp(image, theta.view(-1, 2, 3), (size[0], size[1]))
        (warped * channels_first(case.inputs[f"{i}/cotangent"])).sum().backward()
        assert image.grad is not None and theta.grad is not None
        results |= {f"{i}/image": channels_last(warped)}
        results |= {f"grad/{i}/image": channels_last(image.grad), f"grad/{i}/theta": theta.grad}
    return results


def canvas_net_of(case: Case) -> CanvasNet:
    """The canvas network of a case, through the converter that users have."""
    h, w = case.inputs["label_index"].shape[1:]
    guess = SIMSConfig(
        num_classes=case.config.get("num_classes", 19),
        image_size=(h, w),
        width=64 // case.config["width_div"],
        scale=SCALES[case.kind],  # type: ignore[arg-type]
    )
    state = state_of(case, inverted_shapes(guess) if case.config.get("weights") == "recipe" else {})
    original = OriginalModel.of({"generator": state}, [family.released for family in FAMILIES.values()])
    config = original.infer_config({"image_size": (h, w)})
    painter: Any = assemble(config, original.convert(config)).painter
    net: CanvasNet = painter.net
    return net


@torch.no_grad()
def canvas_net(case: Case) -> Results:
    """Kinds ``synth256``, ``synth512`` and ``synth1024``: the raw picture and the logits, at some of the pixels."""
    net = canvas_net_of(case)
    canvas = channels_first(case.inputs["proposal_u8"]) / 255
    planes = torch.cat([canvas, canvas.sum(dim=1, keepdim=True) > 0], dim=1)
    painted = net.paint(ids_of(case.inputs["label_index"], net.num_classes), planes)
    image = channels_last((painted.image.flip(1) + 1) / 2 * 255)
    pixels, labels = case.config.get("image_stride", 1), case.config.get("semantic_stride", 1)
    image = image[:, ::pixels, ::pixels]
    semantic = channels_last(painted.logits)[:, ::labels, ::labels]
    return {"image": image, "semantic": semantic, "image_u8": image.clamp(0, 255).to(torch.uint8)}


def build_order_net(state: State) -> OrderNet:
    """The order network of an original state."""
    net = OrderNet(state["g_selection_classify/biases"].shape[0] - 1, state[FIRST_ORDER].shape[-1])
    net.load_state_dict(_without(ORDER, keymap_of(ORDER_KEYS).convert(state)))
    return net.eval()


def order_net(case: Case) -> Results:
    """Kind ``order``: logits, loss and the gradient of the logits."""
    config, k = case.config, case.config.get("num_classes", 19)
    state = state_of(case, _shapes(OrderNet(k, 64 // config["width_div"]), ORDER, ORDER_KEYS))
    net = build_order_net(state)
    pairs = channels_first(case.inputs["pair_u8"]) / 255
    layout = channels_first(case.inputs["semantic_u8"][None]) / 255
    logits = net(pairs, layout, torch.zeros(len(pairs), dtype=torch.int64))
    loss = F.cross_entropy(logits, case.inputs["target"].long())
    return {"score": logits, "loss": loss, "grad/score": torch.autograd.grad(loss, logits)[0]}


def transform_net(case: Case) -> Results:
    """Kind ``transform``: what segments are moved by, the canvas of the moved ones, the loss and gradients.

    In double precision: gradients jump where a place passes a pixel, and single precision errs enough for that.
    """
    config, inputs = case.config, case.inputs
    size, k = tuple(config["net_input"]), config.get("num_classes", 19)
    guess = TransformNet(k, 64 // config["width_div"])
    state = state_of(case, _shapes(guess, TRANSFORM, TRANSFORM_KEYS))
    _, _, channels, width = state[FIRST_TRANSFORM].shape
    net = TransformNet(channels - 5, width, size=size)
    keymap = keymap_of(TRANSFORM_KEYS)
    net.load_state_dict(_without(TRANSFORM, keymap.convert(state)))
    net = net.double()
    segments, masks = channels_first(inputs["proposal_u8"]).double() / 255, inputs["mask"]
    images = torch.zeros(len(segments), dtype=torch.int64)
    theta = net(segments, masks, ids_of(inputs["label_index"], net.num_classes), images)
    theta = theta if case.mode == "train" else theta.round()
    warped = warp(segments, theta)
    real = channels_first(inputs["real_bgr_u8"]).flip(1)[0].double() / 255
    loss = fit_loss(warped, masks, real)
    results = {
        "theta": theta.flatten(1),
        "warped0": channels_last(warped)[0],
        "canvas": channels_last((warped * masks[:, None]).sum(dim=0, keepdim=True)),
        "loss": loss,
        "warped_u8": torch.zeros(0) if case.mode == "train" else channels_last(warped * 255).to(torch.uint8),
    }
    if case.mode == "train":
        loss.backward()
        grads = {TRANSFORM + name: p.grad for name, p in net.named_parameters() if p.grad is not None}
        results |= {f"grad/{name}": grad for name, grad in keymap.invert(grads).items()}
    return results


def checkpoint(case: Case) -> Results:
    """Kind ``checkpoint_v2``: every variable of a checkpoint, and what a network makes of them."""
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "model.ckpt.index"
        index.write_bytes(bytes(case.inputs["file_index"].numpy()))
        values = index.with_name("model.ckpt.data-00000-of-00001")
        values.write_bytes(bytes(case.inputs["file_data"].numpy()))
        variables = read_bundle(index)
    x = channels_first(case.inputs["x"])
    with torch.no_grad():
        score = build_order_net(variables)(x[:, :3], x[:, 3:], torch.arange(len(x)))
    return {"score": score, **{f"var/{name}": value for name, value in variables.items()}}


def _shapes(net: torch.nn.Module, prefix: str, rename: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    state = {prefix + name: t for name, t in net.state_dict().items()}
    return {name: tuple(t.shape) for name, t in keymap_of(rename).invert(state).items()}


def _without(prefix: str, state: State) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): t for key, t in state.items()}


HANDLERS: dict[str, Handler] = {
    "layers": layers,
    "stn_sampler": sampler,
    "order": order_net,
    "transform": transform_net,
    "checkpoint_v2": checkpoint,
    **dict.fromkeys(SCALES, canvas_net),
}
