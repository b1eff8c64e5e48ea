"""Train the bundled toyscenes weights: ``python examples/train_toyscenes.py clade --out runs/clade``.

Families: ``clade``, ``inade`` and ``scgan`` (see toyscenes_patch_gan.py), ``oasis`` and ``ipose``
(toyscenes_segmentation_gan.py). iPOSE needs a PartNet that train_toyscenes_parts.py made: ``--part-net FILE``.

A run that is stopped goes on from its last checkpoint (``--out``/state.pt) when the same command is given again.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import torch
from toyscenes_patch_gan import CLADE_RECIPE, INADE_RECIPE, SCGAN_RECIPE
from toyscenes_segmentation_gan import OASIS_RECIPE, SegmentationTraining
from toyscenes_training import SPACE, Recipe, save_sheet

from semsyn.data.parts.toy_parts import toy_supports
from semsyn.data.toyscenes.cache import load_scenes
from semsyn.hub import Card, find_card, save_pretrained

RECIPES: dict[str, Recipe] = {
    "clade": CLADE_RECIPE,
    "inade": INADE_RECIPE,
    "scgan": SCGAN_RECIPE,
    "oasis": OASIS_RECIPE,
    "ipose": OASIS_RECIPE,
}


def card_of(family: str) -> Card:
    """The card of a family's bundled weights."""
    return find_card(f"{family}/toyscenes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=RECIPES)
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights, the state and sample sheets")
    parser.add_argument(
        "--cache", type=Path, default=Path("runs/toyscenes"), help="folder for the drawn scenes (80 kB each)"
    )
    parser.add_argument("--part-net", type=Path, help="iPOSE's PartNet, needed at the first start")
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
    card = card_of(args.family)
    train = train if recipe.mood is None else train.only(recipe.mood)
    if len(train) < recipe.batch:
        parser.error(f"--scenes {args.scenes} leaves {len(train)} of mood {recipe.mood}: too few for a batch")
    training = recipe.start(card.config, seed=args.seed)
    train, val = (scenes.requiring(training.generator.requires) for scenes in (train, val))
    state_file = args.out / "state.pt"
    if state_file.exists():
        training.resume(torch.load(state_file, weights_only=True))
    elif args.family == "ipose":
        if args.part_net is None:
            parser.error("iPOSE starts with a trained PartNet: --part-net FILE, from train_toyscenes_parts.py")
        assert isinstance(training, SegmentationTraining)
        supports = toy_supports(card.config.num_supports)
        training.take_part_net(torch.load(args.part_net, weights_only=True), supports)
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
            torch.save(training.state(), state_file.with_suffix(".part"))
            state_file.with_suffix(".part").replace(state_file)
            save_sheet(training.finished(train, batches=10), val, args.out / f"sheet-{training.step:05d}.png")
    generator = training.finished(train)
    save_sheet(generator, val, args.out / "sheet.png")
    generator.label_space = SPACE
    weights = args.out / f"{args.family}-toyscenes.safetensors"
    save_pretrained(generator, weights, name=card.name, license=card.license, dtype=torch.float16, overwrite=True)
    print(f"{weights}: {weights.stat().st_size} bytes")


if __name__ == "__main__":
    main()
