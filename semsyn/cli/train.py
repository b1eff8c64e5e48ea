"""``semsyn train``: train a network by one of the recipes."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from semsyn.cli import train_options
from semsyn.cli.device import find_device
from semsyn.cli.jobs import check_free, check_writable
from semsyn.cli.terminal import say
from semsyn.cli.train_data import Task, find_task
from semsyn.cli.train_options import PRECISIONS, find_needs, find_towers
from semsyn.convert.files import check_file
from semsyn.data.io.tensor_files import write_tensors
from semsyn.errors import InputError, UnknownNameError, printable
from semsyn.evaluate.features import FeatureReader
from semsyn.evaluate.while_training import KernelEvaluation
from semsyn.generator.adapt_classes import adapt_classes
from semsyn.generator.generator import Generator
from semsyn.hub.critics import load_critic
from semsyn.hub.load import load_pretrained
from semsyn.hub.load_tower import load_loss_network, load_tower
from semsyn.hub.save import WEIGHTS_NAME, save_pretrained
from semsyn.models import FAMILIES, find_card
from semsyn.models.card import Card
from semsyn.train.few_pictures import for_few_pictures
from semsyn.train.recipe import Recipe
from semsyn.train.setup import Setup
from semsyn.train.trainer import STATE, Best, Trainer
from semsyn.train.training import Training
from semsyn.train.world import World

SHOWN, MEASURED = 10, 200  # unseen toyscenes
LAST = "last.safetensors"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    train_options.configure(parser, _recipes())


def run(args: argparse.Namespace) -> None:
    """Train, or go on."""
    recipes, world = _recipes(), World.of_environment()
    if args.recipe not in recipes:
        raise UnknownNameError("recipe", args.recipe, list(recipes))
    recipe = _find_recipe(args, recipes)
    given = {name: path for name in find_needs(recipes) if (path := getattr(args, name)) is not None}
    if foreign := sorted(set(given) - set(recipe.needs)):
        raise InputError(f"recipe {args.recipe} does not start with {', '.join(foreign)}: leave it out.")
    card = find_card(f"{args.recipe.partition('/')[0]}/{recipe.preset}")
    report = _say if world.is_first else _say_nothing
    for name in args.without:
        report(f"trains without {name}: the recipe's losses look through it, and pictures will differ for it")
    task = find_task(args, recipe, card, report)
    check_writable(args.out)
    check_free(
        [args.out / name for name in (WEIGHTS_NAME, LAST, _net_file(args))], _list_inputs(args, given), overwrite=True
    )
    if (state := args.out / STATE).exists():
        check_file(state)
    elif args.resume:
        raise InputError(f"there is no {state} to go on from: leave --resume out to begin anew.")
    with world.together():
        _train(args, task, card, given, world, report)


def _train(
    args: argparse.Namespace, task: Task, card: Card, given: Mapping[str, Path], world: World, report: Any
) -> None:
    first = None if args.init is None else load_pretrained(args.init)
    if args.adapt_classes:
        first = _adapt(first, task)
    keep = partial(_keep, args, task, _license(args, card, first))
    trainer = Trainer(
        _begin(args, task, world),
        args.out,
        about=_describe(args, task),
        every=args.every,
        report=report,
        evaluation=None if args.kid is None else KernelEvaluation(_find_reader(args)),
        best=None if args.kid is None else Best(figure="kid"),
        keep=keep,
        has_board=args.tensorboard,
        has_bar=True,
        world=world,
    )
    trainer.begin(given)
    if first is not None and trainer.run.step == 0:
        assert isinstance(trainer.run, Training)
        trainer.run.start_from(first, name=args.init)
    if args.init_critic is not None and trainer.run.step == 0:
        assert isinstance(trainer.run, Training)
        has_edges = getattr(trainer.run.nets.objective.critic, "has_edges", None)
        trainer.run.judge_from(load_critic(args.init_critic, has_edges=has_edges), name=str(args.init_critic))
    folder = args.cache if args.data is None else args.data
    pictures = trainer.run.load(folder, "train", args.scenes)
    trained = trainer.train(pictures, trainer.run.load(folder, "val", SHOWN if args.kid is None else MEASURED))
    if not world.is_first:
        return
    path = args.out / _net_file(args)
    if isinstance(trained, Generator):
        path = keep(trained, "last")
    else:
        write_tensors(trained.state_dict(), path)
    say(f"{path}: {path.stat().st_size} bytes")


def _find_recipe(args: argparse.Namespace, recipes: Mapping[str, Any]) -> Any:
    """The recipe as the options change it."""
    recipe = recipes[args.recipe]
    if args.steps is not None:
        recipe = recipe.lasting(args.steps)
    if args.batch is not None:
        recipe = replace(recipe, batch=args.batch)
    if args.critic is not None or args.augment:
        recipe = _judge_few(args, recipe)
    sources = {name: source for name in find_towers(recipes) if (source := getattr(args, name)) is not None}
    own = find_towers({"": recipe})
    if foreign := sorted({*sources, *args.without} - set(own)):
        raise InputError(f"the losses of {args.recipe} do not look through {', '.join(foreign)}: leave it out.")
    if both := sorted(set(sources) & set(args.without)):
        raise InputError(f"--{both[0]} and --without {both[0]} do not go together.")
    if not own:
        return recipe
    loaded = {name: load_loss_network(name, source or None) for name, source in sources.items()}
    return recipe.looking_through({**loaded, **dict.fromkeys(args.without)})


def _adapt(first: Generator | None, task: Task) -> Generator:
    """What a run starts from, with the run's own classes."""
    if first is None:
        raise InputError("--adapt-classes is for a generator that a run starts from: give --init NAME, too.")
    if task.space is None:
        raise InputError("--adapt-classes goes by the names of classes: give --space.")
    return adapt_classes(first, task.space)


