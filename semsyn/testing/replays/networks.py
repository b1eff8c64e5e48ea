"""Replays of whole generators and encoders."""

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
from semsyn.models.inade.released import ENCODER
from semsyn.models.pyramid.released import IMAGE_ENCODER
from semsyn.nn.encoders.image import ImageEncoder
from semsyn.nn.encoders.instance import InstanceEncoder
from semsyn.records.codes import Codes
from semsyn.records.layout import Layout
from semsyn.records.style import Gaussian, Posterior, Style
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.plain.plain import from_one_hot

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
        results |= {"z": z, "kld": case.config.get("lambda_kld", 0.05) * kl_divergence(gaussian.mu, gaussian.logvar)}
    return results


def instance_encoder(case: Case) -> Results:
    """Kinds ``encoder`` and ``fullsize_IE`` of INADE."""
    net = InstanceEncoder(case.config["ngf"], case.state["scale_conv_mu.weight"].shape[0])
    net.load_state_dict(ENCODER.convert(case.state))
    one_hot = case.inputs.get("instances")
    ids = case.inputs["instance"][:, 0].long() if one_hot is None else from_one_hot(one_hot)
    gaussian = net(
        case.inputs["image"], Layout(class_ids=ids, instance_ids=ids), None if one_hot is None else one_hot.shape[1]
    )["instances"]
    results: dict[str, Tensor] = {}
    for level, name in enumerate(("scale", "bias")):
        results |= {f"{name}_mu": gaussian.mu[:, :, level], f"{name}_logvar": gaussian.logvar[:, :, level]}
    if "noise" in case.inputs:
        codes = gaussian.apply(Codes(table=case.inputs["noise"], per="instance")).table
        weight = case.config.get("lambda_kld", 0.05) / 2
        results |= {"noise_remapped": codes, "kld": weight * kl_divergence(gaussian.mu, gaussian.logvar)}
    return results


def inference(case: Case) -> Results:
    """Kind ``inference``: ids and a picture in, picture out."""
    net, layout = build(case), layout_of(case)
    style = style_of(net, case)
    if net.encoder is not None and case.config.get("use_vae"):
        style = net.encode(case.inputs["image"], layout).apply(style)
    return {"image": net(layout, style)}


def demo_exemplar(case: Case) -> Results:
    """Kind ``demo_exemplar``: one instance takes the look of one in a reference picture."""
    net, layout, config = build(case), layout_of(case), case.config
    style = style_of(net, case)
    ids = case.inputs["ref_instance"][:, 0].long()
    reference = net.encode(
        case.inputs["ref_image"], Layout(class_ids=case.inputs["ref_label"][:, 0].long(), instance_ids=ids)
    )
    transfers = config.get("is_ref_inst", True) and config["ref_inst_id"] != -1
    pairs = {config["inst_id"]: config["ref_inst_id"]} if transfers else {}
    count = style["instances"].table.shape[1]
    # As released: an aliasing error takes the statistics of the shift for the scale, too.
    return {
        f"image_{name}": net(layout, reference.transfer(pairs, count, levels=levels).apply(style))
        for name, levels in (("legacy", (1, 1)), ("fixed", None))
    }
