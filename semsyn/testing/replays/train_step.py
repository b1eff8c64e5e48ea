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
from semsyn.models import get_family
from semsyn.models.pyramid.released import PATCHGAN
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.networks import assemble_original, divergence_weight, layout_of
from semsyn.testing.replays.training import LAMBDA_FEAT, LAMBDA_VGG, build_discriminator, build_perceptual
from semsyn.train.shot import Batch, Draws
from semsyn.train.step import Nets, train_step

ROLES = {"generator": "netG.", "encoder": "netE.", "instance_encoder": "netIE."}
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


def part_of(case: Case, prefix: str) -> dict[str, Tensor]:
    """The state of one network of a case."""
    return {key.removeprefix(prefix): t.clone() for key, t in case.state.items() if key.startswith(prefix)}


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{key}": tensor for key, tensor in tensors.items()}


class PatchIteration:
    """The step of a case with patches.

    Args:
        case: with original option names.
        dtype: of all that is computed.
        critic: another one than the PatchGANs that the options describe, and the key map of its state.
        **options: of the family's objective, further ones than the options of the case tell.

    Attributes:
        nets, batch, draws: of the step.
    """

    def __init__(
        self,
        case: Case,
        *,
        dtype: torch.dtype = torch.float32,
        critic: tuple[Critic, KeyMap] | None = None,
        **options: Any,
    ) -> None:
        inputs = {f"in/{k}": t.to(dtype) if t.is_floating_point() else t for k, t in case.inputs.items()}
        case = replace(case, tensors={**case.tensors, **inputs})
        self.case, self.config = case, case.config
        self.roles = {("encoder" if "encoder" in r else r): p for r, p in ROLES.items() if part_of(case, p)}
        states = {role: part_of(case, prefix) for role, prefix in self.roles.items()}
        generator = assemble_original(states, self.config).to(dtype).train()
        self.family = get_family(generator.config.family)
        has_edges = not self.config.get("no_instance", False)
        judge, self.critic_keys = critic or self._build_critic(has_edges)
        objective = self.family.objective(
            generator.config, has_edges=has_edges, critic=judge, **{**self._options(), **options}
        )
        objective.to(dtype).train()
        self.nets = Nets(generator, objective, self._optimizers(generator, judge))
        layout = layout_of(case)
        if layout.instance_ids is not None:
            layout = replace(layout, edges=edges(layout.instance_ids))
        self.batch = Batch(layout=layout, real=case.inputs["image"])
        self.draws = Draws(style=self._style("G"), critic_style=self._style("D"))

    def run(self) -> Replayed:
        """Do it."""
        return Replayed.of(self.nets, self.batch, self.draws)

    def _build_critic(self, has_edges: bool) -> tuple[Critic, KeyMap]:
        critic = build_discriminator(self.config, has_edges=has_edges)
        critic.load_state_dict(PATCHGAN.convert(part_of(self.case, "netD.")))
        return critic, PATCHGAN

    def _optimizers(self, *networks: nn.Module) -> tuple[torch.optim.Adam, torch.optim.Adam]:
        """Generator's and critic's."""
        config = self.config
        has_two_rates = config.get("TTUR", not config.get("no_TTUR", False))
        default = (0.0, 0.9) if has_two_rates else (0.5, 0.999)
        betas = config.get("betas", (config.get("beta1", default[0]), config.get("beta2", default[1])))
        of_generator, of_critic = (
            torch.optim.Adam(network.parameters(), lr=config.get("lr", 2e-4) * factor, betas=tuple(betas))
            for network, factor in zip(networks, (0.5, 2.0) if has_two_rates else (1.0, 1.0), strict=True)
        )
        return of_generator, of_critic

    def _options(self) -> dict[str, Any]:
        """Of the recipe's objective."""
        config, state = self.config, part_of(self.case, "criterionVGG.")
        has_vgg = bool(state) and not config.get("no_vgg_loss", False)
        return {
            "mode": config.get("gan_mode", "hinge"),
            "features": 0.0 if config.get("no_ganFeat_loss", False) else config.get("lambda_feat", LAMBDA_FEAT),
            "vgg": build_perceptual(state).vgg if has_vgg else None,
            "perceptual": config.get("lambda_vgg", LAMBDA_VGG),
            "kl": divergence_weight(self.case),
        }

    def _style(self, step: str) -> Style:
        """The drawn codes of a step: "G" or "D", which have their own noise."""
        inputs = self.case.inputs
        start = inputs.get(f"noise_ins_{step}", inputs.get(f"z_{step}"))
        given = {"start": start, "instances": inputs.get(f"noise_{step}")}
        return self.nets.generator.style(**{name: code for name, code in given.items() if code is not None})

    def losses(self, replayed: Replayed) -> dict[str, Tensor]:
        """By original names, where there are any."""
        return {NAMES.get(name, name): loss for name, loss in replayed.losses.items()}

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
