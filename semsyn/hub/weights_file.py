"""One file per model: the weights, and in its metadata all that is needed to build the generator again."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from semsyn.convert.checkpoint import read_metadata, read_state
from semsyn.convert.files import as_path
from semsyn.data.io.tensor_files import write_tensors
from semsyn.errors import CheckpointError, InputError
from semsyn.generator.assemble import assemble, cast
from semsyn.generator.config import Config
from semsyn.generator.generator import Generator
from semsyn.labels import LabelSpace
from semsyn.models import CARDS, get_family
from semsyn.models.card import Card, Origin

__all__ = [
    "WEIGHTS_NAME",
    "check_dtype",
    "describe_file",
    "find_weights",
    "is_weights_file",
    "load_weights_file",
    "read_card",
    "to_json",
    "write_weights_file",
]

WEIGHTS_NAME = "model.safetensors"  # in a folder of a model
FORMAT = 2
RENAMED = {  # since format 1, as patterns
    r"^(stem|stages|to_image)\.": r"painter.\1.",
    r"\.edge_conv\.": ".tail.conv.",
    r"\.(sketch_conv|merge_conv)\.": r".tail.\1.",
}
KEY = "semsyn"


def find_weights(name: str) -> Path | None:
    """The weights file that a path names, itself or as the folder of it; None if it is the path of nothing.

    Raises:
        CheckpointError: for a name that can only be a path, if there is no such file.
    """
    path = as_path(name)
    if name not in CARDS and path.exists():
        return path / WEIGHTS_NAME if path.is_dir() else path
    if name.endswith((".safetensors", ".pth", ".pt")):
        raise CheckpointError(f"there is no file {name!r}.")
    return None


def is_weights_file(path: str | os.PathLike[str]) -> bool:
    """Tell whether semsyn wrote this file (any other safetensors file, or a pickle, holds an original state)."""
    return KEY in read_metadata(path)


def describe_file(generator: Generator, card: Card) -> dict[str, Any]:
    """The metadata that goes with a generator's weights, as plain values."""
    space = generator.label_space
    return {
        "format": FORMAT,
        "name": card.name,
        "family": card.family,
        "config": card.config.to_dict(),
        "label_space": None if space is None else space.to_dict(),
        "license": card.license,
        "origin": [asdict(origin) for origin in card.origin],
    }


def to_json(value: Any, *, indent: int | None = None) -> str:
    """JSON that UTF-8 can hold, whatever texts strangers gave: half a surrogate pair stays escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def write_weights_file(generator: Generator, card: Card, path: Path, *, dtype: torch.dtype | None = None) -> None:
    """Write a generator's state and its metadata; whole or not at all, also when the machine stops in between.

    Args:
        generator: what to save.
        card: what is known of it.
        path: the file; replaced if it exists.
        dtype: of the floating-point tensors; None keeps them.

    Raises:
        InputError: if the folder cannot be written to.
    """
    if generator.is_fused:
        raise InputError("a fused generator cannot be saved: save it before fuse(), or load it again.")
    state = {key: cast(tensor.detach(), dtype).cpu() for key, tensor in generator.state_dict().items()}
    write_tensors(state, path, {KEY: to_json(describe_file(generator, card))})


def load_weights_file(
    path: str | os.PathLike[str],
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Generator:
    """Build the generator that a file of `save_pretrained` holds, in evaluation mode.

    Args:
        path: the .safetensors file.
        device: where to; None is the CPU.
        dtype: of the floating-point tensors; None is float32, also where the file holds halves.

    Raises:
        CheckpointError: if the file is damaged, was not written by semsyn, or its weights do not fit its own config.
    """
    check_dtype(dtype)
    description = _read_description(path)
    with _explained(path):
        card, label_space = _parse_card(description)
        generator = assemble(card.config, _upgrade(read_state(path), description["format"]), dtype=dtype)
    generator.label_space = label_space
    generator.card = card
    return generator.to(device or "cpu")


def read_card(path: str | os.PathLike[str]) -> tuple[Card, LabelSpace | None]:
    """What the metadata of a file of `save_pretrained` tell, and the label space in them; its weights are not read.

    Raises:
        CheckpointError: if the file is damaged, or was not written by semsyn.
    """
    description = _read_description(path)
    with _explained(path):
        return _parse_card(description)


def _parse_card(description: Mapping[str, Any]) -> tuple[Card, LabelSpace | None]:
    family = get_family(str(description["family"]))
    config = family.config.from_dict(description["config"])
    space = description.get("label_space")
    label_space = None if space is None else LabelSpace.from_dict(space)
    origin = tuple(Origin(**entry) for entry in description.get("origin", ()))
    if not all(isinstance(text, str) for entry in origin for text in (entry.file, entry.sha256)):
        raise TypeError("origin must be texts")
    name, license = (
        str(description.get(key) or default)
        for key, default in (("name", f"{family.name}/custom"), ("license", "unknown"))
    )
    return replace(_find_card(name, config, license, label_space), origin=origin), label_space


@contextmanager
def _explained(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what damaged metadata lead to into our error."""
    try:
        yield
    except CheckpointError:
        raise
    except (KeyError, TypeError, ValueError, LookupError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(f"the metadata of {path} is damaged: {reason}") from error


def _read_description(path: str | os.PathLike[str]) -> dict[str, Any]:
    text = read_metadata(path).get(KEY)
    if text is None:
        raise CheckpointError(
            f"{path} was not written by semsyn. For the authors' own file: "
            f"load_pretrained(NAME, checkpoint={str(path)!r}), or `semsyn convert`."
        )
    try:
        description = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"the metadata of {path} is damaged: {error}.") from error
    if not isinstance(description, dict) or not isinstance(description.get("format"), int):
        raise CheckpointError(f"the metadata of {path} is damaged: no format number.")
    if description["format"] > FORMAT:
        raise CheckpointError(
            f"{path} has format {description['format']}, this semsyn reads up to {FORMAT}; upgrade semsyn."
        )
    if not isinstance(description.get("config"), dict):
        raise CheckpointError(f"the metadata of {path} is damaged: config is missing.")
    return description


def _find_card(name: str, config: Config, license: str, label_space: LabelSpace | None) -> Card:
    """What semsyn knows under that name, or what the file itself says."""
    space = None if label_space is None else label_space.name
    if name in CARDS:
        return replace(CARDS[name], config=config, license=license, label_space=space)
    return Card(name=name, config=config, label_space=space, license=license, non_commercial="-NC" in license.upper())


def check_dtype(dtype: torch.dtype | None) -> None:
    """Raise InputError for a dtype that weights cannot have."""
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise InputError(f"dtype must be a floating-point type, such as torch.float16, found {dtype!r}.")


def _upgrade(state: Mapping[str, Tensor], format: int) -> dict[str, Tensor]:
    """A state of an older format in the names of today's."""
    renamed = {key: key for key in state}
    for old, new in RENAMED.items() if format < 2 else ():
        renamed = {key: re.sub(old, new, name) for key, name in renamed.items()}
    return {name: state[key] for key, name in renamed.items()}
