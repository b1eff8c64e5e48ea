"""Train the bundled toyscenes weights: ``python examples/train_toyscenes.py clade --out runs/clade`` (or ``inade``).

The released recipe at a small size: hinge GAN, feature matching, KL divergence for INADE, Adam with beta1 = 0, spectral
norm in both networks, a discriminator of two scales. What differs, and why:

- There are no VGG weights to ship, so a low-level term stands in for the perceptual loss: L1 on pictures averaged over
  4×4 blocks, and on the mean colour of each instance (else small instances would not count).
- Features are matched on the last map, as INADE does; CLADE's recipe takes all. The lower maps compare random textures
  pixel by pixel, and in as few steps as these that blurs.
- CLADE is deterministic, so it learns from scenes of one mood; the mean of all moods is no picture.
- CLADE starts at Xavier gain 1, not 0.02: under spectral norm a small weight is turned far by every step of Adam, which
  settles late. Its tables, with entries around 1, learn faster than the rest.
- KL is weighted per picture, not summed over the batch at 0.05: that would silence the encoder of networks this small.
- Released INADE encodes every picture of a batch. Here, later on, one in four has drawn codes instead (and no
  low-level term), so that the discriminator sees what draws from the prior look like.
- The discriminator learns from the pictures of the generator's own step (the released loop draws new ones), which
  saves a forward of each network. Rates are higher (few steps) and fall to 0. The saved weights are a moving average.

Everything drawn at a step depends on the seed and the number of the step alone, so a run that is stopped and started
again goes on from its last checkpoint (``--out``/state.pt) as if nothing had happened.
"""

import argparse
import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from toyscenes_cache import Scenes, load_scenes

from semsyn.data.spaces import label_space
from semsyn.functional import region_pool
from semsyn.hub import find_card, save_pretrained
from semsyn.layout import Layout
from semsyn.losses import discriminator_loss, feature_matching, generator_loss, kl_divergence
from semsyn.models import Generator, family_of
from semsyn.models.discriminators import MultiscaleDiscriminator, semantic_planes
from semsyn.nn import CLADE, INADE
from semsyn.nn.initialize import initialize
from semsyn.style import Style

SPACE = label_space("toyscenes")


@dataclass(frozen=True)
class Recipe:
    """How one bundle is trained."""

    blocks: float  # weight of the low-level term on 4×4 blocks
    colors: float  # weight of the low-level term on instances
    kl: float  # weight of the divergence, summed over a picture
    has_edges: bool  # the discriminator sees instance borders
    cycles: tuple[int, ...]  # steps of each; the rates fall to 0 in it, and the next begins at the full rates
    table_rate: float  # factor of the generator's rate for the tables of CLADE or INADE
    mood: str | None = None  # of the scenes to learn from; None: all
    drawn_from: int | None = None  # step from which the last picture of a batch has drawn codes, not encoded ones
    batch: int = 4
    features: float = 10.0
    first_map: int = 3  # of the discriminator's maps that are matched
    gain: float = 1.0  # of the initialisation
    rate: tuple[float, float] = (3e-4, 4e-4)  # generator (and encoder), discriminator
    decay_from: float = 0.4  # part of a cycle's steps at the full rate
    average: float = 0.998
    discriminator_width: int = 32

    @property
    def steps(self) -> int:
        """Of all cycles."""
        return sum(self.cycles)

    def rate_factor(self, step: int) -> float:
        """Of both rates, at a step."""
        start = 0
        for length in self.cycles:
            if step < start + length:
                return min(1.0, (start + length - step) / (length * (1 - self.decay_from)))
            start += length
        return 0.0


RECIPES = {
    "clade": Recipe(blocks=5.0, colors=2.0, kl=0.0, has_edges=False, cycles=(3800, 3000), mood="noon", table_rate=10.0),
    "inade": Recipe(
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
    ),
}


