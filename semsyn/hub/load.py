"""From a name, a file, a folder or a Hub repository to a generator."""

import os
import warnings
from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from functools import cache, partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch

from semsyn.convert.files import as_path, holds_originals
from semsyn.data.spaces.label_space import label_space as get_label_space
from semsyn.errors import CheckpointError, HubError, InputError, UnknownNameError
from semsyn.generator.assemble import attach_given
from semsyn.generator.generator import Generator
from semsyn.hub.convert_checkpoint import convert_checkpoint
from semsyn.hub.files import fetch, is_repo_id
from semsyn.hub.info import explain_missing
from semsyn.hub.save import WEIGHTS_NAME
from semsyn.hub.weights_file import is_weights_file, load_weights_file
from semsyn.models import CARDS, FAMILIES, find_card
from semsyn.models.card import Card
from semsyn.nn.initialize import initialize

__all__ = ["create", "load_pretrained"]

PathLike = str | os.PathLike[str]


def load_pretrained(
    name_or_path: PathLike,
    *,
    checkpoint: PathLike | Mapping[str, PathLike] | None = None,
    key: str | None = None,
    revision: str | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    token: str | bool | None = None,
    cache_dir: PathLike | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
    **resources: PathLike | None,
) -> Generator:
    """Load a generator, in evaluation mode, with ``.config``, ``.label_space`` and ``.card``.

    ``name_or_path`` is the first of these that fits:

    1. with ``checkpoint``: a card's name; the authors' files are converted,
    2. a file or folder that exists: what `save_pretrained` wrote, or the authors' files and their ``opt.txt``,
    3. a card's name (``clade/toyscenes``): the weights that come with semsyn,
    4. a Hub repository ``organisation/name`` that `push_to_hub` wrote. Names that begin with a family, in
       capitals or not, are always cards.

    Args:
        name_or_path: see above.
        checkpoint: the authors' files of a card: a file, a folder, or files by role (``generator``, ``encoder``).
        key: where the generator stands in an original file of several networks, see `convert_checkpoint`.
        revision: branch, tag or commit of a Hub repository.
        device: where to; None is the CPU.
        dtype: of the floating-point tensors; None is float32, whatever the file holds.
        token, cache_dir, local_files_only, force_download: for the Hub, see `semsyn.hub.files.fetch`.
        resources: what the weights lack and the network works with, by name, such as ``supports=DIR``; see
            `Generator.attach`. They are saved with the generator. None: not given.

    Raises:
        UnknownNameError: if nothing fits; the message lists the nearest names.
        CheckpointError: if the weights are missing, unsafe, damaged or of another network. The message says what to do.
        HubError: if the Hub does not give the file out.
        InputError: if the arguments do not go together.
    """
    name = os.fspath(name_or_path)
    finish = partial(_finish, device=device, resources=resources)
    if checkpoint is not None:
        converted = convert_checkpoint(checkpoint, card=find_card(name), key=key, dtype=dtype)
        return finish(converted.generator, revision=revision)
    path = as_path(name)
    if path.exists():
        return finish(_load_path(path, key, dtype), revision=revision)
    if key is not None:
        raise InputError(f"key={key!r} is for original files; {name!r} has no other network beside its own.")
    if _looks_like_a_path(name_or_path):
        raise CheckpointError(f"there is no file or folder {name!r}.")
    if name in CARDS:
        return finish(_load_bundled(CARDS[name], dtype), revision=revision)
    if name.partition("/")[0].lower() in FAMILIES or not is_repo_id(name):  # CLADE/Toyscenes is meant for a card, too
        raise UnknownNameError("name", name, sorted(CARDS))
    try:
        found = fetch(
            name,
            WEIGHTS_NAME,
            revision=revision,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            force_download=force_download,
        )
    except HubError as error:
        if near := get_close_matches(name.lower(), CARDS, n=1, cutoff=0.8):
            raise HubError(f"{error} Or did you mean {near[0]}, whose weights semsyn knows?") from error
        raise
    return finish(load_weights_file(found, dtype=dtype))


