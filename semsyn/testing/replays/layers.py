"""Replays of single layers and blocks."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from semsyn.convert.keymap import KeyMap
from semsyn.models.clade import released as clade
from semsyn.models.inade import released as inade
from semsyn.models.pyramid.released import DEFAULT_NORM, parse_norm_code
from semsyn.models.spade import released as spade
from semsyn.nn.clade import CLADE
from semsyn.nn.conditional import Conditional
from semsyn.nn.encoders.instance import InstanceConv2d
from semsyn.nn.inade import INADE
from semsyn.nn.norms import make_norm
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.spade import SPADE
from semsyn.records.condition import Condition
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.plain.plain import from_one_hot

KEYMAPS = {"spade": spade.GENERATOR, "clade": clade.GENERATOR, "inade": inade.GENERATOR}


def family_of(case: Case) -> str:
    """The family whose norms the case has: the code of CLADE and INADE makes SPADE's too."""
    return str(case.config.get("norm_mode", case.info["family"]))


def condition(case: Case, planes: Tensor, size: tuple[int, int], leaf: Tensor | None = None) -> Condition:
    """The condition that original inputs describe; the edge channel, where there is one, is the last of the planes."""
    has_edges = not case.config.get("no_instance", True)
    classes = planes[:, :-1] if has_edges else planes
    instances = case.inputs.get("instances")
    return Condition.of(
        class_ids=from_one_hot(classes),
        edges=planes[:, -1] > 0 if has_edges and family_of(case) != "inade" else None,
        offsets=case.inputs.get("dist"),
        planes=case.inputs.get("sketch"),
        instance_ids=None if instances is None else from_one_hot(instances),
        instance_codes=leaf,
        size=size,
    )


def make_modulation(case: Case, num_classes: int, norm: str, kernel_size: int, state: Mapping[str, Tensor]) -> Any:
    """The family's conditional norm as a function of the channels."""
    config = case.config
    common: dict[str, Any] = {"num_classes": num_classes, "norm": make_norm(norm)}
    has_edges = not config.get("no_instance", True)
    if family_of(case) == "spade":
        hidden = next(t.shape[0] for k, t in state.items() if k.endswith("mlp_shared.0.weight"))
        return lambda c: SPADE(c, **common, has_edges=has_edges, hidden=hidden, kernel_size=kernel_size)
    if family_of(case) == "clade":
        return lambda c: CLADE(c, **common, has_edges=has_edges, has_offsets=bool(config.get("add_dist")))
    return lambda c: INADE(c, **common, code_dim=config["noise_nc"], has_sketch=bool(config.get("add_sketch")))


def load_part(module: nn.Module, keymap: KeyMap, case: Case, prefix: str, target: str) -> None:
    """Load a layer's state as the part of a generator that ``prefix`` names."""
    converted = keymap.convert({prefix + k: t for k, t in case.state.items()})
    module.load_state_dict({k.removeprefix(target): t for k, t in converted.items()})
    module.train(case.mode == "train")


def state_after(module: nn.Module, keymap: KeyMap, prefix: str, target: str) -> Results:
    """The layer's state in original names, as ``after/…``."""
    inverted = keymap.invert({target + k: t for k, t in module.state_dict().items()})
    return {f"after/{k.removeprefix(prefix)}": t for k, t in inverted.items()}


def probe_gradients(y: Tensor, leaves: Mapping[str, Tensor]) -> Results:
    """Gradients of sum(y · linspace(-1, 1)) by name."""
    weights = torch.linspace(-1, 1, y.numel()).view_as(y)
    grads = torch.autograd.grad((y * weights).sum(), list(leaves.values()), retain_graph=True, allow_unused=True)
    return {
        f"grad/{k}": torch.zeros_like(t) if g is None else g for (k, t), g in zip(leaves.items(), grads, strict=True)
    }


def num_classes_of(case: Case, planes: Tensor) -> int:
    """Classes among the channels of a semantic input."""
    return planes.shape[1] - (not case.config.get("no_instance", True))


def norm_layer(case: Case) -> Results:
    """Kind ``norm`` of all three families."""
    norm, kernel_size = parse_norm_code(case.config["config_text"])
    planes = case.inputs["segmap"]
    layer: Conditional = make_modulation(case, num_classes_of(case, planes), norm, kernel_size, case.state)(
        case.config["norm_nc"]
    )
    keymap = KEYMAPS[family_of(case)]
    load_part(layer, keymap, case, "head_0.norm_0.", "painter.stages.0.norm_0.")
    x = case.inputs["x"].clone().requires_grad_()
    leaves = {"x": x}
    if "noise" in case.inputs:
        leaves["noise"] = case.inputs["noise"].clone().requires_grad_()
    cond = condition(case, planes, (x.shape[2], x.shape[3]), leaves.get("noise"))
    y = layer(x, cond)
    return {
        "y": y,
        **probe_gradients(y, leaves),
        **state_after(layer, keymap, "head_0.norm_0.", "painter.stages.0.norm_0."),
    }


def class_affine(case: Case) -> Results:
    """Kind ``class_affine``: CLADE without the norm."""
    config, mask = case.config, case.inputs["mask"]
    layer = CLADE(config["affine_nc"], config["label_nc"], has_offsets=config["add_dist"], norm=lambda c: nn.Identity())
    prefix = "head_0.norm_0.class_specified_affine."
    load_part(layer, clade.GENERATOR, case, prefix, "painter.stages.0.norm_0.")
    x = case.inputs["x"].clone().requires_grad_()
    cond = Condition.of(class_ids=from_one_hot(mask), offsets=case.inputs.get("dist"), size=(x.shape[2], x.shape[3]))
    y = layer(x, cond)
    ours = {f"painter.stages.0.norm_0.{k}": p for k, p in layer.named_parameters()}
    theirs = {k.removeprefix(prefix): p for k, p in clade.GENERATOR.invert(ours).items()}
    return {"y": y, **probe_gradients(y, {"x": x, **theirs})}


def residual_block(case: Case) -> Results:
    """Kind ``resblk`` of all three families."""
    planes, x = case.inputs["seg"], case.inputs["x"]
    code = case.config.get("norm_G", DEFAULT_NORM)
    norm, kernel_size = parse_norm_code(code)
    modulation = make_modulation(case, num_classes_of(case, planes), norm, kernel_size, case.state)
    block = ModulatedResBlock(
        case.config["fin"], case.config["fout"], modulation, has_spectral_norm=code.startswith("spectral")
    )
    keymap = KEYMAPS[family_of(case)]
    load_part(block, keymap, case, "head_0.", "painter.stages.0.")
    x = x.clone().requires_grad_()
    y = block(x, condition(case, planes, (x.shape[2], x.shape[3]), case.inputs.get("noise")))
    return {"y": y, **probe_gradients(y, {"x": x}), **state_after(block, keymap, "head_0.", "painter.stages.0.")}


def instance_conv(case: Case) -> Results:
    """Kind ``instconv``."""
    config = case.config
    conv = InstanceConv2d(config["fin"], config["fout"], config["k"], stride=config["stride"])
    conv.load_state_dict(case.state)
    x = case.inputs["x"].clone().requires_grad_()
    y = conv(x, case.inputs["instances"][:, 0].long())
    return {"y": y, **probe_gradients(y, {"x": x, "weight": conv.weight, "bias": conv.bias})}
