"""Replays of the norms and blocks of SPADE, CLADE and INADE, which the code of any of them can make."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from semsyn.models.clade import released as clade
from semsyn.models.inade import released as inade
from semsyn.models.pyramid.released import norm_code, parse_norm_code
from semsyn.models.spade import released as spade
from semsyn.nn.clade import CLADE
from semsyn.nn.conditional import Conditional
from semsyn.nn.inade import INADE
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.spade import SPADE
from semsyn.records.condition import Condition
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.plain.maps import from_one_hot
from semsyn.testing.replays.layers import load_part, probe_gradients, read_norm, spade_sizes, state_after

KEYMAPS = {"spade": spade.GENERATOR, "clade": clade.GENERATOR, "inade": inade.GENERATOR}
NORM = ("head_0.norm_0.", "painter.stages.0.norm_0.")
BLOCK = ("head_0.", "painter.stages.0.")


def family_of(case: Case) -> str:
    """The family whose norms the case has: the code of CLADE and INADE makes SPADE's, too."""
    return str(case.config.get("norm_mode", case.info["family"]))


def split_planes(case: Case, planes: Tensor) -> tuple[Tensor, Tensor | None]:
    """The planes of classes, n k h w, and instance borders, n h w, where the last plane is one.

    As released INADE takes the last plane for borders whatever the options say, and does not read it.
    """
    is_inade = family_of(case) == "inade"
    if case.config.get("no_instance", True) and not is_inade:
        return planes, None
    return planes[:, :-1], None if is_inade else planes[:, -1] > 0


def condition(case: Case, planes: Tensor, size: tuple[int, int], codes: Tensor | None = None) -> Condition:
    """The condition that original inputs describe."""
    classes, edges = split_planes(case, planes)
    instances = case.inputs.get("instances")
    return Condition.of(
        class_ids=from_one_hot(classes),
        edges=edges,
        offsets=case.inputs.get("dist"),
        planes=case.inputs.get("sketch"),
        instance_ids=None if instances is None else from_one_hot(instances),
        instance_codes=codes,
        size=size,
    )


def make_modulation(case: Case, planes: Tensor, norm: str, state: Mapping[str, Tensor], kernel_size: int) -> Any:
    """The family's conditional norm as a function of the channels."""
    config = case.config
    classes, edges = split_planes(case, planes)
    common: dict[str, Any] = {"num_classes": classes.shape[1], "norm": read_norm(config, norm)}
    if family_of(case) == "spade":
        sizes = {**spade_sizes(state), "kernel_size": kernel_size}
        return lambda c: SPADE(c, **common, has_edges=edges is not None, **sizes)
    if family_of(case) == "clade":
        has_offsets = bool(config.get("add_dist", False))
        return lambda c: CLADE(c, **common, has_edges=edges is not None, has_offsets=has_offsets)
    return lambda c: INADE(c, **common, code_dim=config["noise_nc"], has_sketch=bool(config.get("add_sketch", False)))


def norm_layer(case: Case) -> Results:
    """Kind ``norm`` of all three families."""
    norm, kernel_size = parse_norm_code(case.config["config_text"])
    planes, keymap = case.inputs["segmap"], KEYMAPS[family_of(case)]
    layer: Conditional = make_modulation(case, planes, norm, case.state, kernel_size)(case.config["norm_nc"])
    load_part(layer, keymap, case, *NORM)
    given: list[str] = [name for name in ("x", "noise") if name in case.inputs]
    leaves = {name: case.inputs[name].clone().requires_grad_() for name in given}
    x = leaves["x"]
    y = layer(x, condition(case, planes, (x.shape[2], x.shape[3]), leaves.get("noise")))
    return {"y": y, **probe_gradients(y, leaves), **state_after(layer, keymap, *NORM, name="after")}


def residual_block(case: Case) -> Results:
    """Kind ``resblk`` of all three families."""
    planes, keymap = case.inputs["seg"], KEYMAPS[family_of(case)]
    code = norm_code(case.config)
    norm, kernel_size = parse_norm_code(code)
    block = ModulatedResBlock(
        case.config["fin"],
        case.config["fout"],
        make_modulation(case, planes, norm, case.state, kernel_size),
        has_spectral_norm=code.startswith("spectral"),
    )
    load_part(block, keymap, case, *BLOCK)
    x = case.inputs["x"].clone().requires_grad_()
    y = block(x, condition(case, planes, (x.shape[2], x.shape[3]), case.inputs.get("noise")))
    return {"y": y, **probe_gradients(y, {"x": x}), **state_after(block, keymap, *BLOCK, name="after")}
