"""The recipes of OASIS and iPOSE: a U-Net that segments pictures into the classes and "fake", and LabelMix.

The released recipes at a small size. What differs, and why:

- There is no CLIP to ship, so iPOSE has no style loss, and no global head either: so it differs from OASIS by its parts
  alone, and what they are worth can be measured. PartNet is trained before (train_toyscenes_parts.py) and frozen.
- The discriminator learns from the pictures of the generator's own step (the released loop draws new ones), which
  saves a forward of each network. Rates are higher (few steps) and fall to 0.
- Weights start at Xavier gain 1 instead of 0.02, as for CLADE.
- No class is void.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from toyscenes_training import SPACE, Recipe, Training, draw_style

from semsyn.critics.unet import SegmentationDiscriminator
from semsyn.losses import (
    draw_label_mix,
    fake_segmentation_loss,
    label_mix_loss,
    label_mix_mask,
    segmentation_loss,
)
from semsyn.nn import PartConditioner, PartSupports
from semsyn.records.layout import Layout

STEPS = ((1, 1, 2, 2, 4, 4), 1)  # widths of the discriminator's levels and before its logits, in its width


@dataclass(frozen=True, kw_only=True)
class SegmentationRecipe(Recipe):
    """A recipe with OASIS' discriminator."""

    label_mix: float = 5.0

    def start(self, config: Any, *, seed: int) -> "SegmentationTraining":
        return SegmentationTraining(config, self, seed=seed)


OASIS_RECIPE = SegmentationRecipe(cycles=(3200,), mood="noon", rate=(4e-4, 4e-4), betas=(0.0, 0.999), decay_from=0.5)
"""iPOSE's too."""


class SegmentationTraining(Training[SegmentationRecipe]):
    """A run with OASIS' discriminator."""

    def make_discriminator(self) -> nn.Module:
        widths, last = STEPS
        width = self.recipe.discriminator_width
        return SegmentationDiscriminator(
            SPACE.num_classes, widths=[width * times for times in widths], last_width=width * last
        )

    def take_part_net(self, weights: dict[str, Tensor], supports: PartSupports) -> None:
        """Give iPOSE's generator its PartNet, and the support maps."""
        for generator in (self.generator, self.averaged):
            conditioner = generator.attach("supports", supports).conditioner
            assert isinstance(conditioner, PartConditioner)
            conditioner.scene.part_net.load_state_dict(weights)

    def learn(self, layout: Layout, real: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
        class_ids = layout.class_ids
        style = draw_style(self.generator, layout, rng)
        mask = label_mix_mask(class_ids, draw_label_mix(SPACE.num_classes, rng))
        with torch.autocast("cpu", torch.bfloat16):
            picture = self.generator(layout, style)
            # The graph of the discriminator serves both steps, so it is cut from the generator's.
            fake = picture.detach().requires_grad_()
            on_fake = self.discriminator(fake).logits.float()
            mixed = torch.lerp(fake.detach().float(), real, mask)
            both = torch.cat([real, mixed]).contiguous(memory_format=torch.channels_last)
            on_real, on_mixed = self.discriminator(both).logits.float().chunk(2)
        losses = {"gan": segmentation_loss(on_fake, class_ids, void=None)}
        (gradient,) = torch.autograd.grad(losses["gan"], fake, retain_graph=True)
        picture.backward(gradient)
        of_discriminator = {
            "d_fake": fake_segmentation_loss(on_fake),
            "d_real": segmentation_loss(on_real, class_ids, void=None),
            "d_mixed": self.recipe.label_mix * label_mix_loss(mask, on_real, on_fake, on_mixed),
        }
        torch.stack(list(of_discriminator.values())).sum().backward(inputs=list(self.discriminator.parameters()))
        return losses | of_discriminator
