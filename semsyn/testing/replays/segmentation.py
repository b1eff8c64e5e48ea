"""Replays of OASIS' discriminator, losses and weight averaging."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from semsyn.critics.unet import ScalingBlock, SegmentationDiscriminator
from semsyn.data.spaces.colors import label_colors
from semsyn.generator.generator import Generator
from semsyn.losses.label_mix import label_mix_loss, label_mix_mask
from semsyn.losses.segmentation import fake_segmentation_loss, segmentation_loss
from semsyn.metrics.frechet import feature_statistics, frechet_distance
from semsyn.models import get_family
from semsyn.models.oasis.released import DISCRIMINATOR
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.networks import assemble_original, keymap_of, layout_of
from semsyn.testing.replays.train_step import gradients, prefixed
from semsyn.train.ema import average_states
from semsyn.train.shot import Batch, Draws
from semsyn.train.step import Nets, train_step

VOID = 0
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


def scaling_block(case: Case) -> Results:
    """Kind ``d_block``."""
    config = case.config
    direction, is_first = "down" if config["up_or_down"] < 0 else "up", bool(config.get("first", False))
    block = ScalingBlock(
        config["fin"],
        config["fout"],
        "down" if direction == "down" else "up",
        is_first=is_first,
        has_spectral_norm="conv2.1.weight_orig" in case.state,
    )
    level = 0 if is_first else 1
    prefix, target = f"body_{direction}.{level}.", f"{direction}.{level}."
    converted = DISCRIMINATOR.convert({prefix + key: t for key, t in case.state.items()})
    block.load_state_dict({key.removeprefix(target): t for key, t in converted.items()})
    y = block.train(case.mode == "train")(case.inputs["x"])
    after = DISCRIMINATOR.invert({target + key: t for key, t in block.state_dict().items()})
    return {"y": y, **{f"state_after/{key.removeprefix(prefix)}": t for key, t in after.items()}}


def n_plus_one_loss(case: Case) -> Results:
    """Kind ``n1_loss``: both losses and their gradients."""
    config, class_ids = case.config, case.inputs["label"][:, 0].long()
    logits = case.inputs["logits"].clone().requires_grad_()
    void = VOID if config.get("contain_dontcare_label", True) else None
    on_real = segmentation_loss(logits, class_ids, is_balanced=config.get("class_balancing", True), void=void)
    losses = {"real": on_real, "fake": fake_segmentation_loss(logits)}
    grads = {f"grad/logits_{name}": torch.autograd.grad(loss, logits)[0] for name, loss in losses.items()}
    return {**{f"loss_{name}": loss for name, loss in losses.items()}, **grads}


def draws_by_class(class_ids: Tensor, draws: Tensor, num_classes: int) -> Tensor:
    """The originals' draws, one per class that occurs, as one per class."""
    is_real = torch.zeros(num_classes, dtype=torch.bool)
    is_real[class_ids.unique()] = draws.bool()
    return is_real


def label_mix(case: Case) -> Results:
    """Kind ``labelmix``: mask, mixed pictures, loss and its gradients."""
    inputs, class_ids = case.inputs, case.inputs["label"][:, 0].long()
    is_real = draws_by_class(class_ids, inputs["draws"], case.config["semantic_nc"])
    mask = label_mix_mask(class_ids, is_real, as_released=True)
    leaves = {name: inputs[name].clone().requires_grad_() for name in ("d_real", "d_fake", "d_mixed")}
    loss = label_mix_loss(mask, *leaves.values())
    grads = torch.autograd.grad(loss, list(leaves.values()))
    return {
        "mask": mask,
        "mixed": torch.lerp(inputs["fake"], inputs["real"], mask),
        "loss": loss,
        **{f"grad/{name}": grad for name, grad in zip(leaves, grads, strict=True)},
    }


def ema_update(case: Case) -> Results:
    """Kind ``ema_update``: one step of the average, key by key."""
    average, current = (
        {key.removeprefix(prefix): t.clone() for key, t in case.state.items() if key.startswith(prefix)}
        for prefix in ("ema.", "g.")
    )
    average_states(average, current, case.config["decay"])
    return average


def frechet(case: Case) -> Results:
    """Kinds ``frechet`` and CLADE's ``fid_distance``: statistics of two sets of features, and their distance."""
    is_clade = "act1" in case.inputs
    names, cov = (("act1", "act2"), "sigma") if is_clade else (("feat_real", "feat_fake"), "cov")
    (mean_a, cov_a), (mean_b, cov_b) = (feature_statistics(case.inputs[name]) for name in names)
    distance = torch.tensor(frechet_distance(mean_a, cov_a, mean_b, cov_b), dtype=torch.float64)
    return {"mu1": mean_a, f"{cov}1": cov_a, "mu2": mean_b, f"{cov}2": cov_b, "fid": distance}


def colormaps(case: Case) -> Results:
    """Kind ``colormaps``: the colours of N labels, for every N in the file."""
    counts = [int(key.removeprefix("cmap_")) for key in case.expected]
    return {f"cmap_{n}": label_colors(n) for n in counts}


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
        objective = (
            get_family(generator.config.family)
            .file("recipe")
            .objective(
                generator.config,
                critic=critic,
                label_mix=config["lambda_labelmix"],
                is_balanced=config.get("class_balancing", not config.get("no_balancing_inloss", False)),
                void=VOID if config.get("contain_dontcare_label", True) else None,
                as_released=True,
                **options,
            )
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


def part_of(case: Case, prefix: str) -> dict[str, Tensor]:
    """The state of one network of a case."""
    return {key.removeprefix(prefix): t for key, t in case.state.items() if key.startswith(prefix)}


def name_losses(losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The discriminator's losses by original names, and their sum."""
    found = {f"loss_D_{name}": losses[f"d_{own}"] for name, own in LOSSES.items()}
    return {**found, "loss_D": torch.stack(list(found.values())).sum()}


def train_losses(case: Case) -> Results:
    """Kind ``train_losses``: losses, gradients and buffers of one iteration."""
    generator = assemble_original({"generator": part_of(case, "G.")}, case.config)
    styles = {
        step: generator.style(**{spec.name: case.inputs[f"z_{step}"] for spec in generator.codes}) for step in "GD"
    }
    losses, results = SegmentationIteration.of(case, generator, layout_of(case), styles).run()
    return {"loss_G": losses["gan"], **name_losses(losses), **results}
