"""Replay of one training iteration as released: a generator step, then a discriminator step with a new picture."""

from collections.abc import Mapping
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.convert.keymap import KeyMap
from semsyn.critics.patch import MultiscaleDiscriminator, semantic_planes
from semsyn.critics.pyramid import FeaturePyramidDiscriminator
from semsyn.functional.maps import edges
from semsyn.generator.generator import Generator
from semsyn.generator.synthesis import Synthesis
from semsyn.losses import feature_matching
from semsyn.losses.adversarial import discriminator_loss, generator_loss
from semsyn.losses.feature_matching import feature_distance
from semsyn.losses.kl import kl_divergence
from semsyn.losses.perceptual import INADE_WEIGHTS, SPADE_WEIGHTS
from semsyn.models import get_family
from semsyn.models.pyramid_released import PATCHGAN
from semsyn.models.scgan.released import FEATURE_PYRAMID
from semsyn.records.style import Style
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.networks import assemble_original, layout_of
from semsyn.testing.replays.training import build_discriminator, build_feature_pyramid, build_perceptual

ROLES = {"generator": "netG.", "encoder": "netE.", "instance_encoder": "netIE."}


class Iteration:
    """The networks of a training case and its two steps.

    Args:
        case: with original option names.
        dtype: of all that is computed.

    Attributes:
        losses, gradients: of both steps, by name and by original key.
    """

    def __init__(self, case: Case, *, dtype: torch.dtype = torch.float32) -> None:
        inputs = {f"in/{k}": t.to(dtype) if t.is_floating_point() else t for k, t in case.inputs.items()}
        case = replace(case, tensors={**case.tensors, **inputs})
        self.case, self.config, self.inputs = case, case.config, case.inputs
        self.family = get_family(case.info["family"]).name
        self.roles = {("encoder" if "encoder" in role else role): p for role, p in ROLES.items() if self._part(p)}
        states = {role: self._part(prefix) for role, prefix in self.roles.items()}
        self.generator: Generator = assemble_original(states, self.config).to(dtype).train()
        self.is_inade = self.family == "inade"
        self.layout = layout_of(case)
        if self.layout.instance_ids is not None:
            self.layout = replace(self.layout, edges=edges(self.layout.instance_ids))
        self.has_edges = not self.config["no_instance"]
        self.discriminator, self.discriminator_keys = self._build_discriminator()
        self.discriminator.to(dtype).train()
        self.losses: dict[str, Tensor] = {}
        self.gradients: dict[str, Tensor] = {}

    def _part(self, prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): t.clone() for k, t in self.case.state.items() if k.startswith(prefix)}

    def _build_discriminator(self) -> tuple[MultiscaleDiscriminator | FeaturePyramidDiscriminator, KeyMap]:
        state = self._part("netD.")
        if self.config.get("netD") == "fpse":
            return build_feature_pyramid(state, has_edges=self.has_edges), FEATURE_PYRAMID
        net = build_discriminator(self.config)
        net.load_state_dict(PATCHGAN.convert(state))
        return net, PATCHGAN

    def style(self, step: str) -> tuple[Style, Tensor | None]:
        """The codes of a step ("G" or "D", which have their own noise), and the weighted divergence."""
        inputs = self.inputs
        start = inputs.get(f"noise_ins_{step}", inputs.get(f"z_{step}"))
        given = {"start": start, "instances": inputs.get(f"noise_{step}")}
        style = self.generator.style(**{name: code for name, code in given.items() if code is not None})
        if self.generator.encoder is None:
            return style, None
        posterior = self.generator.encode(inputs["image"], self.layout)
        weight = self.config["lambda_kld"] * (0.5 if self.is_inade else 1.0)
        (gaussian,) = posterior.values()
        divergence = weight * kl_divergence(gaussian.mu, gaussian.logvar)
        return posterior.apply(style), divergence

    def judge(self, fake: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Logits of a picture and of the true one by scale, and how far apart their features are."""
        real = self.inputs["image"]
        if isinstance(self.discriminator, FeaturePyramidDiscriminator):
            said, on_real = self.discriminator.compare(self.layout, fake, real)
            return list(said.logits), list(on_real.logits), feature_distance(said.features, on_real.features)
        num_classes = self.config["semantic_nc"] - self.has_edges
        semantics = semantic_planes(self.layout, num_classes, has_edges=self.has_edges)
        maps = self.discriminator.compare(semantics, fake, real)
        on_fake, on_true = ([scale[-1] for scale in on] for on in maps)
        return on_fake, on_true, feature_matching(*maps, first_map=3 if self.is_inade else 0)

    def step_generator(self) -> Synthesis:
        """Losses, gradients and Adam step of the generator and its encoder."""
        config = self.config
        optimizer = self._optimizer(self.generator, 0.5)
        style, divergence = self.style("G")
        made = self.generator.synthesize(self.layout, style)
        on_fake, _, distance = self.judge(made.image)
        losses = {"GAN": generator_loss(on_fake, mode=config["gan_mode"])}
        if not config.get("no_ganFeat_loss", False):
            losses["GAN_Feat"] = config["lambda_feat"] * distance
        if not config.get("no_vgg_loss", False):
            losses["VGG"] = config["lambda_vgg"] * self.perceived(made.image)
        if divergence is not None:
            losses["KLD"] = divergence
        if "rw_loss" in config:
            losses[f"W_Recon_{config['rw_loss']}"] = config["lambda_w_recon"] * self.reconstruction(made["preview"])
        self._step(optimizer, losses, self.generator)
        return made

    def reconstruction(self, preview: Tensor) -> Tensor:
        """How far the picture of the semantic vectors alone is from the true one."""
        real, kind = self.inputs["image"], self.config["rw_loss"]
        if kind == "vgg":
            return self.perceived(preview)
        return F.mse_loss(preview, real) if kind == "l2" else F.l1_loss(preview, real)

    def perceived(self, image: Tensor) -> Tensor:
        """The perceptual distance of a picture from the true one."""
        weights = INADE_WEIGHTS if self.is_inade else SPADE_WEIGHTS
        loss_of = build_perceptual(self._part("criterionVGG."), weights).to(image.dtype)
        distance: Tensor = loss_of(image, self.inputs["image"])
        return distance

    def step_discriminator(self) -> None:
        """Losses, gradients and Adam step of the discriminator."""
        optimizer = self._optimizer(self.discriminator, 2.0)
        with torch.no_grad():
            fake = self.generator(self.layout, self.style("D")[0])
        on_fake, on_real, _ = self.judge(fake)
        losses = discriminator_loss(on_fake, on_real, mode=self.config["gan_mode"])
        self._step(optimizer, dict(zip(("D_Fake", "D_real"), losses, strict=True)), self.discriminator)

    def _optimizer(self, network: nn.Module, factor: float) -> torch.optim.Optimizer:
        rate = self.config["lr"] * (factor if self.config["TTUR"] else 1.0)
        return torch.optim.Adam(network.parameters(), lr=rate, betas=tuple(self.config["betas"]))

    def _step(self, optimizer: torch.optim.Optimizer, losses: Mapping[str, Tensor], network: nn.Module) -> None:
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        self.losses |= losses
        grads = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
        self.gradients |= self.original_keys(network, grads)
        optimizer.step()

    def original_keys(self, network: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors of a network by their original keys, the network's own prefix in front."""
        if network is self.discriminator:
            return prefixed("netD.", self.discriminator_keys.invert(tensors))
        released = get_family(self.family).released
        encoded = {k.removeprefix("encoder."): t for k, t in tensors.items() if k.startswith("encoder.")}
        others = {k: t for k, t in tensors.items() if not k.startswith("encoder.")}
        found = prefixed("netG.", released.keymap(self.generator.config).invert(others))
        if not encoded:
            return found
        assert released.encoder is not None
        return found | prefixed(self.roles["encoder"], released.encoder.invert(encoded))

    def state(self) -> dict[str, Tensor]:
        """Parameters and buffers of all networks by their original keys."""
        networks = (self.generator, self.discriminator)
        return {k: t.clone() for net in networks for k, t in self.original_keys(net, net.state_dict()).items()}


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{key}": tensor for key, tensor in tensors.items()}


def train_step(case: Case) -> Results:
    """Kind ``train_step``: losses, gradients and the states after both steps."""
    iteration = Iteration(case)
    fake = iteration.step_generator().image
    iteration.step_discriminator()
    return {
        "fake_G_step": fake,
        **prefixed("loss/", iteration.losses),
        **prefixed("grad/", iteration.gradients),
        **prefixed("after/", iteration.state()),
    }
