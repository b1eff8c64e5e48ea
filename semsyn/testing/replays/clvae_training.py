"""Replays of clVAE's losses, of the two halves of its training step, and of how it rebalances GTA5."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from semsyn.data.scenes.color_rarity import cumulate, draw_pool, mean_colors, rarity_mask, score_rarity
from semsyn.generator.synthesis import Synthesis
from semsyn.losses.adversarial import discriminator_loss, generator_loss
from semsyn.losses.feature_matching import feature_matching
from semsyn.models.clvae.config import CLVAEConfig
from semsyn.models.clvae.recipe import objective
from semsyn.models.clvae.released import RELEASED
from semsyn.models.pyramid.released import PATCHGAN
from semsyn.records.style import Gaussian, Posterior
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.clvae_network import STRIDE, build, layout_of, picture
from semsyn.testing.replays.kinks import Kinks
from semsyn.testing.replays.networks import divergence_weight
from semsyn.testing.replays.train_step import NAMES, gradients, part_of, prefixed
from semsyn.testing.replays.training import LAMBDA_FEAT, LAMBDA_VGG, build_discriminator, build_perceptual
from semsyn.train.shot import Batch, Draws, Shot
from semsyn.train.step import Nets
from semsyn.train.terms import Divergence

DTYPE = torch.float64
OF_CRITIC = ("d_fake", "d_real")


def discriminator(case: Case) -> Results:
    """Kind ``discriminator``: all maps of pictures half of which are fake, and the losses."""
    net = build_discriminator({"no_instance": True, **case.config}).train(case.mode == "train")
    net.load_state_dict(PATCHGAN.convert(case.state))
    said = net(layout_of(case.inputs["label"]), case.inputs["image"])
    half = len(case.inputs["image"]) // 2
    fake, real = said[:half], said[half:]
    maps = [(*features, logits) for features, logits in zip(said.features, said.logits, strict=True)]
    on_fake, on_real = discriminator_loss(fake.logits, real.logits)
    matching = feature_matching(fake.features, real.features)
    return {
        **{f"d{s}_f{i}": m for s, scale in enumerate(maps) for i, m in enumerate(scale)},
        "feat_match": (case.config.get("lambda_feat", LAMBDA_FEAT) * matching)[None],
        "hinge_D_fake": on_fake[None],
        "hinge_D_real": on_real[None],
        "hinge_G": generator_loss(fake.logits)[None],
    }


def loss_kld(case: Case) -> Results:
    """Kind ``loss_kld``: the weighted divergence of both kinds of codes, and its gradients."""
    names = ("mu_class", "logvar_class", "mu_global", "logvar_global")
    leaves = {name: case.inputs[name].clone().requires_grad_() for name in names}
    mu, logvar, start_mu, start_logvar = leaves.values()
    posterior = Posterior(
        {
            "start": Gaussian(mu=start_mu[:, None], logvar=start_logvar[:, None]),
            "classes": Gaussian(mu=mu, logvar=logvar, per="class", seen=case.inputs["valid"].bool()),
        }
    )
    pictures = torch.zeros(len(mu), 3, 1, 1)
    layout = layout_of(torch.zeros(len(mu), 1, 1))
    shot = Shot(layout=layout, real=pictures, made=Synthesis(image=pictures), posterior=posterior, paired=len(mu))
    loss = Divergence(divergence_weight(case), averages_rows=True)(shot)
    grads = torch.autograd.grad(loss, list(leaves.values()))
    return {"loss": loss[None], **{f"grad/{name}": grad for name, grad in zip(names, grads, strict=True)}}


def loss_vgg(case: Case) -> Results:
    """Kind ``loss_vgg``: with a mask or without, and its gradient."""
    loss_of = build_perceptual({f"vgg.{key}": t for key, t in case.state.items()})
    x = case.inputs["x"].clone().requires_grad_()
    loss = loss_of(x, case.inputs["y"], mask=case.inputs.get("mask"))
    (grad,) = torch.autograd.grad(loss, x)
    return {"loss": loss[None], "grad/x": grad}


def train_losses(case: Case) -> Results:
    """Kind ``train_losses``: the losses of both networks and their gradients, both from the same state and draws.

    In double precision: what single precision rounds off turns signs in the L1 losses and at the kinks of VGG19, and
    one of 16,384 features of its last map is worth 0.001 in a gradient. So only the file's own rounding is left. It has
    turned one of VGG19's ReLUs that stands at its kink; of the gradients on either side of such kinks the nearest are
    given.
    """
    made, losses, found = _half(case, of_critic=False)
    of_generator = min(found, key=lambda gradients: _distance(gradients, case))
    _, losses_of_critic, (of_critic,) = _half(case, of_critic=True)
    named = {NAMES[name] if name in OF_CRITIC else f"G_{NAMES[name]}": loss[None] for name, loss in losses.items()}
    named |= {NAMES[name]: loss[None] for name, loss in losses_of_critic.items()}
    return {
        **named,
        "fake_stride4": made[..., ::STRIDE, ::STRIDE],
        **prefixed("grad/G_total/", of_generator),
        **prefixed("grad/D_total/", of_critic),
    }


def _distance(gradients: Mapping[str, Tensor], case: Case) -> float:
    """The largest difference from the file's gradients of the generator."""
    wanted = {key: case.expected.get(f"grad/G_total/{key}") for key in gradients}
    return max(float((gradients[key] - t).abs().max()) for key, t in wanted.items() if t is not None)


