"""The recipes of CLADE, INADE and SCGAN: a hinge loss on two scales of patches, feature matching, low-level terms.

The released recipes at a small size. What differs, and why:

- There are no VGG weights to ship, so a low-level term stands in for the perceptual loss: L1 on pictures averaged over
  4×4 blocks, and on the mean colour of each instance (else small instances would not count).
- Features are matched on the last map, as INADE does; CLADE's recipe takes all. The lower maps compare random textures
  pixel by pixel, and in as few steps as these that blurs.
- CLADE is deterministic, so it learns from scenes of one mood; the mean of all moods is no picture.
- CLADE starts at Xavier gain 1, not 0.02: under spectral norm a small weight is turned far by every step of Adam, which
  settles late. Its tables, with entries around 1, learn faster than the rest.
- SCGAN starts at gain 1 for the same reason, and its expert tables learn faster. As released, its semantic vector
  network also learns to draw the picture by itself, so that the experts divide the work by what there is to see.
- KL is weighted per picture, not summed over the batch at 0.05: that would silence the encoder of networks this small.
- Released INADE and SCGAN encode every picture of a batch. Here, later on, one in four has drawn codes instead (and no
  low-level term), so that the discriminator sees what draws from the prior look like.
- The discriminator learns from the pictures of the generator's own step (the released loop draws new ones), which
  saves a forward of each network. Rates are higher (few steps) and fall to 0. The saved weights are a moving average.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from toyscenes_training import SPACE, Recipe, Training, draw_style

from semsyn.critics.patch import MultiscaleDiscriminator, semantic_planes
from semsyn.functional import region_pool
from semsyn.losses import discriminator_loss, feature_matching, generator_loss, kl_divergence
from semsyn.nn import CLADE, INADE, SpatiallyConditionalNorm
from semsyn.records.layout import Layout
from semsyn.records.style import Style


@dataclass(frozen=True, kw_only=True)
class PatchRecipe(Recipe):
    """A recipe with patch discriminators."""

    blocks: float  # weight of the low-level term on 4×4 blocks
    colors: float  # weight of the low-level term on instances
    kl: float  # weight of the divergence, summed over a picture
    has_edges: bool  # the discriminator sees instance borders
    table_rate: float  # factor of the generator's rate for the tables of CLADE, INADE or SCGAN
    preview: float = 0.0  # weight of the picture that SCGAN's semantic vector network draws
    drawn_from: int | None = None  # step from which the last picture of a batch has drawn codes, not encoded ones
    features: float = 10.0
    first_map: int = 3  # of the discriminator's maps that are matched

    def start(self, config: Any, *, seed: int) -> "PatchTraining":
        return PatchTraining(config, self, seed=seed)


CLADE_RECIPE = PatchRecipe(
    blocks=5.0,
    colors=2.0,
    kl=0.0,
    has_edges=False,
    cycles=(3800, 3000),
    mood="noon",
    rate=(3e-4, 4e-4),
    table_rate=10.0,
)
INADE_RECIPE = PatchRecipe(
    blocks=10.0,
    colors=5.0,
    kl=3e-3,
    has_edges=True,
    cycles=(5000,),
    drawn_from=2500,
    gain=0.02,
    rate=(4e-4, 8e-4),
    table_rate=1.0,
    decay_from=0.5,
)
SCGAN_RECIPE = PatchRecipe(
    blocks=10.0,
    colors=5.0,
    preview=1.0,
    kl=3e-3,
    has_edges=False,
    cycles=(3200,),
    drawn_from=1600,
    rate=(4e-4, 4e-4),
    table_rate=5.0,
    decay_from=0.5,
)


class PatchTraining(Training[PatchRecipe]):
    """A run with patch discriminators."""

    def make_discriminator(self) -> nn.Module:
        planes = SPACE.num_classes + self.recipe.has_edges
        return MultiscaleDiscriminator(planes, width=self.recipe.discriminator_width)

    def groups(self) -> list[dict[str, Any]]:
        """Table entries are around 1, and Adam's steps do not know it: at the networks' rate they would hardly move."""
        modulations = [m for m in self.generator.modules() if isinstance(m, CLADE | INADE | SpatiallyConditionalNorm)]
        tables = [p for m in modulations for p in m.parameters(recurse=False)]
        known = {id(p) for p in tables}
        others = [p for p in self.generator.parameters() if id(p) not in known]
        rate = self.recipe.rate[0]
        return [{"params": others, "base": rate}, {"params": tables, "base": rate * self.recipe.table_rate}]

    def learn(self, layout: Layout, real: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
        recipe = self.recipe
        losses: dict[str, Tensor] = {}
        with torch.autocast("cpu", torch.bfloat16):
            style = draw_style(self.generator, layout, rng)
            pairs = len(real)  # pictures that show the codes of their true picture
            if self.generator.encoder is not None:
                posterior = self.generator.encode(real, layout)
                losses["kl"] = recipe.kl * kl_divergence(posterior.mu.float(), posterior.logvar.float()) / len(real)
                pairs -= recipe.drawn_from is not None and self.step >= recipe.drawn_from
                style = mix_images(posterior.apply(style), style, pairs)
            found = self.generator.synthesize(layout, style)
            picture = found.image
            if recipe.preview:
                losses["preview"] = recipe.preview * F.l1_loss(found["preview"].float(), real)
            # The graph of the discriminator serves both steps, so it is cut from the generator's.
            fake = picture.detach().requires_grad_()
            planes = semantic_planes(layout, SPACE.num_classes, has_edges=recipe.has_edges)
            on_fake, on_real = (
                self.discriminator(torch.cat([planes, x], 1).contiguous(memory_format=torch.channels_last))
                for x in (fake, real)
            )
        fake_logits, real_logits = ([scale[-1].float() for scale in maps] for maps in (on_fake, on_real))
        losses["gan"] = generator_loss(fake_logits)
        losses["features"] = recipe.features * feature_matching(on_fake, on_real, first_map=recipe.first_map).float()
        fake_blocks, real_blocks = (F.avg_pool2d(x[:pairs].float(), 4) for x in (fake, real))
        losses["blocks"] = recipe.blocks * F.l1_loss(fake_blocks, real_blocks)
        if recipe.colors:
            losses["colors"] = recipe.colors * color_difference(fake[:pairs].float(), real[:pairs], layout[:pairs])
        others = [losses[name] for name in ("kl", "preview") if name in losses]  # do not look at the fake
        on_picture = sum(loss for loss in losses.values() if all(loss is not other for other in others))
        (gradient,) = torch.autograd.grad(on_picture, fake, retain_graph=True)  # type: ignore[arg-type]
        torch.autograd.backward([picture, *others], [gradient, *(torch.ones(()) for _ in others)])
        losses["d_fake"], losses["d_real"] = discriminator_loss(fake_logits, real_logits)
        (losses["d_fake"] + losses["d_real"]).backward()
        return losses


def mix_images(first: Style, second: Style, count: int) -> Style:
    """The codes of the first ``count`` pictures from one style, of the others from another."""
    pairs = {name: (getattr(first, name), getattr(second, name)) for name in ("code", "instance_codes")}
    return Style(**{name: torch.cat([a[:count], b[count:]]) for name, (a, b) in pairs.items() if a is not None})


def color_difference(fake: Tensor, real: Tensor, layout: Layout) -> Tensor:
    """L1 of the mean colours of the instances; every instance counts the same."""
    assert layout.instance_ids is not None
    (a, counts), (b, _) = (region_pool(x, layout.instance_ids, layout.num_instances) for x in (fake, real))
    return F.l1_loss(a[counts > 0], b[counts > 0])
