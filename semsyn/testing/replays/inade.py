"""What replays each kind of INADE's golden files, and its own kinds."""

import torch
from torch import Tensor

from semsyn.data.scenes.instances import reidentify
from semsyn.errors import InputError
from semsyn.losses.kl import kl_divergence
from semsyn.models.inade.released import ENCODER
from semsyn.nn.encoders.instance import InstanceConv2d, InstanceEncoder
from semsyn.records.codes import Codes
from semsyn.records.layout import Layout
from semsyn.testing.golden.case import Case, Handler, Results
from semsyn.testing.plain.maps import from_one_hot
from semsyn.testing.replays import maps, networks, pyramid_layers, train_step, training
from semsyn.testing.replays.layers import probe_gradients


def instance_conv(case: Case) -> Results:
    """Kind ``instconv``."""
    config = case.config
    padding = config.get("padding", config["k"] // 2)
    if padding != config["k"] // 2:
        raise InputError(f"an instance convolution of kernel size {config['k']} has no counterpart at {padding=}.")
    conv = InstanceConv2d(config["fin"], config["fout"], config["k"], stride=config.get("stride", 1))
    conv.load_state_dict(case.state)
    x = case.inputs["x"].clone().requires_grad_()
    y = conv(x, case.inputs["instances"][:, 0].long())
    return {"y": y, **probe_gradients(y, {"x": x, "weight": conv.weight, "bias": conv.bias})}


def instance_encoder(case: Case) -> Results:
    """Kinds ``encoder`` and ``fullsize_IE``."""
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
        weight = networks.divergence_weight(case) / 2
        results |= {"noise_remapped": codes, "kld": weight * kl_divergence(gaussian.mu, gaussian.logvar)}
    return results


def inference(case: Case) -> Results:
    """Kind ``inference``: ids and a picture in, picture out."""
    net, layout = networks.build(case), networks.layout_of(case)
    style = networks.style_of(net, case)
    if net.encoder is not None and case.config.get("use_vae", False):
        style = net.encode(case.inputs["image"], layout).apply(style)
    return {"image": net(layout, style)}


def demo_exemplar(case: Case) -> Results:
    """Kind ``demo_exemplar``: one instance takes the look of one in a reference picture."""
    net, layout, config = networks.build(case), networks.layout_of(case), case.config
    style = networks.style_of(net, case)
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


def reid(case: Case) -> Results:
    """Kind ``reid``: dense ids in 8 bits."""
    return {"dense": reidentify(case.inputs["ids"], as_released=True).to(torch.uint8)}


HANDLERS: dict[str, Handler] = {
    "norm": pyramid_layers.norm_layer,
    "resblk": pyramid_layers.residual_block,
    "generator": networks.generator,
    "fullsize_G": networks.fullsize_generator,
    "preprocess": maps.preprocess,
    "instconv": instance_conv,
    "encoder": instance_encoder,
    "fullsize_IE": instance_encoder,
    "inference": inference,
    "demo_exemplar": demo_exemplar,
    "reid": reid,
    "discriminator": training.discriminator,
    "fullsize_D": training.fullsize_discriminator,
    "train_step": train_step.replay_train_step,
    "loss_vgg_inade": training.loss_vgg,
}
