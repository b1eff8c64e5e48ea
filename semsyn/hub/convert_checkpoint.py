"""The authors' checkpoint files to generators."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from semsyn.convert.checkpoint import read_metadata, read_states, sha256
from semsyn.convert.data_set import name_data_set
from semsyn.convert.files import find_files, find_options
from semsyn.convert.options import Option, check_options, find_yaml, read_options
from semsyn.convert.original import OriginalModel, Released, tell_role
from semsyn.convert.select import select_state
from semsyn.data.spaces.label_space import label_space as get_label_space
from semsyn.errors import CheckpointError, InputError, printable
from semsyn.generator.assemble import assemble, attach_given
from semsyn.generator.config import Config
from semsyn.generator.generator import Generator
from semsyn.hub.weights_file import KEY, check_dtype
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
        notes: sentences on what was chosen for the user and why: the label space, the network in a file of several.
    """

    generator: Generator
    verdict: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Said:
    """Original options, and where they were found."""

    options: Mapping[str, Any]
    source: str


def convert_checkpoint(
    checkpoint: PathLike | Mapping[str, PathLike],
    *,
    card: str | Card | None = None,
    image_size: tuple[int, int] | None = None,
    upsampling: str | None = None,
    has_edges: bool | None = None,
    label_space: str | LabelSpace | None = None,
    options: PathLike | Mapping[str, Any] | None = None,
    key: str | None = None,
    dtype: torch.dtype | None = None,
    **resources: PathLike | None,
) -> Conversion:
    """Turn original checkpoint files into a generator with the same numbers.

    Family, classes, width and options are read from the keys and shapes. What they do not tell (the picture's size, the
    depth of the pyramid, whether one of SPADE's label channels is the edge map, how many of OASIS' are noise, the
    temperature and position maps of SCGAN's routing) comes from the arguments, else from the card, or without one from
    an ``opt.txt`` (or ``opt.pkl``) beside the file, or for SCGAN from its yml, whose values win, see
    `semsyn.convert.options.find_yaml`. Where options name one of the authors' data sets, that says what they leave out
    and what the class ids mean.

    Args:
        checkpoint: a file, a folder, or files by role (``generator``, ``encoder``, ``part_net``), as in
            `semsyn.convert.files.find_files`.
        card: the card, or its name, that the files belong to. They must fit it.
        image_size: (h, w) of the picture.
        upsampling: depth of the pyramid: ``normal``, ``more`` or ``most``.
        has_edges: the last label channel (SPADE, SCGAN) is the map of instance borders.
        label_space: what the class ids mean, or its name; None: that of the card, or of the data set that the options
            name. Its number of classes counts where a file does not tell.
        options: the original options, in place of those beside the file: an ``opt.txt``, ``opt.pkl`` or yml file, or
            names and values such as ``{"label_nc": 150, "temperature": 0.05, …}``. Not with a card.
        key: where the generator stands in its file, if that holds several networks: ``netG``, ``ema``; see
            `semsyn.convert.select.select_state`.
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
    states, notes = _read_files(files, families, key)
    original = OriginalModel.of(states, families, what=what)
    said = _Said({}, "") if known is not None else _read_options(original.released, options, files)
    config = _make_config(
        original,
        given={"image_size": image_size and tuple(image_size), "upsampling": upsampling, "has_edges": has_edges},
        card=known,
        said=said,
        required=options is not None,
        what=what,
        space=space,
    )
    generator = assemble(config, original.convert(config), dtype=dtype)
    attach_given(generator, resources)
    generator.label_space = _check_space(space, known, config.num_classes)
    if space is None and known is None:
        generator.label_space, more = _read_space(said, original.released, config.num_classes)
        notes += more
    generator.card = replace(
        Card(name=f"{config.family}/custom", config=config) if known is None else known,
        config=generator.config,
        label_space=None if generator.label_space is None else generator.label_space.name,
        origin=tuple(Origin(printable(path.name), sha256(path)) for path in files.values()),
    )
    return Conversion(generator, config.describe(), tuple(notes))


def _read_files(
    files: Mapping[str, Path], families: list[Released], key: str | None
) -> tuple[dict[str, dict[str, Tensor]], list[str]]:
    """The network of each role, and notes on those that were not alone in their files."""
    states: dict[str, dict[str, Tensor]] = {}
    notes = []
    for role, path in files.items():
        if KEY in read_metadata(path):
            raise CheckpointError(
                f"{path} is a file of semsyn already, there is nothing to convert: load_pretrained({str(path)!r}), or "
                "`semsyn generate`."
            )
        found = read_states(path)
        at, states[role] = select_state(
            found, tell_role(role, families), key=key if role == "generator" else None, what=str(path)
        )
        if at:
            notes.append(f"the {role} is {at!r} in {path.name}")
    return states, notes


def _make_config(
    original: OriginalModel,
    *,
    what: str,
    given: Mapping[str, Any],
    card: Card | None,
    said: _Said,
    required: bool,
    space: LabelSpace | None,
) -> Config:
    """Put together what the files, the caller, the card and the options tell; a refusal names the cards that fit."""
    fitting = _fitting(original)
    ours = original.released.config
    if card is not None and card.family != ours.family:
        raise CheckpointError(
            f"{what} holds a {ours.title} generator, but {card.name} is {card.config.title}.{fitting}"
        )
    known = {name: value for name, value in given.items() if value is not None}
    if card is not None:
        known = vars(card.config) | known
    else:
        told = _read_config(original.released, said.options, required=required)
        known = {name: value for name, value in told.items() if name not in original.facts} | known
        if space is not None and "num_classes" not in original.facts:
            known["num_classes"] = space.num_classes
    try:
        source = " and ".join(filter(None, ["the arguments", said.source])) if card is None else f"card {card.name}"
        return original.infer_config(known, source=source)
    except (CheckpointError, InputError) as error:
        raise type(error)(f"{error}{fitting}") from error


def _read_config(released: Released, options: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    """The config that options describe, with defaults for what they leave out; empty if they lack what has none."""
    try:
        return vars(released.from_options(options))
    except KeyError as error:
        if required:
            raise InputError(f"the options do not tell {error}, without which they describe no network.") from error
        return {}


def _read_options(released: Released, options: PathLike | Mapping[str, Any] | None, files: Mapping[str, Path]) -> _Said:
    """The options that were given, or those in files beside the generator's."""
    kinds = released.options
    if isinstance(options, Mapping):
        return _Said(check_options(options, kinds), "the options")
    if options is None:
        found = [find_options(files), find_yaml(files["generator"], kinds) if released.has_yaml else None]
    else:
        found = [Path(options)]
    said: dict[str, Option] = {}
    for path in filter(None, found):
        said |= read_options(path, kinds)
    return _Said(said, " and ".join(path.name for path in found if path is not None))


def _read_space(said: _Said, released: Released, num_classes: int) -> tuple[LabelSpace | None, list[str]]:
    """The label space of the data set that the options name, and a note on it."""
    name = name_data_set(said.options, released.data_sets)
    data_set = released.data_sets.get(name or "")
    if name is None:
        return None, ["what the class ids mean is not known, maps are read as they are stored: give the label space"]
    if data_set is None or data_set.label_space is None:
        return None, [f"{said.source} names data set {name!r}, of which no label space is known: give one"]
    space = get_label_space(data_set.label_space)
    if space.num_classes != num_classes:
        return None, [
            f"{said.source} names data set {name!r}, which has {space.num_classes} classes, but the generator has "
            f"{num_classes}: give the label space"
        ]
    return space, [f"{said.source} names data set {name!r}: its maps are read as {space.name!r}"]


def _check_space(space: LabelSpace | None, card: Card | None, num_classes: int) -> LabelSpace | None:
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
