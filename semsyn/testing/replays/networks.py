"""Replays of whole generators, and of the image encoder."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from semsyn.convert.keymap import KeyMap
from semsyn.convert.original import OriginalModel, States
from semsyn.generator.assemble import assemble
from semsyn.generator.generator import Generator
from semsyn.losses.kl import kl_divergence
from semsyn.models import FAMILIES, get_family
from semsyn.models.pyramid.released import IMAGE_ENCODER
from semsyn.nn.encoders.image import ImageEncoder
from semsyn.records.codes import Codes
from semsyn.records.layout import Layout
from semsyn.records.style import Gaussian, Posterior, Style
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.plain.maps import from_one_hot

PREFIXES = {"netG.": "generator", "netE.": "encoder", "netIE.": "encoder"}


def split_roles(state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """A state of several networks (netG.…, netIE.…) by role; without prefixes it is a generator's."""
    roles: dict[str, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        prefix = next((p for p in PREFIXES if key.startswith(p)), "")
        roles.setdefault(PREFIXES.get(prefix, "generator"), {})[key.removeprefix(prefix)] = tensor
    return roles


def assemble_original(states: States, options: Mapping[str, Any]) -> Generator:
    """The generator that original states (by role) and options describe, as users convert it."""
    original = OriginalModel.of(states, [family.released for family in FAMILIES.values()])
    config = original.infer_config(vars(original.released.from_options(options)), source="the options")
    return assemble(config, original.convert(config))


def build(case: Case) -> Generator:
    """The generator (and encoder) of a case, converted and in its mode."""
    return assemble_original(split_roles(case.state), case.config).train(case.mode == "train")


def keymap_of(net: Generator) -> KeyMap:
    """The key map of a generator."""
    return get_family(net.config.family).released.keymap(net.config)


def layout_of(case: Case) -> Layout:
    """The layout that original inputs (one-hot maps, or ids) describe."""
    inputs, has_edges = case.inputs, not case.config.get("no_instance", True)
    edges: Tensor | None
    if "seg" in inputs:
        classes = inputs["seg"][:, :-1] if has_edges else inputs["seg"]
        class_ids, edges = from_one_hot(classes), inputs["seg"][:, -1] > 0 if has_edges else None
    else:
        class_ids = inputs["label"][:, 0].long()
        edges = inputs["edges"][:, 0] > 0 if "edges" in inputs else None
    instances = None
    if "instances" in inputs:
        instances = from_one_hot(inputs["instances"])
    elif "instance" in inputs:
        instances = inputs["instance"][:, 0].long()
    return Layout(
        class_ids=class_ids,
        edges=edges,
        offsets=inputs.get("dist"),
        instance_ids=instances,
        planes=inputs.get("sketch"),
    )


def style_of(net: Generator, case: Case) -> Style:
    """The codes that original inputs hold, drawn codes turned by the statistics where there are any."""
    inputs = case.inputs
    given = {spec.name: inputs.get("noise" if spec.name == "instances" else "z") for spec in net.codes}
    if "noise_ins" in inputs:
        given["start"] = inputs["noise_ins"]
    style = net.style(**{name: code for name, code in given.items() if code is not None})
    if "s_mu" not in inputs:
        return style
    mu, logvar = (torch.stack([inputs[f"s_{name}"], inputs[f"b_{name}"]], dim=2) for name in ("mu", "logvar"))
    return Posterior({"instances": Gaussian(mu=mu, logvar=logvar, per="instance")}).apply(style)


def generator(case: Case) -> Results:
    """Kind ``generator``: the picture, and the state afterwards."""
    net = build(case)
    image = net(layout_of(case), style_of(net, case))
    after = {k: t for k, t in net.state_dict().items() if not k.startswith("encoder.")}
    return {"image": image, **{f"after/{k}": t for k, t in keymap_of(net).invert(after).items()}}


@torch.no_grad()
def fullsize_generator(case: Case) -> Results:
    """Kind ``fullsize_G``."""
    net = build(case)
    image = net(layout_of(case), style_of(net, case))
    statistics = torch.stack([image.mean((0, 2, 3)), image.transpose(0, 1).flatten(1).std(1)])
    return {"channel_mean_std": statistics, "image_stride4": image[..., ::4, ::4]}


def image_encoder(case: Case) -> Results:
    """Kinds ``encoder`` and ``fullsize_E`` of SPADE and SCGAN."""
    own_width = case.config.get("nef", -1)
    net = ImageEncoder(own_width if own_width > 0 else case.config["ngf"], case.state["fc_mu.weight"].shape[0])
    net.load_state_dict(IMAGE_ENCODER.convert(case.state))
    gaussian = net.train(case.mode == "train")(case.inputs["image"])["start"]
    results = {"mu": gaussian.mu[:, 0], "logvar": gaussian.logvar[:, 0]}
    if "eps" in case.inputs:
        z = gaussian.apply(Codes(table=case.inputs["eps"][:, None])).table[:, 0]
        results |= {"z": z, "kld": divergence_weight(case) * kl_divergence(gaussian.mu, gaussian.logvar)}
    return results


def divergence_weight(case: Case) -> float:
    """Of the divergence of an encoder's posterior; as released 0.05."""
    return float(case.config.get("lambda_kld", 0.05))
