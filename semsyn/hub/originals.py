"""The authors' checkpoint files to generators."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from semsyn.convert import clade, inade, spade
from semsyn.convert.checkpoint import find_files, find_options, read_state, sha256
from semsyn.convert.keymap import KeyMap
from semsyn.convert.options import Option, read_options
from semsyn.convert.pyramid import check_stem_pixels
from semsyn.convert.spectral import complete_spectral_norm
from semsyn.data.spaces import label_space as get_label_space
from semsyn.errors import CheckpointError, InputError
from semsyn.hub.card import Card, Origin, describe
from semsyn.hub.cards import CARDS, find_card
from semsyn.hub.weights_file import assemble, check_dtype
from semsyn.labels import LabelSpace
from semsyn.models import Generator, config_to_dict, get_family

__all__ = ["Conversion", "convert_checkpoint"]

PathLike = str | os.PathLike[str]

CONVERTERS: dict[str, ModuleType] = {"spade": spade, "clade": clade, "inade": inade}
ENCODERS: dict[str, KeyMap] = {"spade": spade.ENCODER, "clade": spade.ENCODER, "inade": inade.ENCODER}
ENCODER_WIDTH = {"spade": "layer1.0.weight_orig", "clade": "layer1.0.weight_orig", "inade": "layer1.weight"}


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
    dtype: torch.dtype | None = None,
) -> Conversion:
    """Turn original checkpoint files into a generator with the same numbers.

    Family, classes, width and options are read from the keys and shapes. What they do not tell (the picture's size, the
    depth of the pyramid, whether one of SPADE's label channels is the edge map) comes from the arguments, else from the
    card, else from an ``opt.txt`` beside the file.

    Args:
        checkpoint: a file, a folder, or files by role (``generator``, ``encoder``), as in
            `semsyn.convert.checkpoint.find_files`.
        card: the card, or its name, that the files belong to. They must fit it.
        image_size: (h, w) of the picture.
        upsampling: depth of the pyramid: ``normal``, ``more`` or ``most``.
        has_edges: SPADE's last label channel is the map of instance borders.
        label_space: what the class ids mean, or its name; None: the card's.
        dtype: of the floating-point tensors; None is float32.

    Raises:
        CheckpointError: if a file is unsafe, damaged, of no known family, of another card, or lacks weights.
        InputError: if a fact is missing that the files do not tell; the message names the argument and cards that fit.
        UnknownNameError: if there is no such card or label space.
    """
    check_dtype(dtype)
    known = find_card(card) if isinstance(card, str) else card
    files = find_files(checkpoint)
    states = {role: _read(path) for role, path in files.items()}
    family, facts = _recognise(states["generator"], what=str(files["generator"]))
    options = find_options(files)
    size = None if image_size is None else tuple(image_size)
    given = {"image_size": size, "upsampling": upsampling, "has_edges": has_edges}
    config = _make_config(
        family,
        facts,
        given={name: value for name, value in given.items() if value is not None},
        card=known,
        options={} if options is None else read_options(options),
        states=states,
    )
    state = _convert_states(family, config, states)
    generator = assemble(config, state, dtype=dtype)
    generator.label_space = _find_space(label_space, known, config.num_classes)
    generator.card = replace(
        Card(name=f"{family}/custom", config=config) if known is None else known,
        config=config,
        label_space=None if generator.label_space is None else generator.label_space.name,
        origin=tuple(Origin(path.name, sha256(path)) for path in files.values()),
    )
    return Conversion(generator, describe(config))


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return complete_spectral_norm(read_state(path))
    except (KeyError, RuntimeError) as error:
        raise CheckpointError(f"{path} has spectral normalisation that does not fit its weights: {error}.") from error


def _recognise(state: Mapping[str, Tensor], *, what: str) -> tuple[str, dict[str, Any]]:
    for family, converter in CONVERTERS.items():
        try:
            facts = converter.recognise(state)
        except (KeyError, IndexError) as error:
            raise CheckpointError(
                f"{what} looks like {get_family(family).title}, but its first layers do not: {error}."
            ) from error
        if facts is not None:
            return family, facts
    if any(key.startswith("discriminator_") for key in state):
        advice = "it is a discriminator; pass the file that ends in _net_G.pth"
    elif "fc_mu.weight" in state or "scale_conv_mu.weight" in state:
        advice = "it is an encoder; pass {'generator': …, 'encoder': …}"
    elif any("parametrizations" in key for key in state):
        advice = "its names are semsyn's; save it with save_pretrained"
    else:
        advice = f"its first keys are {', '.join(list(state)[:3])}"
    raise CheckpointError(
        f"{what} holds no generator of {', '.join(get_family(f).title for f in CONVERTERS)}: {advice}."
    )


def _make_config(
    family: str,
    facts: dict[str, Any],
    *,
    given: dict[str, Any],
    card: Card | None,
    options: Mapping[str, Option],
    states: Mapping[str, Mapping[str, Tensor]],
) -> Any:
    """Put together what the file, the caller, the card and the options tell, and check that they agree."""
    config_class = get_family(family).config_class
    names = {field.name for field in fields(config_class)}
    if card is not None and card.family != family:
        title = get_family(family).title
        raise CheckpointError(
            f"the file holds a {title} generator, but {card.name} is {get_family(card.family).title}."
            f"{_fitting(family, facts)}"
        )
    hints: dict[str, Any] = {}
    if options and "label_nc" in options:
        hints |= asdict(CONVERTERS[family].from_released_options(options))
    if card is not None:
        hints |= asdict(card.config)
    hints |= given
    told = _resolve_channels(family, facts, hints)
    checked = asdict(card.config) | given if card is not None else given
    if wrong := [
        name for name in told if name in checked and name in names and checked[name] != told[name] and name != "norm"
    ]:
        differences = "; ".join(f"{name} is {told[name]} in the file, {checked[name]} was expected" for name in wrong)
        source = f"card {card.name}" if card is not None else "the arguments"
        raise CheckpointError(f"the file does not fit {source}: {differences}.{_fitting(family, facts)}")
    values = {name: value for name, value in (hints | told).items() if name in names}
    if missing := [name for name in ("image_size", "upsampling") if name not in values]:
        asked = " and ".join(
            {"image_size": "image_size=(h, w)", "upsampling": "upsampling='normal', 'more' or 'most'"}[name]
            for name in missing
        )
        raise InputError(
            f"the file does not tell {' and '.join(missing)}: pass {asked}, or card=.{_fitting(family, facts)}"
        )
    check_stem_pixels(states["generator"], values)
    return config_class(**values | _encoder_facts(family, states, values["width"]))


def _resolve_channels(family: str, facts: dict[str, Any], hints: Mapping[str, Any]) -> dict[str, Any]:
    """SPADE's files count classes and the edge map together; the other families' tell them apart."""
    told = dict(facts)
    channels = told.pop("label_channels", None)
    if channels is None:
        return told
    if "has_edges" in hints:
        told["has_edges"] = bool(hints["has_edges"])
    elif "num_classes" in hints and 0 <= channels - hints["num_classes"] <= 1:
        told["has_edges"] = channels > hints["num_classes"]
    else:
        raise InputError(
            f"the file has {channels} label channels and does not tell whether the last is the edge map: pass "
            f"has_edges=True or False, or card=.{_fitting(family, facts)}"
        )
    return told | {"num_classes": channels - told["has_edges"]}


def _encoder_facts(family: str, states: Mapping[str, Mapping[str, Tensor]], width: int) -> dict[str, Any]:
    if "encoder" not in states:
        return {"has_encoder": False, "encoder_width": None}
    first = states["encoder"].get(ENCODER_WIDTH[family])
    if first is None:
        title = get_family(family).title
        raise CheckpointError(f"the encoder's file does not belong to {title}: it has no {ENCODER_WIDTH[family]}.")
    return {"has_encoder": True, "encoder_width": None if first.shape[0] == width else first.shape[0]}


def _convert_states(family: str, config: Any, states: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    converter = CONVERTERS[family]
    latent = getattr(converter, "LATENT_GENERATOR", converter.GENERATOR)
    keymap = converter.GENERATOR if config.code_dim is None else latent
    state = keymap.convert(states["generator"])
    for key in [key for key in state if key.endswith(".running_var")]:
        state.setdefault(key.replace("running_var", "num_batches_tracked"), torch.tensor(0))  # files of torch < 0.4.1
    if "encoder" in states:
        state |= {f"encoder.{key}": tensor for key, tensor in ENCODERS[family].convert(states["encoder"]).items()}
    return state


def _find_space(space: str | LabelSpace | None, card: Card | None, num_classes: int) -> LabelSpace | None:
    if space is None:
        space = None if card is None else card.label_space
    if isinstance(space, str):
        space = get_label_space(space)
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
            known["label_channels"] = known["num_classes"] + bool(known.get("has_edges"))
            if all(known.get(name) == value for name, value in facts.items() if name != "norm"):
                found.append(card.name)
    return f" The file fits {' and '.join(map(repr, found))}." if found else ""
