"""The authors' checkpoint files to generators."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from semsyn.convert.checkpoint import find_files, find_options, read_state, sha256
from semsyn.convert.options import Option, find_yaml, read_options
from semsyn.convert.original import OriginalModel, Released
from semsyn.data.spaces.label_space import label_space as get_label_space
from semsyn.errors import CheckpointError, InputError
from semsyn.generator.assemble import assemble, attach_given
from semsyn.generator.config import Config
from semsyn.generator.generator import Generator
from semsyn.hub.weights_file import check_dtype
from semsyn.labels import LabelSpace
from semsyn.models import CARDS, FAMILIES, find_card
from semsyn.models.card import Card, Origin

__all__ = ["Conversion", "convert_checkpoint"]

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Conversion:
    """What became of the authors' files.

    Attributes:
        generator: in evaluation mode, with label space and card.
        verdict: one line for people: ``CLADE, 151 classes, ICPE, width 64, 256×256``.
    """

    generator: Generator
    verdict: str


def convert_checkpoint(
    checkpoint: PathLike | Mapping[str, PathLike],
    *,
    card: str | Card | None = None,
    image_size: tuple[int, int] | None = None,
    upsampling: str | None = None,
    has_edges: bool | None = None,
    label_space: str | LabelSpace | None = None,
    options: PathLike | Mapping[str, Any] | None = None,
    dtype: torch.dtype | None = None,
    **resources: PathLike | None,
) -> Conversion:
    """Turn original checkpoint files into a generator with the same numbers.

    Family, classes, width and options are read from the keys and shapes. What they do not tell (the picture's size, the
    depth of the pyramid, whether one of SPADE's label channels is the edge map, how many of OASIS' are noise, the
    temperature and position maps of SCGAN's routing) comes from the arguments, else from the card, or without one from
    an ``opt.txt`` beside the file, or for SCGAN from its yml, whose values win, see `semsyn.convert.options.find_yaml`.

    Args:
        checkpoint: a file, a folder, or files by role (``generator``, ``encoder``, ``part_net``), as in
            `semsyn.convert.checkpoint.find_files`.
        card: the card, or its name, that the files belong to. They must fit it.
        image_size: (h, w) of the picture.
        upsampling: depth of the pyramid: ``normal``, ``more`` or ``most``.
        has_edges: the last label channel (SPADE, SCGAN) is the map of instance borders.
        label_space: what the class ids mean, or its name; None: the card's. Its number of classes counts where a file
            does not tell.
        options: the original options, in place of those beside the file: an ``opt.txt``, a yml file, or names
            and values such as ``{"label_nc": 150, "temperature": 0.05, …}``. Not with a card.
        dtype: of the floating-point tensors; None is float32.
        resources: what the files lack and the network works with, such as ``supports=DIR``, see `Generator.attach`;
            None: not given.

    Raises:
        CheckpointError: if a file is unsafe, damaged, of no known family, of another card, or lacks weights.
        InputError: if a fact is missing that the files do not tell; the message names the argument and cards that fit.
        UnknownNameError: if there is no such card or label space.
    """
    check_dtype(dtype)
    if card is not None and options is not None:
        raise InputError("a card says all that options could: give either card= or options=.")
    known = find_card(card) if isinstance(card, str) else card
    space = get_label_space(label_space) if isinstance(label_space, str) else label_space
    families = [family.released for family in FAMILIES.values()]
    companions = {role for released in families for role in released.companions}
    files = find_files(checkpoint, companions)
    what = str(files["generator"])
    original = OriginalModel.of({role: read_state(path) for role, path in files.items()}, families, what=what)
    config = _make_config(
        original,
        given={"image_size": image_size and tuple(image_size), "upsampling": upsampling, "has_edges": has_edges},
        card=known,
        options=options,
        files=files,
        num_classes=None if space is None else space.num_classes,
    )
    generator = assemble(config, original.convert(config), dtype=dtype)
    attach_given(generator, resources)
    generator.label_space = _find_space(space, known, config.num_classes)
    generator.card = replace(
        Card(name=f"{config.family}/custom", config=config) if known is None else known,
        config=generator.config,
        label_space=None if generator.label_space is None else generator.label_space.name,
        origin=tuple(Origin(path.name, sha256(path)) for path in files.values()),
    )
    return Conversion(generator, config.describe())


def _make_config(
    original: OriginalModel,
    *,
    files: Mapping[str, Path],
    given: Mapping[str, Any],
    card: Card | None,
    options: PathLike | Mapping[str, Any] | None,
    num_classes: int | None,
) -> Config:
    """Put together what the files, the caller, the card and the options tell; a refusal names the cards that fit."""
    fitting = _fitting(original)
    ours = original.released.config
    if card is not None and card.family != ours.family:
        raise CheckpointError(
            f"{files['generator']} holds a {ours.title} generator, but {card.name} is {card.config.title}.{fitting}"
        )
    known = {name: value for name, value in given.items() if value is not None}
    if card is not None:
        known = vars(card.config) | known
    else:
        said = _read_config(original.released, options, files)
        known = {name: value for name, value in said.items() if name not in original.facts} | known
    if "num_classes" not in original.facts and num_classes is not None:
        known.setdefault("num_classes", num_classes)
    try:
        return original.infer_config(known, source="the arguments" if card is None else f"card {card.name}")
    except (CheckpointError, InputError) as error:
        raise type(error)(f"{error}{fitting}") from error


def _read_config(
    released: Released, options: PathLike | Mapping[str, Any] | None, files: Mapping[str, Path]
) -> dict[str, Any]:
    """The config that options describe, with defaults for what they leave out; empty if they lack what has none."""
    said = options if isinstance(options, Mapping) else _read_options(released, options, files)
    try:
        return vars(released.from_options(said))
    except KeyError as error:
        if options is not None:
            raise InputError(f"the options do not tell {error}, without which they describe no network.") from error
        return {}


def _read_options(released: Released, options: PathLike | None, files: Mapping[str, Path]) -> dict[str, Option]:
    """The options of a file, or of those beside the generator's."""
    kinds = released.options
    if options is not None:
        return read_options(os.fspath(options), kinds)
    found = [find_options(files), find_yaml(files["generator"], kinds) if released.has_yaml else None]
    return {name: value for path in found if path is not None for name, value in read_options(path, kinds).items()}


def _find_space(space: LabelSpace | None, card: Card | None, num_classes: int) -> LabelSpace | None:
    if space is None and card is not None and card.label_space is not None:
        space = get_label_space(card.label_space)
    if space is not None and space.num_classes != num_classes:
        raise InputError(
            f"label space {space.name!r} has {space.num_classes} classes, the generator {num_classes}: "
            "pass another label_space=."
        )
    return space


def _fitting(original: OriginalModel) -> str:
    """A sentence with the cards of released weights that have the same facts; empty if there is none."""
    family = original.released.config.family
    cards = [card for card in CARDS.values() if card.family == family and card.original is not None]
    found = [card.name for card in cards if original.fits(card.config)]
    return f" The file fits {' and '.join(map(repr, found))}." if found else ""
