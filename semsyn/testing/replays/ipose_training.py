"""Replays of iPOSE's losses and of one iteration of its training."""

import torch
from torch import Tensor

from semsyn.functional.object_crops import ObjectFrame, crop_pictures
from semsyn.losses.adversarial import discriminator_loss, generator_loss
from semsyn.losses.clip_style import CLIPStyleLoss, CLIPTokens, relaxed_earth_mover
from semsyn.losses.label_mix import label_mix_loss, label_mix_mask
from semsyn.losses.segmentation import fake_segmentation_loss
from semsyn.models.oasis.released import DISCRIMINATOR
from semsyn.records.objects import Objects
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.ipose_network import layout_of, noise_of, objects_of, teach
from semsyn.testing.replays.networks import assemble_original, keymap_of
from semsyn.testing.replays.oasis_training import Iteration, build_discriminator, draws_by_class, run_iteration

CROP_SIZE = 128


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


def build_style_loss(state: dict[str, Tensor], heads: int, layers: int = 9) -> CLIPStyleLoss:
    """CLIP's tower of a state's own sizes."""
    width, _, patch, _ = state["visual.conv1.weight"].shape
    side = round((len(state["visual.positional_embedding"]) - 1) ** 0.5)
    tokens = CLIPTokens(width=width, heads=heads, layers=layers, patch=patch, resolution=side * patch)
    return CLIPStyleLoss(tokens.load_clip(state))


def clip_token_loss(case: Case) -> Results:
    """Kind ``clip_token_loss``."""
    loss_of = build_style_loss(case.state, case.config["heads"], case.config.get("block_index", 8) + 1)
    fake = case.inputs["x"].clone().requires_grad_()
    loss = loss_of(fake, case.inputs["y"])
    return {"loss": loss, "grad/x": torch.autograd.grad(loss, fake)[0]}


def crop_by_box(pictures: Tensor, objects: Objects) -> Tensor:
    """The crops of the local style loss: boxes as they are in the table, without a margin."""
    return crop_pictures(
        pictures, objects.images, ObjectFrame.of(objects.boxes, objects.original_sizes), size=CROP_SIZE
    )


def local_crops(case: Case) -> Results:
    """Kind ``local_crops``."""
    n, _, h, w = case.inputs["image"].shape
    case.inputs["instance"] = torch.zeros(n, 1, h, w)  # silhouettes do not matter
    crops = crop_by_box(case.inputs["image"], objects_of(case))
    return {"crops_s4": crops[:, :, ::4, ::4], "crop_mean": crops.mean((2, 3))}


class PartIteration(Iteration):
    """The two steps of a ``train_losses`` case of iPOSE."""

    def __init__(self, case: Case) -> None:
        self.config, self.inputs = case.config, case.inputs
        parts = {
            role: {key.removeprefix(f"{role}."): t for key, t in case.state.items() if key.startswith(f"{role}.")}
            for role in ("G", "D", "clip")
        }
        self.generator = teach(assemble_original({"generator": parts["G"]}, self.config), case).train()
        self.discriminator = build_discriminator(parts["D"]).train()
        self.style_loss = build_style_loss(parts["clip"], self.config["clip"]["heads"])
        self.layout = layout_of(case)
        self.keymaps = {"G": keymap_of(self.generator), "D": DISCRIMINATOR}

    def _picture(self, step: str) -> Tensor:
        return self.generator(
            self.layout, noise_of(self.generator, self.inputs.get(f"z_{step}"), self.inputs[f"z_part_{step}"])
        )

    def _style(self, fake: Tensor, real: Tensor) -> Tensor:
        objects = self.layout.objects
        assert objects is not None
        if self.config["style"] == "global":
            return self.style_loss(fake, real)
        chosen = objects[self.inputs["crop_select"]]
        return self.style_loss(crop_by_box(fake, chosen), crop_by_box(real, chosen))

    def generator_losses(self) -> dict[str, Tensor]:
        fake = self._picture("G")
        said = self.discriminator(fake)
        assert said.patch_logits is not None
        adversarial = self._real(said.logits) + generator_loss([said.patch_logits])
        style = self.config["lambda_vgg"] * self._style(fake, self.inputs["image"])
        (adversarial + style).backward()
        return {"loss_G": adversarial + style, "loss_G_adv": adversarial, "loss_G_clip": style}

    def discriminator_losses(self) -> dict[str, Tensor]:
        ids, real = self.layout.class_ids, self.inputs["image"]
        with torch.no_grad():
            fake = self._picture("D")
        self.discriminator.zero_grad()
        on_fake, on_real = (self.discriminator(image) for image in (fake, real))
        mask = label_mix_mask(
            ids, draws_by_class(ids, self.inputs["draws"], self.config["semantic_nc"]), as_released=True
        )
        on_mixed = self.discriminator(torch.lerp(fake, real, mask)).logits
        mixed = label_mix_loss(mask, on_real.logits, on_fake.logits, on_mixed)
        assert on_fake.patch_logits is not None and on_real.patch_logits is not None
        hinge_fake, hinge_real = discriminator_loss([on_fake.patch_logits], [on_real.patch_logits])
        losses = {
            "loss_D_fake": fake_segmentation_loss(on_fake.logits) + hinge_fake,
            "loss_D_real": self._real(on_real.logits) + hinge_real,
            "loss_D_labelmix": self.config["lambda_labelmix"] * mixed,
        }
        total = torch.stack(list(losses.values())).sum()
        total.backward()
        return {**losses, "loss_D": total}


def train_losses(case: Case) -> Results:
    """Kind ``train_losses`` of iPOSE: losses, gradients and buffers of one iteration."""
    return run_iteration(PartIteration(case))
