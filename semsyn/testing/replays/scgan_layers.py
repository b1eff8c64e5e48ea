"""Replays of SCGAN's layers and blocks; they read dense planes, one-hot or not."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from semsyn.convert.keymap import KeyMap
from semsyn.functional.position_map import position_map
from semsyn.models.pyramid.released import parse_norm_code
from semsyn.models.scgan.config import SCGANConfig
from semsyn.models.scgan.released import generator_keymap
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.routing.pool_channels import pool_channels
from semsyn.nn.routing.spatially_conditional_conv import SpatiallyConditionalConv2d
from semsyn.nn.routing.spatially_conditional_norm import SpatiallyConditionalNorm
from semsyn.records.condition import Condition, Routing
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.layers import dense_spade, load_part, read_norm, state_after

KEYS: KeyMap = generator_keymap(SCGANConfig(num_classes=1, image_size=(32, 32)))
NORM_0 = ("head_0.norm_0.", "painter.stages.0.norm_0.")
NORM_S = ("head_0.norm_s.", "painter.stages.0.norm_s.")
CONV_0 = ("head_0.conv_0.", "painter.stages.0.conv_0.")
BLOCK = ("head_0.", "painter.stages.0.")


def gradients(
    case: Case, y: Tensor, leaves: Mapping[str, Tensor], layer: nn.Module, prefixes: tuple[str, str]
) -> Results:
    """Gradients of sum(y · grad_out) in the leaves and the parameters, those of parameters in original names."""
    if "grad_out" not in case.inputs:
        return {}
    theirs, ours = prefixes
    parameters = KEYS.invert({ours + name: p for name, p in layer.named_parameters()})
    wanted = {**leaves, **{f"state_{name.removeprefix(theirs)}": p for name, p in parameters.items()}}
    grads = torch.autograd.grad(y, list(wanted.values()), case.inputs["grad_out"], materialize_grads=True)
    return {f"grad/{name}": grad for name, grad in zip(wanted, grads, strict=True)}


def leaves_of(case: Case, *names: str) -> dict[str, Tensor]:
    return {name: case.inputs[name].clone().requires_grad_() for name in names}


def convolution(case: Case) -> Results:
    """Kind ``scconv``."""
    config = case.config
    options: dict[str, Any] = {k: config[k] for k in ("stride", "padding", "dilation", "groups", "bias") if k in config}
    layer = SpatiallyConditionalConv2d(
        config["in_channels"],
        config["out_channels"],
        config["kernel_size"],
        **options,
        num_experts=config["num_experts"],
        has_spectral_norm=config.get("spectral", True),
        is_interleaved=case.inputs["routing"].shape[1] != config["num_experts"],
    )
    load_part(layer, KEYS, case, *CONV_0)
    leaves = leaves_of(case, "x", "routing")
    y = layer(leaves["x"], leaves["routing"])
    return {"y": y, **gradients(case, y, leaves, layer, CONV_0), **state_after(layer, KEYS, *CONV_0)}


def norm(case: Case) -> Results:
    """Kind ``scnorm``."""
    config = case.config
    base = read_norm(config, config["norm"])
    layer = SpatiallyConditionalNorm(config["channels"], num_experts=config["experts"], norm=base)
    load_part(layer, KEYS, case, *NORM_0)
    leaves = leaves_of(case, "x", "routing")
    y = layer(leaves["x"], leaves["routing"])
    return {"y": y, **gradients(case, y, leaves, layer, NORM_0), **state_after(layer, KEYS, *NORM_0)}


def spade(case: Case) -> Results:
    """Kind ``spade``: the shortcut's norm."""
    planes, config = case.inputs["segmap"], case.config
    layer = dense_spade(case, planes.shape[1], config["norm"], config.get("ks"))(config["channels"])
    load_part(layer, KEYS, case, *NORM_S)
    leaves = leaves_of(case, "x")
    y = layer(leaves["x"], Condition.of(planes=planes, size=(leaves["x"].shape[2], leaves["x"].shape[3])))
    return {"y": y, **gradients(case, y, leaves, layer, NORM_S), **state_after(layer, KEYS, *NORM_S)}


def residual_block(case: Case) -> Results:
    """Kind ``scblock``."""
    config, planes = case.config, case.inputs["segmap"]
    base, kernel_size = parse_norm_code(config["norm_G"], "scc")
    has_shortcut = config["fin"] != config["fout"]
    block = ModulatedResBlock(
        config["fin"],
        config["fout"],
        partial(SpatiallyConditionalNorm, num_experts=config["num_experts_norm"], norm=read_norm(config, base)),
        convolution=partial(
            SpatiallyConditionalConv2d,
            kernel_size=3,
            padding=1,
            num_experts=config["num_experts_conv"],
            has_spectral_norm=config["norm_G"].startswith("spectral"),
        ),
        shortcut_modulation=dense_spade(case, planes.shape[1], base, kernel_size) if has_shortcut else None,
        shortcut_kernel_size=3,
        has_shortcut_bias=True,
    )
    load_part(block, KEYS, case, *BLOCK)
    leaves = leaves_of(case, "x", "routing_conv", "routing_norm")
    routing = Routing(conv=leaves["routing_conv"], norm=leaves["routing_norm"])
    x = leaves["x"]
    y = block(x, Condition.of(planes=planes, routing=routing, size=(x.shape[2], x.shape[3])))
    return {"y": y, **gradients(case, y, leaves, block, BLOCK), **state_after(block, KEYS, *BLOCK)}


def channel_pool(case: Case) -> Results:
    """Kind ``channel_pool``."""
    return {name: pool_channels(x, int(name.rpartition("_")[2])) for name, x in case.inputs.items()}


def gaussian(case: Case) -> Results:
    """Kind ``gaussian``."""
    config = case.config
    options = {"size": config["win_size"], "sigma": config["sigma"], "steps": config["iters"]}
    return {"y": position_map(case.inputs["x"], **options, relative=config["relative"])}
