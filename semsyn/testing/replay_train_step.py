"""Replay of one training iteration as released: a generator step, then a discriminator step with a new picture."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from semsyn.convert.discriminators import PATCHGAN
from semsyn.convert.keymap import KeyMap
from semsyn.convert.released import convert_states, get_released, infer_config
from semsyn.functional import edges
from semsyn.hub.weights_file import assemble
from semsyn.layout import Layout
from semsyn.losses import (
    INADE_WEIGHTS,
    SPADE_WEIGHTS,
    PerceptualLoss,
    VGG19Features,
    discriminator_loss,
    feature_matching,
    generator_loss,
    kl_divergence,
)
from semsyn.models import Generator, get_family
from semsyn.models.discriminators import MultiscaleDiscriminator, semantic_planes
from semsyn.style import Style
from semsyn.testing.golden import Case, Results
from semsyn.testing.replay_training import build_discriminator

ROLES = {"generator": "netG.", "encoder": "netE.", "instance_encoder": "netIE."}


class Iteration:
    """The networks of a ``train_step`` case and its two steps."""

    def __init__(self, case: Case) -> None:
        self.case, config, family = case, case.config, get_family(case.info["family"])
        self.roles = {("encoder" if "encoder" in role else role): p for role, p in ROLES.items() if self._part(p)}
        states = {role: self._part(prefix) for role, prefix in self.roles.items()}
        options = get_released(family.name).from_options(config)
        built = infer_config(states, vars(options), source="the options")
        self.generator: Generator = assemble(built, convert_states(built, states)).train()
        self.discriminator: MultiscaleDiscriminator = build_discriminator(config).train()
        self.discriminator.load_state_dict(PATCHGAN.convert(self._part("netD.")))
        self.is_inade = family.name == "inade"
        self.perceptual = PerceptualLoss(
            VGG19Features(config["vgg_widths"]), weights=INADE_WEIGHTS if self.is_inade else SPADE_WEIGHTS
        )
        self.perceptual.load_state_dict(self._part("criterionVGG."))
        self.layout, self.semantics = self._maps()
        self.results: dict[str, Tensor] = {}

    def _part(self, prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): t.clone() for k, t in self.case.state.items() if k.startswith(prefix)}

    def _maps(self) -> tuple[Layout, Tensor]:
        inputs, config = self.case.inputs, self.case.config
        instance_ids = inputs["instance"][:, 0].long()
        layout = Layout(
            class_ids=inputs["label"][:, 0].long(),
            instance_ids=instance_ids,
            edges=edges(instance_ids),
            offsets=inputs.get("dist"),
        )
        has_edges = not config["no_instance"]
        return layout, semantic_planes(layout, config["semantic_nc"] - has_edges, has_edges=has_edges)

    def picture(self, step: str) -> tuple[Tensor, Tensor | None]:
        """The picture of a step ("G" or "D", which have their own noise) and the weighted divergence."""
        inputs = self.case.inputs
        style = Style(
            code=inputs.get(f"noise_ins_{step}", inputs.get(f"z_{step}")), instance_codes=inputs.get(f"noise_{step}")
        )
        if self.generator.encoder is None:
            return self.generator(self.layout, style), None
        posterior = self.generator.encode(inputs["image"], self.layout)
        weight = self.case.config["lambda_kld"] * (0.5 if self.is_inade else 1.0)
        divergence = weight * kl_divergence(posterior.mu, posterior.logvar)
        return self.generator(self.layout, posterior.apply(style)), divergence

    def step_generator(self) -> None:
        """Losses, gradients and Adam step of the generator and its encoder."""
        config, real = self.case.config, self.case.inputs["image"]
        rate = config["lr"] / 2 if config["TTUR"] else config["lr"]
        optimizer = torch.optim.Adam(self.generator.parameters(), lr=rate, betas=tuple(config["betas"]))
        fake, divergence = self.picture("G")
        on_fake, on_real = self.discriminator.compare(self.semantics, fake, real)
        losses = {
            "GAN": generator_loss([scale[-1] for scale in on_fake], mode=config["gan_mode"]),
            "GAN_Feat": config["lambda_feat"] * feature_matching(on_fake, on_real, first_map=3 if self.is_inade else 0),
            "VGG": config["lambda_vgg"] * self.perceptual(fake, real),
        }
        if divergence is not None:
            losses["KLD"] = divergence
        torch.stack(list(losses.values())).sum().backward()
        self._keep(losses, self.generator, "grad/")
        self.results["fake_G_step"] = fake
        optimizer.step()

    def step_discriminator(self) -> None:
        """Losses, gradients and Adam step of the discriminator."""
        config = self.case.config
        rate = config["lr"] * 2 if config["TTUR"] else config["lr"]
        optimizer = torch.optim.Adam(self.discriminator.parameters(), lr=rate, betas=tuple(config["betas"]))
        with torch.no_grad():
            fake, _ = self.picture("D")
        maps = self.discriminator.compare(self.semantics, fake, self.case.inputs["image"])
        logits = [[scale[-1] for scale in on] for on in maps]
        on_fake, on_real = discriminator_loss(*logits, mode=config["gan_mode"])
        optimizer.zero_grad()
        (on_fake + on_real).backward()
        self._keep({"D_Fake": on_fake, "D_real": on_real}, self.discriminator, "grad/")
        optimizer.step()

    def _keep(self, losses: Mapping[str, Tensor], network: nn.Module, prefix: str) -> None:
        self.results |= {f"loss/{name}": loss for name, loss in losses.items()}
        grads = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
        self.results |= {f"{prefix}{key}": grad for key, grad in self.original_keys(network, grads).items()}

    def original_keys(self, network: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors of a network by their original keys, the network's own prefix in front."""
        if network is self.discriminator:
            return _rename(PATCHGAN, tensors, "netD.")
        released = get_released(self.case.info["family"])
        keymap = released.keymap(self.generator.config)
        encoded = {k.removeprefix("encoder."): t for k, t in tensors.items() if k.startswith("encoder.")}
        found = _rename(keymap, {k: t for k, t in tensors.items() if not k.startswith("encoder.")}, "netG.")
        if not encoded:
            return found
        assert released.encoder is not None
        return found | _rename(released.encoder, encoded, self.roles["encoder"])


def _rename(keymap: KeyMap, tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    names = keymap.rename_keys(tensors, backward=True)
    return {f"{prefix}{names[key]}": tensor for key, tensor in tensors.items()}


def train_step(case: Case) -> Results:
    """Kind ``train_step``: losses, gradients and the states after both steps."""
    iteration = Iteration(case)
    iteration.step_generator()
    iteration.step_discriminator()
    results = dict(iteration.results)
    for network in (iteration.generator, iteration.discriminator):
        after = iteration.original_keys(network, network.state_dict())
        results |= {f"after/{key}": tensor for key, tensor in after.items()}
    return results
