"""What ``semsyn train`` learns from: drawn scenes, or a folder of pictures and maps."""

import argparse
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from semsyn.cli.spaces import find_space
from semsyn.data.formats.write import SPACE
from semsyn.data.io.whole_file import write_picture
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError
from semsyn.evaluate.sheet import draw_sheet
from semsyn.generator.config import Config
from semsyn.generator.generator import Generator
from semsyn.labels import LabelSpace
from semsyn.models.card import Card
from semsyn.train.augmented import AugmentedObjective
from semsyn.train.folder import FolderPictures, fit_transform
from semsyn.train.objective import Objective, SegmentationObjective
from semsyn.train.plan import Pictures
from semsyn.train.recipe import Recipe
from semsyn.train.scene_files import SceneFiles, find_scenes, find_unseen

HELD_OUT = 10  # pictures at most
FOLDER_OPTIONS = ("val", "held_out", "space", "size", "skip_bad")


@dataclass(frozen=True)
class Task:
    """What is trained on what.

    Attributes:
        recipe: as the options change it.
        config: of the generator.
        space: of its classes; None: not known.
        about: what a state must have been made from, by name.
    """

    recipe: Any
    config: Config
    space: LabelSpace | None
    about: dict[str, Any] = field(default_factory=dict)


def find_task(args: argparse.Namespace, recipe: Any, card: Card, report: Callable[[str], object]) -> Task:
    """What the options say.

    Raises:
        InputError: if they do not go together, or the folder is not as it should be: the message names what is missing.
    """
    if args.data is None:
        if given := [f"--{name.replace('_', '-')}" for name in FOLDER_OPTIONS if getattr(args, name)]:
            raise InputError(f"{', '.join(given)} is for pictures of your own: give --data FOLDER, too.")
        if isinstance(recipe, Recipe) and recipe.load is None:
            raise InputError(f"recipe {args.recipe} learns from pictures of your own: give --data FOLDER.")
        space = None if card.label_space is None else label_space(card.label_space)
        return Task(recipe, card.config, space)
    if not isinstance(recipe, Recipe):
        raise InputError(f"recipe {args.recipe} finds its scenes elsewhere: leave --data out.")
    space = _find_space(args, recipe)
    seen, unseen = _find_files(args, recipe)
    size = args.size or card.config.image_size
    config = replace(card.config, num_classes=space.num_classes, image_size=size)
    load = partial(_load, {"train": seen, "val": unseen}, config, space, recipe, args.skip_bad, report)
    objective = recipe.objective if args.space is None else partial(_without_void, recipe.objective, space)
    recipe = replace(recipe, load=load, show=partial(_show, space), objective=objective)
    names = "\n".join(str(files.picture.relative_to(args.data)) for files in seen)
    about = {"number of pictures": len(seen), "names of the pictures": hashlib.sha256(names.encode()).hexdigest()[:12]}
    return Task(recipe, config, space, about)


def _find_space(args: argparse.Namespace, recipe: Recipe) -> LabelSpace:
    if args.space is not None:
        return find_space(args.space)
    if (file := args.data / SPACE).is_file():
        return find_space(str(file))
    if recipe.data is not None:
        return label_space(recipe.data.space)
    raise InputError(f"what do the ids in the label maps mean? Give --space NAME or FILE.json, or put {file} there.")


def _find_files(args: argparse.Namespace, recipe: Recipe) -> tuple[list[SceneFiles], list[SceneFiles]]:
    """What is learnt from, and what is unseen."""
    seen = find_scenes(args.data, "train", recipe.data)
    asks_for_own = args.val is not None or args.held_out is None
    if asks_for_own and (unseen := find_unseen(args.data, args.val, recipe.data)):
        return seen, unseen
    count = min(HELD_OUT, len(seen) // 10) if args.held_out is None else args.held_out
    if count >= len(seen):
        raise InputError(f"{args.data} has {len(seen)} pictures, and {count} are held out: none is left to learn from.")
    return seen[: len(seen) - count], seen[len(seen) - count :]


def _load(
    files: dict[str, Sequence[SceneFiles]],
    config: Config,
    space: LabelSpace,
    recipe: Recipe,
    skips_bad: bool,
    report: Callable[[str], object],
    requires: tuple[str, ...],
    folder: Path,
    split: str,
    count: int,
) -> Pictures:
    like = None if recipe.data is None else recipe.data.train
    transform = fit_transform(config.image_size, like, crops=split == "train" and "objects" not in requires)
    return FolderPictures(
        files=files[split] or files["train"][:HELD_OUT],
        space=space,
        transform=transform if split == "train" else replace(transform, flip=False),
        size=config.image_size,
        requires=requires,
        convention=config.convention,
        offset_ignore=config.offset_ignore,
        skips_bad=skips_bad,
        report=report,
    )


def _without_void(make: Callable[..., Objective], space: LabelSpace, config: Any, **options: Any) -> Objective:
    """The recipes' own data sets have class 0 for void; others say what theirs is."""
    objective = make(config, **options)
    game = objective.game if isinstance(objective, AugmentedObjective) else objective
    if isinstance(game, SegmentationObjective):
        game.void = None if space.void == space.num_classes else space.void
    return objective


def _show(space: LabelSpace, generator: Generator, scenes: FolderPictures, path: Path) -> None:
    write_picture(draw_sheet(generator, scenes, space), path.with_suffix(".png"))