def _half(case: Case, *, of_critic: bool) -> tuple[Tensor, Mapping[str, Tensor], Iterable[dict[str, Tensor]]]:
    """One network's pictures, losses and gradients by original keys: the critic's, or all there are at the kinks."""
    config = case.config
    inputs = {name: t.to(DTYPE) if t.is_floating_point() else t for name, t in case.inputs.items()}
    state = {key: t.clone() for key, t in case.state.items() if key.startswith(("netG.", "netE."))}
    net = build(Case(case.path, case.info, {f"state/{key}": t for key, t in state.items()})).to(DTYPE).train()
    assert isinstance(net.config, CLVAEConfig)
    critic = build_discriminator({"no_instance": True, **config})
    critic.load_state_dict(PATCHGAN.convert(part_of(case, "netD.")))
    vgg = {key: t for key, t in case.state.items() if key.startswith("vgg.")}
    game = objective(
        net.config,
        critic=critic,
        kl=divergence_weight(case),
        features=config.get("lambda_feat", LAMBDA_FEAT),
        vgg=build_perceptual(vgg).vgg if vgg else None,
        perceptual=config.get("lambda_vgg", LAMBDA_VGG),
    )
    game.to(DTYPE).train()
    kinks = Kinks(game.terms)
    optimizers = torch.optim.SGD(net.parameters(), lr=0.0), torch.optim.SGD(critic.parameters(), lr=0.0)
    style = net.style(start=inputs["eps_global"], classes=inputs["eps_class"])
    batch = Batch(
        layout=layout_of(inputs["label"]), real=picture(inputs["image_u8"].to(DTYPE)), mask=inputs.get("loss_mask")
    )
    nets = Nets(net, game, optimizers)
    with torch.set_grad_enabled(not of_critic):
        shot = nets.shoot(batch, Draws(style=style), style)
    losses = game.critic_losses(shot) if of_critic else game.generator_losses(shot)
    torch.stack(list(losses.values())).sum().backward(retain_graph=not of_critic)
    if of_critic:
        return shot.fake, losses, [prefixed("netD.", PATCHGAN.invert(gradients(critic)))]
    sides = (RELEASED.invert(net.config, found) for found in kinks.gradients(dict(net.named_parameters())))
    named = (prefixed("netG.", found["generator"]) | prefixed("netE.", found["encoder"]) for found in sides)
    return shot.fake, losses, named


def rarity_estimation(case: Case) -> Results:
    """Kind ``gta5_rarity_estimation``: from pictures to masks and distributions."""
    config, images, labels = case.config, case.inputs["image"].numpy(), case.inputs["label"].numpy()
    colors = np.stack([mean_colors(i, m, config["classes"]) for i, m in zip(images, labels, strict=True)])
    scores = score_rarity(colors, least=config["min_samples"], as_released=True)
    masks = np.stack([rarity_mask(s, m)[0, ..., None] for s, m in zip(scores, labels, strict=True)])
    found = {
        "mean_color": colors,
        "rarity": scores,
        "mask": masks,
        "bins_cdf": cumulate(scores, config["object_ids"]),
    }
    return {name: torch.from_numpy(values) for name, values in found.items()}


def rarity_sampling(case: Case) -> Results:
    """Kind ``gta5_rarity_sampling``: the pictures of an epoch."""
    return {"index": torch.from_numpy(draw_pool(case.inputs["bins_cdf"].numpy(), case.inputs["u"].numpy()))}
