"""The options of ``semsyn train``."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from semsyn.cli.options import MAX_SCENES, add_max_pixels, count_up_to, parse_count, parse_path, parse_seed, parse_size
from semsyn.cli.spaces import SPACE_HELP

PRECISIONS = {"off": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
INSTALLED = ""  # the source of a tower that was not given one

EPILOG = """\
RUN gets model.safetensors, which `semsyn generate RUN` and load_pretrained take; state.pt to go on from;
log.jsonl; and what there is to see. A run that was stopped goes on from its last state when the same command
is given again.

FOLDER has images/, labels/ and perhaps instances/, with files of the same names; or train/ and val/ with
these in them; or it is laid out as the data set of the recipe is published.

recipes:
  {recipes}

examples:
  semsyn train clade/toyscenes --out runs/clade
  semsyn train inade/ade20k --data mine --space mine.json --size 128x128 --vgg19 vgg19.pth --out runs/mine
  semsyn train spade/cityscapes --data cityscapes --without vgg19 --init spade.safetensors --out runs/city
  torchrun --nproc-per-node 4 -m semsyn train oasis/ade20k --data ade20k --amp bf16 --out runs/oasis
"""


def configure(parser: argparse.ArgumentParser, recipes: Mapping[str, Any]) -> None:
    """Add all of them."""
    parser.usage = "semsyn train RECIPE --out RUN [--data FOLDER] [options]"
    parser.description = "Train a network, on your own pictures or on drawn scenes."
    parser.epilog = EPILOG.format(recipes="\n  ".join(recipes))
    parser.add_argument("recipe", metavar="RECIPE", help="its name, see below")
    parser.add_argument("--out", metavar="RUN", type=parse_path, required=True, help="folder of the results")
    parser.add_argument("--steps", metavar="N", type=parse_count, help="how many; default: the recipe's")
    parser.add_argument(
        "--batch", metavar="N", type=parse_count, help="pictures of a step, of all processes; default: the recipe's"
    )
    parser.add_argument("--seed", metavar="N", type=parse_seed, default=0, help="of everything drawn; default 0")
    parser.add_argument(
        "--every",
        metavar="N",
        type=parse_count,
        default=500,
        help="steps between states and sheets; default 500",
    )
    parser.add_argument("--resume", action="store_true", help="go on from the state in RUN, which must be there")
    _add_data(parser.add_argument_group("pictures"))
    _add_machine(parser.add_argument_group("how it is done"))
    _add_measures(parser.add_argument_group("what is measured"))
    _add_starts(parser.add_argument_group("what a run starts with"), recipes)
    _add_few(parser.add_argument_group("a few hundred pictures"))
    add_max_pixels(parser)


def find_needs(recipes: Mapping[str, Any]) -> dict[str, str]:
    """What runs start with, by name: what it is."""
    return {name: about for recipe in recipes.values() for name, about in recipe.needs.items()}


def find_towers(recipes: Mapping[str, Any]) -> list[str]:
    """The trained networks that losses of some recipes look through."""
    return sorted({name for recipe in recipes.values() for name in getattr(recipe, "towers", {}).values()})


def _add_data(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--data", metavar="FOLDER", type=parse_path, help="pictures and label maps to learn from")
    group.add_argument(
        "--val", metavar="FOLDER", type=parse_path, help="unseen ones; default: FOLDER/val, else some are held out"
    )
    group.add_argument(
        "--held-out",
        metavar="N",
        type=parse_count,
        help="the last N are not learnt from; default: a tenth, 10 at most",
    )
    group.add_argument("--space", metavar="NAME", help=f"{SPACE_HELP}; default: FOLDER/space.json, or the recipe's")
    group.add_argument(
        "--size", metavar="HxW", type=parse_size, help="of the pictures that are made; default: the recipe's"
    )
    group.add_argument("--skip-bad", action="store_true", help="leave out pictures and maps that cannot be read")
    group.add_argument(
        "--cache",
        metavar="DIR",
        type=parse_path,
        default=Path("runs/toyscenes"),
        help="of toyscenes; default runs/toyscenes",
    )
    group.add_argument(
        "--scenes", metavar="N", type=count_up_to(MAX_SCENES), default=16000, help="of toyscenes; default 16000"
    )


def _add_machine(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--device", metavar="DEVICE", help="such as cpu or cuda:1; default: a GPU where there is one")
    group.add_argument("--amp", choices=PRECISIONS, help="precision of the forward passes; default: the recipe's")
    group.add_argument(
        "--accumulate", metavar="N", type=parse_count, default=1, help="take each batch in N pieces, for less memory"
    )
    group.add_argument("--compile", action="store_true", help="compile generator and critic (torch.compile)")


def _add_measures(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--kid",
        metavar="TOWER",
        help="measure the kernel distance of unseen pictures through a trained network, such as "
        "efficientnet-lite0; model.safetensors is the best then, last.safetensors the last",
    )
    group.add_argument("--kid-weights", metavar="WEIGHTS", help="of that; default: those of an installed package")
    group.add_argument("--tensorboard", action="store_true", help="also write TensorBoard's files, to RUN/board")


def _add_few(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--critic",
        metavar="TOWER",
        help="judge by a trained network, such as efficientnet-lite0; default: the recipe's",
    )
    group.add_argument("--critic-weights", metavar="WEIGHTS", help="of that; default: those of an installed package")
    group.add_argument("--augment", action="store_true", help="let the critic see augmented pictures alone")


def _add_starts(group: argparse._ArgumentGroup, recipes: Mapping[str, Any]) -> None:
    group.add_argument(
        "--init", metavar="NAME", help="a generator of the same networks to start from, as load_pretrained takes it"
    )
    group.add_argument(
        "--adapt-classes",
        action="store_true",
        help="it was trained with other classes: those of the same names go on, the others begin anew",
    )
    group.add_argument(
        "--init-critic",
        metavar="FILE",
        type=parse_path,
        help="a critic to start from: a file of `semsyn convert`, or the authors' own, latest_net_D.pth",
    )
    for name, about in find_needs(recipes).items():
        group.add_argument(f"--{name.replace('_', '-')}", metavar="PATH", type=parse_path, help=about)
    for name in find_towers(recipes):
        about = f"weights of {name}, for losses: a file or a repository of the Hub; without WEIGHTS those of a package"
        group.add_argument(f"--{name}", metavar="WEIGHTS", nargs="?", const=INSTALLED, help=about)
    group.add_argument(
        "--without", metavar="TOWER", action="append", default=[], help="train without a loss that the recipe asks for"
    )