class Training:
    """Networks, optimisers and the moving average of one run."""

    def __init__(self, config: Any, recipe: Recipe, *, seed: int) -> None:
        torch.manual_seed(seed)
        self.recipe, self.seed, self.step = recipe, seed, 0
        self.generator = self._layout(initialize(family_of(config).build(config), gain=recipe.gain))
        planes = SPACE.num_classes + recipe.has_edges
        discriminator = MultiscaleDiscriminator(planes, width=recipe.discriminator_width)
        self.discriminator = self._layout(initialize(discriminator, gain=recipe.gain))
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False)
        # Table entries are around 1, and Adam's steps do not know it: at the networks' rate they would hardly move.
        modulations = [m for m in self.generator.modules() if isinstance(m, CLADE | INADE)]
        tables = [p for m in modulations for p in m.parameters(recurse=False)]
        known = {id(p) for p in tables}
        others = [p for p in self.generator.parameters() if id(p) not in known]
        rate, rate_discriminator = recipe.rate
        groups = [{"params": others, "base": rate}, {"params": tables, "base": rate * recipe.table_rate}]
        self.optimizers = [
            torch.optim.Adam(groups, lr=rate, betas=(0.0, 0.9), fused=True),
            torch.optim.Adam(
                [{"params": list(self.discriminator.parameters()), "base": rate_discriminator}],
                lr=rate_discriminator,
                betas=(0.0, 0.9),
                fused=True,
            ),
        ]

    @staticmethod
    def _layout(network: Any) -> Any:
        return network.to(memory_format=torch.channels_last)

    def batches(self, scenes: Scenes) -> Iterator[tuple[Layout, Tensor, torch.Generator]]:
        """From the current step on: layout, pictures and the source of this step's noise."""
        n = self.recipe.batch
        per_epoch = len(scenes) // n
        for step in range(self.step, self.recipe.steps):
            epoch, place = divmod(step, per_epoch)
            order = torch.randperm(len(scenes), generator=torch.Generator().manual_seed(self.seed * 10**6 + epoch))
            rng = torch.Generator().manual_seed(self.seed * 10**9 + 10**6 + step)
            flips = (torch.rand(n, generator=rng) < 0.5).tolist()
            yield *scenes.batch(order[place * n : (place + 1) * n].tolist(), flips), rng

    def advance(self, layout: Layout, real: Tensor, rng: torch.Generator) -> dict[str, float]:
        """One step of both networks; the losses, as weighted."""
        recipe = self.recipe
        real = real.contiguous(memory_format=torch.channels_last)
        losses: dict[str, Tensor] = {}
        with torch.autocast("cpu", torch.bfloat16):
            style = draw_style(self.generator, layout, rng)
            pairs = len(real)  # pictures that show the codes of their true picture
            if self.generator.encoder is not None:
                posterior = self.generator.encode(real, layout)
                losses["kl"] = recipe.kl * kl_divergence(posterior.mu.float(), posterior.logvar.float()) / len(real)
                pairs -= recipe.drawn_from is not None and self.step >= recipe.drawn_from
                style = mix_images(posterior.apply(style), style, pairs)
            picture = self.generator(layout, style)
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
        on_picture = sum(loss for name, loss in losses.items() if name != "kl")
        (gradient,) = torch.autograd.grad(on_picture, fake, retain_graph=True)  # type: ignore[arg-type]
        if "kl" in losses:
            torch.autograd.backward([picture, losses["kl"]], [gradient, torch.ones(())])
        else:
            picture.backward(gradient)
        losses["d_fake"], losses["d_real"] = discriminator_loss(fake_logits, real_logits)
        (losses["d_fake"] + losses["d_real"]).backward()
        self._update()
        return {name: loss.item() for name, loss in losses.items()}

    def _update(self) -> None:
        factor = self.recipe.rate_factor(self.step)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["base"] * factor
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        keep = min(self.recipe.average, self.step / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.averaged.parameters()), list(self.generator.parameters()), 1 - keep)

    def finished(self, scenes: Scenes, *, batches: int = 60, batch: int = 16) -> Generator:
        """The averaged generator, with batch statistics (and u, v of the spectral norms) that fit its weights."""
        generator = copy.deepcopy(self.averaged)
        generator.load_state_dict({**dict(self.generator.named_buffers()), **dict(self.averaged.named_parameters())})
        norms = [m for m in generator.modules() if isinstance(m, nn.BatchNorm2d)]
        rng = torch.Generator().manual_seed(self.seed)
        generator.train()
        with torch.no_grad():
            for i in range(min(batches, max(1, len(scenes) // batch))):
                for norm in norms:
                    norm.momentum = 1 / (i + 1)  # a plain mean over the batches
                layout, real = scenes.batch(list(range(i * batch, min(i * batch + batch, len(scenes)))))
                style = draw_style(generator, layout, rng)
                if generator.encoder is not None and i % 2:  # both ways of use count
                    style = generator.encode(real, layout).apply(style)
                generator(layout, style)
        for norm in norms:
            norm.momentum = 0.1
        return generator.eval()

    def state(self) -> dict[str, Any]:
        """What a later start needs."""
        parts = {"generator": self.generator, "discriminator": self.discriminator, "averaged": self.averaged}
        return {name: net.state_dict() for name, net in parts.items()} | {
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        for name in ("generator", "discriminator", "averaged"):
            getattr(self, name).load_state_dict(state[name])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step = state["step"]


def mix_images(first: Style, second: Style, count: int) -> Style:
    """The codes of the first ``count`` pictures from one style, of the others from another."""
    codes = [
        torch.cat([a[:count], b[count:]])
        for a, b in ((first.code, second.code), (first.instance_codes, second.instance_codes))
        if a is not None and b is not None
    ]
    return Style(code=codes[0], instance_codes=codes[1])


def color_difference(fake: Tensor, real: Tensor, layout: Layout) -> Tensor:
    """L1 of the mean colours of the instances; every instance counts the same."""
    assert layout.instance_ids is not None
    (a, counts), (b, _) = (region_pool(x, layout.instance_ids, layout.num_instances) for x in (fake, real))
    return F.l1_loss(a[counts > 0], b[counts > 0])


def draw_style(generator: Generator, layout: Layout, rng: torch.Generator) -> Style:
    """Prior codes; drawn as one tensor, which is faster than `sample_style`'s one draw per instance."""
    if generator.code_dim is None or generator.conditioner.instance_code_dim is None:
        return Style()
    code = torch.randn(len(layout), generator.code_dim, generator=rng)
    shape = (len(layout), layout.num_instances, 2, generator.conditioner.instance_code_dim)
    return Style(code=code, instance_codes=torch.randn(shape, generator=rng))


@torch.no_grad()
def save_sheet(generator: Generator, scenes: Scenes, path: Path, *, count: int = 10) -> None:
    """Rows: colour map, true picture, and pictures: CLADE's one, or INADE's reconstruction and two draws."""
    layout, real = scenes.batch(list(range(count)))
    rng = torch.Generator().manual_seed(0)
    rows = [SPACE.to_colors(layout.class_ids).movedim(-1, 1) / 127.5 - 1, real]
    styles = [draw_style(generator, layout, rng) for _ in range(1 if generator.encoder is None else 3)]
    if generator.encoder is not None:
        styles[0] = generator.encode(real, layout).apply(styles[0])
    rows += [generator(layout, style) for style in styles]
    pixels = ((torch.cat([torch.cat(list(row), 2) for row in rows], 1) + 1) * 127.5).round().clamp(0, 255).byte()
    Image.fromarray(pixels.movedim(0, -1).numpy()).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=RECIPES)
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights, the state and sample sheets")
    parser.add_argument(
        "--cache", type=Path, default=Path("runs/toyscenes"), help="folder for the drawn scenes (80 kB each)"
    )
    parser.add_argument("--scenes", type=int, default=16000, help="true pictures to learn from")
    parser.add_argument("--steps", type=int, help="how many; the default is what the bundled weights had")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--every", type=int, default=500, help="steps between checkpoints")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    recipe = RECIPES[args.family]
    if args.steps:
        recipe = replace(recipe, cycles=(args.steps,))
    train, val = load_scenes(args.cache, "train", args.scenes), load_scenes(args.cache, "val", 10)
    card = find_card(f"{args.family}/toyscenes")
    train = train if recipe.mood is None else train.only(recipe.mood)
    if len(train) < recipe.batch:
        parser.error(f"--scenes {args.scenes} leaves {len(train)} of mood {recipe.mood}: too few for a batch")
    training = Training(card.config, recipe, seed=args.seed)
    state_file = args.out / "state.pt"
    if state_file.exists():
        training.resume(torch.load(state_file, weights_only=True))
    sums: dict[str, float] = {}
    since, start = training.step, time.perf_counter()
    for layout, real, rng in training.batches(train):
        for name, value in training.advance(layout, real, rng).items():
            sums[name] = sums.get(name, 0.0) + value
        if training.step % 50 == 0:
            now, done = time.perf_counter(), training.step - since
            means = " ".join(f"{name} {value / done:.3f}" for name, value in sums.items())
            print(f"step {training.step}/{recipe.steps} {(now - start) / done:.3f} s/step {means}", flush=True)
            sums, since, start = {}, training.step, now
        if training.step % args.every == 0:
            save_sheet(training.finished(train, batches=10), val, args.out / f"sheet-{training.step:05d}.png")
            torch.save(training.state(), state_file.with_suffix(".part"))
            state_file.with_suffix(".part").replace(state_file)
    generator = training.finished(train)
    save_sheet(generator, val, args.out / "sheet.png")
    generator.label_space = SPACE
    weights = args.out / f"{args.family}-toyscenes.safetensors"
    save_pretrained(generator, weights, name=card.name, license=card.license, dtype=torch.float16, overwrite=True)
    print(f"{weights}: {weights.stat().st_size} bytes")


if __name__ == "__main__":
    main()
