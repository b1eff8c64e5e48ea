"""Replays of iPOSE's losses and of one iteration of its training."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from semsyn.losses.adversarial import discriminator_loss, generator_loss
from semsyn.losses.clip_style import CLIPStyleLoss, CLIPTokens, relaxed_earth_mover
from semsyn.models.ipose.style import CHOSEN, crop_by_box
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.ipose_network import layout_of, noise_of, objects_of, teach
from semsyn.testing.replays.networks import assemble_original
from semsyn.testing.replays.segmentation import SegmentationIteration, name_losses
from semsyn.testing.replays.train_step import part_of
from semsyn.testing.replays.training import LAMBDA_VGG

BLOCK_INDEX = 8  # of CLIP, whose tokens the released loss reads


def hinge(case: Case) -> Results:
    """Kind ``hinge``."""
    results: dict[str, Tensor] = {}
    for name in ("g", "d_fake", "d_real"):
        logits = case.inputs["logits"].clone().requires_grad_()
        on_fake, on_real = discriminator_loss([logits], [logits])
        loss = {"g": generator_loss([logits]), "d_fake": on_fake, "d_real": on_real}[name]
        results |= {name: loss, f"grad/{name}": torch.autograd.grad(loss, logits)[0]}
    return results


def earth_mover(case: Case) -> Results:
    """Kind ``remd``."""
    tokens = case.inputs["x_tokens"].clone().requires_grad_()
    loss = relaxed_earth_mover(tokens, case.inputs["y_tokens"])
    return {"loss": loss, "grad/x_tokens": torch.autograd.grad(loss, tokens)[0]}


def build_style_loss(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> CLIPStyleLoss:
    """CLIP's tower of a state's own sizes, up to the block that the loss reads."""
    width, _, patch, _ = state["visual.conv1.weight"].shape
    side = round((len(state["visual.positional_embedding"]) - 1) ** 0.5)
    last = config.get("block_index", BLOCK_INDEX)
    tokens = CLIPTokens(width=width, heads=config["heads"], layers=last + 1, patch=patch, resolution=side * patch)
    return CLIPStyleLoss(tokens.load_clip(state))


def clip_token_loss(case: Case) -> Results:
    """Kind ``clip_token_loss``."""
    loss_of = build_style_loss(case.state, case.config)
    fake = case.inputs["x"].clone().requires_grad_()
    loss = loss_of(fake, case.inputs["y"])
    return {"loss": loss, "grad/x": torch.autograd.grad(loss, fake)[0]}


def local_crops(case: Case) -> Results:
    """Kind ``local_crops``."""
    crops = crop_by_box(case.inputs["image"], objects_of(case))
    return {"crops_s4": crops[:, :, ::4, ::4], "crop_mean": crops.mean((2, 3))}


def train_losses(case: Case) -> Results:
    """Kind ``train_losses`` of iPOSE: losses, gradients and buffers of one iteration."""
    config, inputs = case.config, case.inputs
    generator = teach(assemble_original({"generator": part_of(case, "G.")}, config), case)
    styles = {step: noise_of(generator, inputs.get(f"z_{step}"), inputs[f"z_part_{step}"]) for step in "GD"}
    clip = build_style_loss(part_of(case, "clip."), config["clip"]).tokens
    is_local = config["style"] != "global"
    others = {CHOSEN: inputs.get("crop_select", torch.zeros(0)).long()} if is_local else {}
    options = {"clip": clip, "style": config.get("lambda_vgg", LAMBDA_VGG)}
    iteration = SegmentationIteration.of(case, generator, layout_of(case), styles, others=others, **options)
    losses, results = iteration.run()
    adversarial, style = losses["gan"], losses["style"]
    own = {"loss_G": adversarial + style, "loss_G_adv": adversarial, "loss_G_clip": style}
    return {**own, **name_losses(losses), **results}
