"""The authors' checkpoint files to generators."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from semsyn.convert.checkpoint import find_files, find_options, read_state, sha256
from semsyn.convert.options import Option, find_yaml, read_options
from semsyn.convert.released import convert_states, get_released, infer_config, merge_states, recognise
from semsyn.data.spaces.label_space import label_space as get_label_space
from semsyn.errors import CheckpointError, InputError
from semsyn.generator.generator import Generator
from semsyn.hub.card import Card, Origin, describe
from semsyn.hub.cards.registry import CARDS, find_card
from semsyn.hub.supports import load_supports
from semsyn.hub.weights_file import assemble, check_dtype
from semsyn.labels import LabelSpace
from semsyn.models.registry import config_to_dict, family_of, get_family

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
    supports: PathLike | None = None,
    dtype: torch.dtype | None = None,
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
        options: the original options, in place of those beside the file: an ``opt.txt``, a yml file (needs the extra
            ``yaml``), or names and values such as ``{"label_nc": 150, "temperature": 0.05, …}``. Not with a card.
        supports: folder of the support maps of iPOSE (`semsyn.data.read_supports`), which the files lack. None: parts
            are inferred once there are some.
        dtype: of the floating-point tensors; None is float32.

    Raises:
        CheckpointError: if a file is unsafe, damaged, of no known family, of another card, or lacks weights.
        InputError: if a fact is missing that the files do not tell; the message names the argument and cards that fit.
        UnknownNameError: if there is no such card or label space.
        MissingExtraError: for a yml file, without PyYAML.
    """
    check_dtype(dtype)
    if card is not None and options is not None:
        raise InputError("a card says all that options could: give either card= or options=.")
    known = find_card(card) if isinstance(card, str) else card
    space = get_label_space(label_space) if isinstance(label_space, str) else label_space
    files = find_files(checkpoint)
    states = merge_states({role: read_state(path) for role, path in files.items()})
    config = _make_config(
        states,
        given={"image_size": image_size and tuple(image_size), "upsampling": upsampling, "has_edges": has_edges},
        card=known,
        options=options,
        files=files,
        num_classes=None if space is None else space.num_classes,
    )
    family = family_of(config).name
    generator = assemble(config, convert_states(config, states), dtype=dtype)
    generator = load_supports(generator, supports)
    generator.label_space = _find_space(space, known, config.num_classes)
    generator.card = replace(
        Card(name=f"{family}/custom", config=config) if known is None else known,
        config=generator.config,
        label_space=None if generator.label_space is None else generator.label_space.name,
        origin=tuple(Origin(path.name, sha256(path)) for path in files.values()),
    )
    return Conversion(generator, describe(config))


def _make_config(
    states: Mapping[str, Mapping[str, Tensor]],
    *,
    files: Mapping[str, Path],
    given: Mapping[str, Any],
    card: Card | None,
    options: PathLike | Mapping[str, Any] | None,
    num_classes: int | None,
) -> Any:
    """Put together what the files, the caller, the card and the options tell; a refusal names the cards that fit."""
    what = str(files["generator"])
    family, facts = recognise(states["generator"], what=what)
    fitting = _fitting(family, facts)
    if card is not None and card.family != family:
        titles = get_family(family).title, get_family(card.family).title
        raise CheckpointError(f"{what} holds a {titles[0]} generator, but {card.name} is {titles[1]}.{fitting}")
    known = {name: value for name, value in given.items() if value is not None}
    if card is not None:
        known = vars(card.config) | known
    else:
        said = _read_config(family, options, files)
        known = {name: value for name, value in said.items() if name not in facts} | known
    if "num_classes" not in facts and num_classes is not None:
        known.setdefault("num_classes", num_classes)
    try:
        return infer_config(states, known, source="the arguments" if card is None else f"card {card.name}")
    except (CheckpointError, InputError) as error:
        raise type(error)(f"{error}{fitting}") from error


def _read_config(
    family: str, options: PathLike | Mapping[str, Any] | None, files: Mapping[str, Path]
) -> dict[str, Any]:
    """The config that options describe, with defaults for what they leave out; empty if they lack what has none."""
    released = get_released(family)
    said = options if isinstance(options, Mapping) else _read_options(options, files, has_yaml=released.has_yaml)
    try:
        return vars(released.from_options(said))
    except KeyError as error:
        if options is not None:
            raise InputError(f"the options do not tell {error}, without which they describe no network.") from error
        return {}


def _read_options(options: PathLike | None, files: Mapping[str, Path], *, has_yaml: bool) -> dict[str, Option]:
    """The options of a file, or of those beside the generator's."""
    if options is not None:
        return read_options(os.fspath(options))
    found = [find_options(files), find_yaml(files["generator"]) if has_yaml else None]
    return {name: value for path in found if path is not None for name, value in read_options(path).items()}


def _find_space(space: LabelSpace | None, card: Card | None, num_classes: int) -> LabelSpace | None:
    if space is None and card is not None and card.label_space is not None:
        space = get_label_space(card.label_space)
    if space is not None and space.num_classes != num_classes:
        raise InputError(
            f"label space {space.name!r} has {space.num_classes} classes, the generator {num_classes}: "
            "pass another label_space=."
        )
    return space


def _fitting(family: str, facts: Mapping[str, Any]) -> str:
    """A sentence with the cards of released weights that have the same facts; empty if there is none."""
    found = []
    for card in CARDS.values():
        if card.family == family and card.original is not None:
            known = config_to_dict(card.config)
            if (count := get_released(family).label_channels) is not None:
                known["label_channels"] = count(card.config)
            if all(known.get(name) == value for name, value in facts.items()):
                found.append(card.name)
    return f" The file fits {' and '.join(map(repr, found))}." if found else ""
