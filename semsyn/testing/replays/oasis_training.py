"""Replays of OASIS' discriminator blocks, losses, weight averaging, and of one iteration of its training."""

import torch

from semsyn.critics.unet import ScalingBlock
from semsyn.losses.label_mix import label_mix_loss, label_mix_mask
from semsyn.losses.segmentation import fake_segmentation_loss, segmentation_loss
from semsyn.models.oasis.released import DISCRIMINATOR
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.networks import assemble_original, layout_of
from semsyn.testing.replays.segmentation import SegmentationIteration, draws_by_class, loss_options, name_losses
from semsyn.testing.replays.train_step import part_of
from semsyn.train.ema import average_states


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
    class_ids = case.inputs["label"][:, 0].long()
    logits = case.inputs["logits"].clone().requires_grad_()
    on_real = segmentation_loss(logits, class_ids, **loss_options(case.config))
    losses = {"real": on_real, "fake": fake_segmentation_loss(logits)}
    grads = {f"grad/logits_{name}": torch.autograd.grad(loss, logits)[0] for name, loss in losses.items()}
    return {**{f"loss_{name}": loss for name, loss in losses.items()}, **grads}


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


def train_losses(case: Case) -> Results:
    """Kind ``train_losses``: losses, gradients and buffers of one iteration."""
    generator = assemble_original({"generator": part_of(case, "G.")}, case.config)
    styles = {
        step: generator.style(**{spec.name: case.inputs[f"z_{step}"] for spec in generator.codes}) for step in "GD"
    }
    losses, results = SegmentationIteration.of(case, generator, layout_of(case), styles).run()
    return {"loss_G": losses["gan"], **name_losses(losses), **results}
