"""Replays of one step as released: the generator's, then the critic's with a new picture.

All of them call `semsyn.train.train_step`, with the objective of the family's recipe.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from semsyn.convert.keymap import KeyMap
from semsyn.critics.verdict import Critic
from semsyn.functional.maps import edges
from semsyn.generator.generator import Generator
from semsyn.generator.synthesis import Synthesis
from semsyn.losses.perceptual import PerceptualLoss
from semsyn.models import get_family
from semsyn.models.pyramid.released import PATCHGAN
from semsyn.models.scgan.recipe import Distance, Preview
from semsyn.models.scgan.released import FEATURE_PYRAMID
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.networks import assemble_original, layout_of
from semsyn.testing.replays.training import build_discriminator, build_feature_pyramid, build_perceptual
from semsyn.train.shot import Batch, Draws
from semsyn.train.step import Nets, train_step
from semsyn.train.terms import Term

ROLES = {"generator": "netG.", "encoder": "netE.", "instance_encoder": "netIE."}
DISTANCES: dict[str, Distance] = {"l1": nn.functional.l1_loss, "l2": nn.functional.mse_loss}
NAMES = {
    "gan": "GAN",
    "features": "GAN_Feat",
    "perceptual": "VGG",
    "kl": "KLD",
    "d_fake": "D_Fake",
    "d_real": "D_real",
}


@dataclass
class Replayed:
    """A step that was done.

    Attributes:
        nets: after it; gradients are still there.
        losses: by our names.
        made: the generator's pictures.
    """

    nets: Nets
    losses: Mapping[str, Tensor]
    made: Synthesis

    @classmethod
    def of(cls, nets: Nets, batch: Batch, draws: Draws) -> "Replayed":
        """Do the step."""
        pictures: list[Synthesis] = []

        def paint(layout: Layout, style: Style) -> Synthesis:
            pictures.append(nets.generator.synthesize(layout, style))
            return pictures[-1]

        nets.paint = paint
        losses = train_step(nets, batch, draws)
        return cls(nets, losses, pictures[0])


def gradients(network: nn.Module) -> dict[str, Tensor]:
    """Those of a network's weights, by their names."""
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{key}": tensor for key, tensor in tensors.items()}


class PatchIteration:
    """The step of a case with patches.

    Args:
        case: with original option names.
        dtype: of all that is computed.

    Attributes:
        nets, batch, draws: of the step.
    """

    def __init__(self, case: Case, *, dtype: torch.dtype = torch.float32) -> None:
        inputs = {f"in/{k}": t.to(dtype) if t.is_floating_point() else t for k, t in case.inputs.items()}
        case = replace(case, tensors={**case.tensors, **inputs})
        self.case, self.config = case, case.config
        self.family = get_family(case.info["family"])
        self.roles = {("encoder" if "encoder" in role else role): p for role, p in ROLES.items() if self._part(p)}
        states = {role: self._part(prefix) for role, prefix in self.roles.items()}
        generator = assemble_original(states, self.config).to(dtype).train()
        has_edges = not self.config["no_instance"]
        critic, self.critic_keys = self._build_critic(has_edges)
        objective = self.family.objective(generator.config, has_edges=has_edges, critic=critic, **self._options())
        objective.to(dtype).train()
        factors = (0.5, 2.0) if self.config["TTUR"] else (1.0, 1.0)
        optimizers = [
            torch.optim.Adam(net.parameters(), lr=self.config["lr"] * factor, betas=tuple(self.config["betas"]))
            for net, factor in zip((generator, critic), factors, strict=True)
        ]
        self.nets = Nets(generator, objective, (optimizers[0], optimizers[1]))
        layout = layout_of(case)
        if layout.instance_ids is not None:
            layout = replace(layout, edges=edges(layout.instance_ids))
        self.batch = Batch(layout=layout, real=case.inputs["image"])
        self.draws = Draws(style=self._style("G"), critic_style=self._style("D"))

    def run(self) -> Replayed:
        """Do it."""
        return Replayed.of(self.nets, self.batch, self.draws)

    def _part(self, prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): t.clone() for k, t in self.case.state.items() if k.startswith(prefix)}

    def _build_critic(self, has_edges: bool) -> tuple[Critic, KeyMap]:
        state = self._part("netD.")
        if self.config.get("netD") == "fpse":
            return build_feature_pyramid(state, has_edges=has_edges), FEATURE_PYRAMID
        critic = build_discriminator(self.config, has_edges=has_edges)
        critic.load_state_dict(PATCHGAN.convert(state))
        return critic, PATCHGAN

    def _options(self) -> dict[str, Any]:
        """Of the recipe's objective."""
        config = self.config
        distance = build_perceptual(state) if (state := self._part("criterionVGG.")) else None
        return {
            "mode": config["gan_mode"],
            "features": 0.0 if config.get("no_ganFeat_loss", False) else config["lambda_feat"],
            "vgg": None if distance is None or config.get("no_vgg_loss", False) else distance.vgg,
            "perceptual": config.get("lambda_vgg", 0.0),
            "kl": config.get("lambda_kld", 0.0),
            "terms": self._terms(distance),
        }

    def _terms(self, perceptual: PerceptualLoss | None) -> dict[str, Term]:
        if "rw_loss" not in self.config:
            return {}
        kind = self.config["rw_loss"]
        distance = perceptual if kind == "vgg" else DISTANCES[kind]
        assert distance is not None
        return {"preview": Preview(self.config["lambda_w_recon"], distance)}

    def _style(self, step: str) -> Style:
        """The drawn codes of a step: "G" or "D", which have their own noise."""
        inputs = self.case.inputs
        start = inputs.get(f"noise_ins_{step}", inputs.get(f"z_{step}"))
        given = {"start": start, "instances": inputs.get(f"noise_{step}")}
        return self.nets.generator.style(**{name: code for name, code in given.items() if code is not None})

    def losses(self, replayed: Replayed) -> dict[str, Tensor]:
        """By original names."""
        names = {**NAMES, "preview": f"W_Recon_{self.config.get('rw_loss')}"}
        return {names[name]: loss for name, loss in replayed.losses.items()}

    def gradients(self) -> dict[str, Tensor]:
        """Of both networks, by original keys."""
        return self._original(*map(gradients, self._networks))

    def state(self) -> dict[str, Tensor]:
        """Parameters and buffers of both networks, by original keys."""
        return {k: t.clone() for k, t in self._original(*(net.state_dict() for net in self._networks)).items()}

    @property
    def _networks(self) -> tuple[Generator, Critic]:
        return self.nets.generator, self.nets.objective.critic

    def _original(self, of_generator: Mapping[str, Tensor], of_critic: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors by original keys, the prefix of their network in front."""
        released = self.family.released
        encoded = {k.removeprefix("encoder."): t for k, t in of_generator.items() if k.startswith("encoder.")}
        others = {k: t for k, t in of_generator.items() if not k.startswith("encoder.")}
        found = prefixed("netG.", released.keymap(self.nets.generator.config).invert(others))
        if encoded:
            assert released.encoder is not None
            found |= prefixed(self.roles["encoder"], released.encoder.invert(encoded))
        return found | prefixed("netD.", self.critic_keys.invert(of_critic))


def replay_train_step(case: Case) -> Results:
    """Kind ``train_step``: losses, gradients and the states after both steps."""
    iteration = PatchIteration(case)
    replayed = iteration.run()
    return {
        "fake_G_step": replayed.made.image,
        **prefixed("loss/", iteration.losses(replayed)),
        **prefixed("grad/", iteration.gradients()),
        **prefixed("after/", iteration.state()),
    }