def _judge_few(args: argparse.Namespace, recipe: Any) -> Recipe:
    """The recipe against a critic of few pictures."""
    if not isinstance(recipe, Recipe):
        raise InputError(f"recipe {args.recipe} knows no critic: leave --critic and --augment out.")
    tower = None if args.critic is None else load_tower(args.critic, args.critic_weights)
    return for_few_pictures(recipe, tower, augments=args.augment)


def _begin(args: argparse.Namespace, task: Task, world: World) -> Any:
    if isinstance(task.recipe, Recipe):
        setup = Setup(
            device=find_device(args.device, world.local_rank),
            precision=None if args.amp is None else PRECISIONS[args.amp],
            pieces=args.accumulate,
            is_compiled=args.compile,
            world=world,
        )
        return task.recipe.begin(task.config, seed=args.seed, setup=setup)
    options = {
        "--amp": args.amp,
        "--compile": args.compile,
        "--init": args.init,
        "--init-critic": args.init_critic,
        "--kid": args.kid,
    }
    given = [name for name, value in options.items() if value] + ["--accumulate"] * (args.accumulate > 1)
    if given or world.size > 1:
        raise InputError(f"recipe {args.recipe} knows no {', '.join(given) or 'several processes'}: leave it out.")
    return task.recipe.begin(task.config, seed=args.seed)


def _describe(args: argparse.Namespace, task: Task) -> dict[str, Any]:
    """What a state must have been made by."""
    config = {f"{name} of the config": value for name, value in task.config.to_dict().items()}
    few = {"tower of the critic": args.critic, "augmentation": args.augment}
    return {"recipe": args.recipe, "seed": args.seed, "batch": task.recipe.batch, **few, **config, **task.about}


def _find_reader(args: argparse.Namespace) -> FeatureReader:
    return FeatureReader(load_tower(args.kid, args.kid_weights), args.kid)


def _license(args: argparse.Namespace, card: Card, first: Generator | None) -> str:
    """Of what is trained: that of the weights it started from; own pictures say nothing of theirs."""
    if first is not None and isinstance(first.card, Card):
        return first.card.license
    return card.license if args.data is None and card.weights is not None else "unknown"


def _keep(args: argparse.Namespace, task: Task, license: str, network: nn.Module, which: str) -> Path:
    """Write the weights: model.safetensors is the best where that is measured, else the last."""
    assert isinstance(network, Generator)
    path: Path = args.out / (LAST if which == "last" and args.kid is not None else WEIGHTS_NAME)
    network.label_space = task.space
    family, preset = network.config.family, task.recipe.preset
    name = f"{family}/{preset}" if args.data is None and preset is not None else f"{family}/custom"
    return save_pretrained(network, path, name=name, license=license, overwrite=True)


def _net_file(args: argparse.Namespace) -> str:
    """Of a trained network that is no generator."""
    return f"{args.recipe.replace('/', '-')}.safetensors"


def _list_inputs(args: argparse.Namespace, given: Mapping[str, Path]) -> list[Path]:
    named = [Path(name) for name in (args.init, args.init_critic) if name is not None]
    return [*given.values(), *(path for path in named if path.exists())]


def _recipes() -> dict[str, Any]:
    return {f"{family.name}/{name}": r for family in FAMILIES.values() for name, r in family.recipes.items()}


def _say(line: str) -> None:
    if not sys.stderr.isatty():
        return say(line)
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    tqdm.write(printable(line))  # beside the bar


def _say_nothing(line: str) -> None: ...
