"""Replays of the losses and of the PatchGANs that several families' files have."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.critics.patch import MultiscaleDiscriminator
from semsyn.errors import InputError
from semsyn.losses.adversarial import discriminator_loss, generator_loss
from semsyn.losses.feature_matching import feature_matching
from semsyn.losses.kl import kl_divergence
from semsyn.losses.perceptual import WEIGHTS, PerceptualLoss
from semsyn.models.pyramid.released import PATCHGAN
from semsyn.nn.towers.vgg19 import VGG19Features
from semsyn.records.layout import Layout
from semsyn.testing.golden.case import Case, Results
from semsyn.train.schedule import learning_rate

LAMBDA_FEAT, LAMBDA_VGG = 10.0, 10.0  # what the released code takes where no option says


def build_discriminator(config: Mapping[str, Any], *, has_edges: bool = False) -> MultiscaleDiscriminator:
    """The discriminator that original options describe."""
    norm = config.get("norm_D", "spectralinstance")
    if norm != "spectralinstance":
        raise InputError(f"norm_D={norm!r} has no counterpart; every released discriminator has 'spectralinstance'.")
    return MultiscaleDiscriminator(
        semantic_channels(config) - has_edges,
        has_edges=has_edges,
        num_scales=config.get("num_D", 2),
        width=config.get("ndf", 64),
        num_layers=config.get("n_layers_D", 4),
    )


def semantic_channels(config: Mapping[str, Any]) -> int:
    """Planes of the originals' semantic input, instance borders among them."""
    if "semantic_nc" in config:
        return int(config["semantic_nc"])
    further = config.get("contain_dontcare_label", False), not config.get("no_instance", False)
    return int(config["label_nc"]) + sum(map(bool, further))


def build_perceptual(state: Mapping[str, Tensor], weights: Sequence[float] = WEIGHTS) -> PerceptualLoss:
    """The perceptual loss that an original state fits: its widths are those of the weights."""
    widths = [len(state[f"vgg.{conv}.bias"]) for conv in ("slice1.0", "slice2.5", "slice3.10", "slice4.19")]
    loss = PerceptualLoss(VGG19Features(widths), weights=weights)
    loss.load_state_dict(dict(state))
    return loss


def discriminator(case: Case) -> Results:
    """Kind ``discriminator``: every map of every scale, u and v afterwards."""
    net = build_discriminator(case.config).train(case.mode == "train")
    net.load_state_dict(PATCHGAN.convert(case.state))
    x = case.inputs["x"].clone().requires_grad_()
    maps = net.maps(x)
    if case.config.get("no_ganFeat_loss", False):
        maps = [scale[-1:] for scale in maps]
    found = {f"D{s}_feat{i}": m for s, scale in enumerate(maps) for i, m in enumerate(scale)}
    return found | {f"after/{key}": value for key, value in PATCHGAN.invert(net.state_dict()).items()}


def fullsize_discriminator(case: Case) -> Results:
    """Kind ``fullsize_D``: logits, and mean and deviation of the other maps. The state is filled by the caller."""
    edges = case.inputs.get("edges")
    net = build_discriminator(case.config, has_edges=edges is not None).eval()
    net.load_state_dict(PATCHGAN.convert(case.state))
    layout = Layout(class_ids=case.inputs["label"][:, 0].long(), edges=None if edges is None else edges[:, 0].bool())
    with torch.no_grad():
        said = net(layout, F.interpolate(case.inputs["image_lowres"], size=layout.size, mode="nearest"))
    found = {f"D{s}_logits": logits for s, logits in enumerate(said.logits)}
    for s, maps in enumerate(said.features):
        for i, m in enumerate(maps):
            found[f"mid/D{s}_feat{i}"] = torch.stack([m.mean((0, 2, 3)), m.std((0, 2, 3))])
    return found


def loss_gan(case: Case) -> Results:
    """Kind ``loss_gan``: values and gradients of every mode over a list of predictions."""
    names = sorted(name for name in case.inputs if name.startswith("pred"))
    found: dict[str, Tensor] = {}
    for mode in case.config["modes"]:
        for role in ("g", "d_fake", "d_real"):
            logits = [case.inputs[name].clone().requires_grad_() for name in names]
            on_fake, on_real = discriminator_loss(logits, logits, mode=mode)
            loss = {"g": generator_loss(logits, mode=mode), "d_fake": on_fake, "d_real": on_real}[role]
            found[f"{mode}_{role}"] = loss
            for name, grad in zip(names, torch.autograd.grad(loss, logits), strict=True):
                found[f"grad/{mode}_{role}/{name}"] = grad
    return found


def loss_featmatch(case: Case) -> Results:
    """Kind ``loss_featmatch``: the weighted loss and its gradients."""
    scales, layers = range(case.config["num_D"]), range(case.config["layers"])  # the last layer holds the logits
    leaves = {f"fake_D{s}_{i}": case.inputs[f"fake_D{s}_{i}"].clone().requires_grad_() for s in scales for i in layers}
    fake = [[leaves[f"fake_D{s}_{i}"] for i in layers[:-1]] for s in scales]
    real = [[case.inputs[f"real_D{s}_{i}"] for i in layers[:-1]] for s in scales]
    loss = case.config.get("lambda_feat", LAMBDA_FEAT) * feature_matching(fake, real)
    loss.backward()
    return {"feat": loss} | {f"grad/{name}": leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}


def loss_vgg(case: Case) -> Results:
    """Kinds ``loss_vgg`` and ``loss_vgg_inade``: maps, loss and gradient on a narrow VGG19."""
    loss_of = build_perceptual(case.state, case.config.get("weights", WEIGHTS))
    fake = case.inputs["fake"].clone().requires_grad_()
    loss = loss_of(fake, case.inputs["real"])
    loss.backward()
    assert fake.grad is not None
    maps = {f"mid/relu{i}_1": m for i, m in enumerate(loss_of.vgg(fake.detach()), 1)}
    return {"loss": loss, "grad/fake": fake.grad} | maps


def loss_kld(case: Case) -> Results:
    """Kind ``loss_kld``."""
    mu, logvar = (case.inputs[name].clone().requires_grad_() for name in ("mu", "logvar"))
    loss = kl_divergence(mu, logvar)
    grads = torch.autograd.grad(loss, (mu, logvar))
    return {"kld": loss, "grad/mu": grads[0], "grad/logvar": grads[1]}


def lr_schedule(case: Case) -> Results:
    """Kind ``lr_schedule``: the rates of generator and discriminator per epoch."""
    generator, discriminator = learning_rates(*(case.config[name] for name in ("lr", "niter", "niter_decay", "TTUR")))
    return {"lr_G": generator, "lr_D": discriminator}


def learning_rates(lr: float, constant: int, decay: int, has_two_rates: bool) -> tuple[Tensor, Tensor]:
    """The rates of generator and discriminator in each epoch, float64."""
    epochs = range(1, constant + decay + 1)
    rates = [learning_rate(e, base=lr, constant_epochs=constant, decay_epochs=decay) for e in epochs]
    base = torch.tensor(rates, dtype=torch.float64)
    return (base / 2, base * 2) if has_two_rates else (base, base)
