"""Replays of OASIS' discriminator, losses and weight averaging."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from semsyn.critics.unet import ScalingBlock, SegmentationDiscriminator
from semsyn.data.spaces.colors import label_colors
from semsyn.losses.label_mix import label_mix_loss, label_mix_mask
from semsyn.losses.segmentation import fake_segmentation_loss, segmentation_loss
from semsyn.metrics.frechet import feature_statistics, frechet_distance
from semsyn.models.oasis.released import DISCRIMINATOR
from semsyn.records.layout import Layout
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.networks import assemble_original, keymap_of, layout_of
from semsyn.train.ema import average_states

VOID = 0
POWER_ITERATES = ("weight_u", "weight_v")


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
    said = net(case.inputs["x"])
    after = {f"state_after/{key}": t for key, t in DISCRIMINATOR.invert(net.state_dict()).items()}
    patches = {} if said.patch_logits is None else {"global_logits": said.patch_logits}
    return {"logits": said.logits, **patches, **after}


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


class Iteration:
    """The two steps of a ``train_losses`` case, without optimisers."""

    def __init__(self, case: Case) -> None:
        self.config: dict[str, Any] = case.config
        self.inputs = case.inputs
        parts = {
            role: {key.removeprefix(f"{role}."): t for key, t in case.state.items() if key.startswith(f"{role}.")}
            for role in ("G", "D")
        }
        self.generator = assemble_original({"generator": parts["G"]}, self.config).train()
        self.discriminator = build_discriminator(parts["D"]).train()
        self.layout: Layout = layout_of(case)
        self.keymaps = {"G": keymap_of(self.generator), "D": DISCRIMINATOR}

    def _real(self, logits: Tensor) -> Tensor:
        void = VOID if self.config.get("contain_dontcare_label", True) else None
        balanced = self.config.get("class_balancing", not self.config.get("no_balancing_inloss", False))
        return segmentation_loss(logits, self.layout.class_ids, is_balanced=balanced, void=void)

    def _picture(self, step: str) -> Tensor:
        return self.generator(
            self.layout, self.generator.style(**{spec.name: self.inputs[f"z_{step}"] for spec in self.generator.codes})
        )

    def generator_losses(self) -> dict[str, Tensor]:
        """The generator's step."""
        loss = self._real(self.discriminator(self._picture("G")).logits)
        loss.backward()
        return {"loss_G": loss}

    def discriminator_losses(self) -> dict[str, Tensor]:
        """The discriminator's step: generated, true and mixed pictures, one after the other."""
        ids, real = self.layout.class_ids, self.inputs["image"]
        with torch.no_grad():
            fake = self._picture("D")
        self.discriminator.zero_grad()
        on_fake, on_real = (self.discriminator(image).logits for image in (fake, real))
        is_real = draws_by_class(ids, self.inputs["draws"], self.config["semantic_nc"])
        mask = label_mix_mask(ids, is_real, as_released=True)
        on_mixed = self.discriminator(torch.lerp(fake, real, mask)).logits
        losses = {
            "loss_D_fake": fake_segmentation_loss(on_fake),
            "loss_D_real": self._real(on_real),
            "loss_D_labelmix": self.config["lambda_labelmix"] * label_mix_loss(mask, on_real, on_fake, on_mixed),
        }
        total = torch.stack(list(losses.values())).sum()
        total.backward()
        return {**losses, "loss_D": total}

    def by_original_keys(self, role: str) -> dict[str, Tensor]:
        """Gradients, their norms and the state of a network."""
        network: nn.Module = self.generator if role == "G" else self.discriminator
        grads = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
        theirs = self.keymaps[role].invert(grads)
        after = self.keymaps[role].invert(network.state_dict())
        return {
            **{f"grad/{role}.{key}": t for key, t in theirs.items()},
            **{f"gradnorm/{role}/{key}": t.norm() for key, t in theirs.items()},
            **{f"{role}_after/{key}": t for key, t in after.items()},
        }


def train_losses(case: Case) -> Results:
    """Kind ``train_losses``: losses, gradients and buffers of one iteration."""
    return run_iteration(Iteration(case))


def run_iteration(iteration: Iteration) -> Results:
    """Both steps, without optimisers: losses, gradients and buffers."""
    losses = iteration.generator_losses()
    of_generator = iteration.by_original_keys("G")
    losses |= iteration.discriminator_losses()
    after = {key: t for key, t in iteration.by_original_keys("G").items() if key.startswith("G_after/")}
    return {**losses, **of_generator, **after, **iteration.by_original_keys("D")}