def create(name: str, num_classes: int | None = None, width: int | None = None, **overrides: Any) -> Generator:
    """Build an untrained generator from a card's config.

    Args:
        name: a card's name, with or without weights.
        num_classes: k, where it is not the data set's own; then the generator has no label space.
        width: base channel count.
        overrides: other fields of the family's config, such as ``image_size=(512, 512)``, or 512 for both sides.

    Returns:
        the generator in training mode, with fresh weights drawn as for the released ones.

    Raises:
        UnknownNameError: if there is no such card.
        InputError: if the config has no such field, or no network can be built from the values.
    """
    card = find_card(name)
    given = {"num_classes": num_classes, "width": width}
    changes: dict[str, Any] = {field: value for field, value in given.items() if value is not None} | overrides
    known = [field.name for field in fields(card.config)]
    if unknown := sorted(set(changes) - set(known)):
        raise InputError(f"a {card.family} config has no field {', '.join(unknown)}; it has {', '.join(known)}.")
    config = replace(card.config, **changes)
    generator = initialize(config.build())
    if card.label_space is not None and config.num_classes == card.config.num_classes:
        generator.label_space = get_label_space(card.label_space)
    space = None if generator.label_space is None else generator.label_space.name
    generator.card = replace(
        card,
        config=config,
        label_space=space,
        license="unknown",
        non_commercial=False,
        original=None,
        weights=None,
        notes="",
    )
    return generator


def _load_path(path: Path, key: str | None, dtype: torch.dtype | None) -> Generator:
    if path.is_dir():
        if (path / WEIGHTS_NAME).exists():
            return load_weights_file(path / WEIGHTS_NAME, dtype=dtype)
        if not holds_originals(path):
            raise CheckpointError(
                f"{path} holds neither {WEIGHTS_NAME} nor <epoch>_net_G.pth or <epoch>_EMA.pth; "
                "pass the folder or file with the weights."
            )
    elif is_weights_file(path):
        return load_weights_file(path, dtype=dtype)
    return convert_checkpoint(path, key=key, dtype=dtype).generator


def _load_bundled(card: Card, dtype: torch.dtype | None) -> Generator:
    if card.weights is None:
        raise CheckpointError(explain_missing(card))
    folder = files("semsyn.hub") / "weights"
    with as_file(folder / card.weights) as path:
        if not path.exists():
            raise CheckpointError(f"{card.weights}, the weights of {card.name}, are not installed; reinstall semsyn.")
        generator = load_weights_file(path, dtype=dtype)
    attach_given(generator, {name: Path(str(folder / file)) for name, file in card.resources.items()})
    return generator


def _looks_like_a_path(name: PathLike) -> bool:
    if not isinstance(name, str):
        return True
    return name.startswith((".", "~", "/")) or "\\" in name or name.endswith((".safetensors", ".pth", ".pt"))


def _finish(
    generator: Generator,
    *,
    device: torch.device | str | None,
    resources: Mapping[str, PathLike | None],
    revision: str | None = None,
) -> Generator:
    if revision is not None:
        raise InputError(
            "revision= is for Hub repositories ('organisation/name'); local and bundled weights have none."
        )
    attach_given(generator, resources)
    card = generator.card
    if card is not None and card.non_commercial:
        _warn_non_commercial(card.name, card.license)
    try:
        return generator.to(device or "cpu")
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {str(device)!r} cannot be used here: {str(error).splitlines()[0]}") from error


@cache
def _warn_non_commercial(name: str, license: str) -> None:
    """Cached, so that each name is said once per process."""
    warnings.warn(
        f"the weights of {name} are licensed {license}: not for commercial use without the authors' consent.",
        UserWarning,
        stacklevel=4,
    )
