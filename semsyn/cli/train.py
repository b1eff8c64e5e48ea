"""``semsyn train``: train a network by one of the recipes."""

import argparse
from pathlib import Path
from typing import Any

import torch

from semsyn.cli.jobs import check_free, check_writable
from semsyn.cli.options import MAX_SCENES, count_up_to, parse_count, parse_path, parse_seed
from semsyn.cli.terminal import say
from semsyn.convert.files import check_file
from semsyn.data.io.tensor_files import write_tensors
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError, UnknownNameError
from semsyn.generator.generator import Generator
from semsyn.hub.load_tower import load_tower
from semsyn.hub.save import save_pretrained
from semsyn.models import FAMILIES, find_card
from semsyn.train.trainer import STATE, Trainer

SHOWN = 10  # unseen scenes
INSTALLED = ""  # the source of a tower that was not given one

EPILOG = """\
RUN gets the weights, the state to go on from, and what there is to see. A run that was stopped goes on from
its last state when the same command is given again.

recipes:
  {recipes}

examples:
  semsyn train clade/toyscenes --out runs/clade
  semsyn train ipose/toyscenes-parts --out runs/parts
  semsyn train ipose/toyscenes --part-net runs/parts/ipose-toyscenes-parts.safetensors --out runs/ipose
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    recipes = _recipes()
    parser.usage = "semsyn train RECIPE --out RUN [options]"
    parser.description = "Train a network."
    parser.epilog = EPILOG.format(recipes="\n  ".join(recipes))
    parser.add_argument("recipe", metavar="RECIPE", help="its name, see below")
    parser.add_argument("--out", metavar="RUN", type=parse_path, required=True, help="folder of the results")
    parser.add_argument("--steps", metavar="N", type=parse_count, help="how many; default: the recipe's")
    parser.add_argument("--seed", metavar="N", type=parse_seed, default=0, help="of everything drawn; default 0")
    parser.add_argument("--every", metavar="N", type=parse_count, default=500, help="steps between states; default 500")
    scenes = parser.add_argument_group("scenes")
    scenes.add_argument(
        "--cache", metavar="DIR", type=parse_path, default=Path("runs/toyscenes"), help="default runs/toyscenes"
    )
    scenes.add_argument(
        "--scenes",
        metavar="N",
        type=count_up_to(MAX_SCENES),
        default=16000,
        help="true ones to learn from; default 16000",
    )
    starts = parser.add_argument_group("what a run starts with")
    for name, about in _needs(recipes).items():
        starts.add_argument(f"--{name.replace('_', '-')}", metavar="PATH", type=parse_path, help=about)
    towers = parser.add_argument_group("trained networks that losses look through")
    for name in _towers(recipes):
        towers.add_argument(
            f"--{name}",
            metavar="PATH",
            nargs="?",
            const=INSTALLED,
            help=f"weights of {name}: a file or a repository of the Hub; without PATH those of an installed package",
        )


def run(args: argparse.Namespace) -> None:
    """Train, or go on."""
    recipes = _recipes()
    if args.recipe not in recipes:
        raise UnknownNameError("recipe", args.recipe, list(recipes))
    recipe = recipes[args.recipe]
    if args.steps is not None:
        recipe = recipe.lasting(args.steps)
    card = find_card(f"{args.recipe.partition('/')[0]}/{recipe.preset}")
    given = {name: path for name in _needs(recipes) if (path := getattr(args, name)) is not None}
    if foreign := sorted(set(given) - set(recipe.needs)):
        raise InputError(f"recipe {args.recipe} does not start with {', '.join(foreign)}: leave it out.")
    sources = {name: source for name in _towers(recipes) if (source := getattr(args, name)) is not None}
    if foreign := sorted(set(sources) - set(_towers({"": recipe}))):
        raise InputError(f"the losses of {args.recipe} do not look through {', '.join(foreign)}: leave it out.")
    if sources:
        recipe = recipe.looking_through({name: load_tower(name, source or None) for name, source in sources.items()})
    path = args.out / f"{args.recipe.replace('/', '-')}.safetensors"
    check_writable(args.out)
    check_free([path], given.values(), overwrite=True)
    if (state := args.out / STATE).exists():
        check_file(state)
    trainer = Trainer(recipe.begin(card.config, seed=args.seed), args.out, every=args.every, report=_say)
    trainer.begin(given)
    pictures = trainer.run.load(args.cache, "train", args.scenes)
    trained = trainer.train(pictures, trainer.run.load(args.cache, "val", SHOWN))
    if isinstance(trained, Generator):
        trained.label_space = None if card.label_space is None else label_space(card.label_space)
        save_pretrained(trained, path, name=card.name, license=card.license, dtype=torch.float16, overwrite=True)
    else:
        write_tensors(trained.state_dict(), path)
    say(f"{path}: {path.stat().st_size} bytes")


def _recipes() -> dict[str, Any]:
    return {f"{family.name}/{name}": r for family in FAMILIES.values() for name, r in family.recipes.items()}


def _needs(recipes: dict[str, Any]) -> dict[str, str]:
    return {name: about for recipe in recipes.values() for name, about in recipe.needs.items()}


def _towers(recipes: dict[str, Any]) -> list[str]:
    return sorted({name for recipe in recipes.values() for name in getattr(recipe, "towers", {}).values()})


def _say(line: str) -> None:
    say(line)
