"""Replays of U-Nets that segment, and of the step against one: what OASIS and iPOSE share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from semsyn.critics.unet import SegmentationDiscriminator
from semsyn.generator.generator import Generator
from semsyn.models import get_family
from semsyn.models.oasis.released import DISCRIMINATOR
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.networks import keymap_of
from semsyn.testing.replays.train_step import gradients, part_of, prefixed
from semsyn.train.shot import Batch, Draws
from semsyn.train.step import Nets, train_step

VOID, LAMBDA_LABELMIX = 0, 10.0
LOSSES = {"fake": "fake", "real": "real", "labelmix": "mixed"}


def build_discriminator(state: Mapping[str, Tensor]) -> SegmentationDiscriminator:
    """The discriminator that an original state fits: widths and classes are those of its weights."""
    ours = DISCRIMINATOR.convert(state)
    depth = sum(key.startswith("down.") and key.endswith("conv_2.bias") for key in ours)
    net = SegmentationDiscriminator(
        len(ours["to_classes.bias"]) - 1,
        widths=[len(ours[f"down.{i}.conv_2.bias"]) for i in range(depth)],
        last_width=ours["to_classes.weight"].shape[1],
        has_global_head="global_head.weight" in ours,
        has_spectral_norm="down.0.conv_1.weight" not in ours,
    )
    net.load_state_dict(ours)
    return net


def discriminator(case: Case) -> Results:
    """Kinds ``discriminator`` and iPOSE's ``discriminator_global``: logits, and the state afterwards."""
    net = build_discriminator(case.state).train(case.mode == "train")
    x = case.inputs["x"]
    said = net(Layout(class_ids=torch.zeros_like(x[:, 0], dtype=torch.int64)), x)
    after = {f"state_after/{key}": t for key, t in DISCRIMINATOR.invert(net.state_dict()).items()}
    patches = {"global_logits": said.logits[0]} if said.logits else {}
    assert said.classes is not None
    return {"logits": said.classes, **patches, **after}


def loss_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """Options of `semsyn.losses.segmentation_loss` that original ones tell."""
    return {
        "is_balanced": config.get("class_balancing", not config.get("no_balancing_inloss", False)),
        "void": VOID if config.get("contain_dontcare_label", True) else None,
    }


def draws_by_class(class_ids: Tensor, draws: Tensor, num_classes: int) -> Tensor:
    """The originals' draws, one per class that occurs, as one per class."""
    is_real = torch.zeros(num_classes, dtype=torch.bool)
    is_real[class_ids.unique()] = draws.bool()
    return is_real


@dataclass
class SegmentationIteration:
    """The step of a ``train_losses`` case, whose optimisers leave the weights alone.

    Attributes:
        nets, batch, draws: of the step.
    """

    nets: Nets
    batch: Batch
    draws: Draws

    @classmethod
    def of(
        cls, case: Case, generator: Generator, layout: Layout, styles: Mapping[str, Style], **options: Any
    ) -> "SegmentationIteration":
        """That of a case.

        Args:
            case: with the state of the discriminator.
            generator: of the case.
            layout: of the case.
            styles: by step, G and D.
            **options: of the family's objective, and ``others``: further draws.
        """
        config, ids = case.config, layout.class_ids
        others = options.pop("others", {})
        critic = build_discriminator(part_of(case, "D."))
        objective = get_family(generator.config.family).objective(
            generator.config,
            critic=critic,
            label_mix=config.get("lambda_labelmix", LAMBDA_LABELMIX),
            as_released=True,
            **loss_options(config),
            **options,
        )
        of_generator, of_critic = (torch.optim.SGD(net.parameters(), lr=0.0) for net in (generator, critic))
        mixed = draws_by_class(ids, case.inputs["draws"], config["semantic_nc"])
        draws = Draws(style=styles["G"], critic_style=styles["D"], others={"label_mix": mixed, **others})
        nets = Nets(generator.train(), objective.train(), (of_generator, of_critic))
        return cls(nets, Batch(layout=layout, real=case.inputs["image"]), draws)

    def run(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Do it: the losses by our names; gradients, their norms and the states by original keys."""
        losses = train_step(self.nets, self.batch, self.draws)
        generator, critic = self.nets.generator, self.nets.objective.critic
        keymaps = {"G": (generator, keymap_of(generator)), "D": (critic, DISCRIMINATOR)}
        results: dict[str, Tensor] = {}
        for role, (network, keymap) in keymaps.items():
            grads = keymap.invert(gradients(network))
            results |= prefixed(f"grad/{role}.", grads) | prefixed(
                f"{role}_after/", keymap.invert(network.state_dict())
            )
            results |= {f"gradnorm/{role}/{key}": t.norm() for key, t in grads.items()}
        return dict(losses), results


def name_losses(losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The discriminator's losses by original names, and their sum."""
    found = {f"loss_D_{name}": losses[f"d_{own}"] for name, own in LOSSES.items()}
    return {**found, "loss_D": torch.stack(list(found.values())).sum()}
