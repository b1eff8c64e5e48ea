"""Saving generators to a file or folder, and to the Hub."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from semsyn.convert.files import as_path
from semsyn.data.io.whole_file import whole_files, write_text
from semsyn.errors import InputError
from semsyn.generator.config import Config
from semsyn.generator.generator import Generator
from semsyn.hub.files import upload
from semsyn.hub.model_card import write_model_card
from semsyn.hub.weights_file import WEIGHTS_NAME, check_dtype, describe_file, to_json, write_weights_file
from semsyn.models.card import Card

__all__ = ["WEIGHTS_NAME", "card_of", "check_free", "push_to_hub", "save_pretrained"]


def save_pretrained(
    generator: Generator,
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    license: str | None = None,
    dtype: torch.dtype | None = None,
    overwrite: bool = False,
) -> Path:
    """Save a generator so that `load_pretrained` builds it again.

    Args:
        generator: built, loaded or converted.
        path: a file that ends in ``.safetensors``, or a folder, which gets ``model.safetensors`` (all that loading
            needs), ``config.json`` and ``README.md`` (for people and for the Hub).
        name: ``family/dataset[-variant]``; None: the name it was loaded by, else ``family/custom``.
        license: SPDX identifier; None: that of the generator's card, else ``unknown``.
        dtype: of the floating-point tensors, such as torch.float16 for a small file; None keeps them.
        overwrite: replace what is there.

    Returns:
        the path of the weights file.

    Raises:
        InputError: if the file exists and ``overwrite`` is False, the folder cannot be written to, or the name's family
            is not the generator's.
    """
    target = as_path(path)
    check_dtype(dtype)
    card = card_of(generator, name, license)
    if target.suffix == ".safetensors":
        check_free([target], overwrite)
        write_weights_file(generator, card, target, dtype=dtype)
        return target
    if target.is_file():
        raise InputError(f"{target} is a file; give a folder, or a name that ends in .safetensors.")
    files = {
        "config.json": to_json(describe_file(generator, card), indent=2) + "\n",
        "README.md": write_model_card(generator, card),
    }
    check_free([target / name for name in (WEIGHTS_NAME, *files)], overwrite)
    with whole_files(target) as part:
        write_weights_file(generator, card, part / WEIGHTS_NAME, dtype=dtype)
        for file, text in files.items():
            write_text(part / file, text)
    return target / WEIGHTS_NAME


def push_to_hub(
    generator: Generator,
    repo_id: str,
    *,
    name: str | None = None,
    license: str | None = None,
    dtype: torch.dtype | None = None,
    private: bool = False,
    revision: str | None = None,
    message: str = "Upload with semsyn",
    token: str | bool | None = None,
) -> str:
    """Upload a generator with a model card; the repository is created if it does not exist.

    Args:
        generator: what to upload.
        repo_id: ``organisation/name``.
        name, license, dtype: as for `save_pretrained`. Mind the licence: released weights keep theirs.
        private: hide a repository that is created here.
        revision: the branch; None is the main one.
        message: the commit's message.
        token: an access token that may write; None uses the one that `hf auth login` stored.

    Returns:
        the commit's hash, which `load_pretrained` takes as ``revision``.

    Raises:
        HubError: if access is not granted or the Hub cannot be reached.
    """
    card = card_of(generator, name, license)
    with tempfile.TemporaryDirectory(prefix="semsyn-") as folder:
        save_pretrained(generator, folder, name=name, license=license, dtype=dtype)
        write_text(Path(folder) / "README.md", write_model_card(generator, card, repo_id=repo_id))
        return upload(folder, repo_id, private=private, revision=revision, message=message, token=token)


def card_of(generator: Generator, name: str | None = None, license: str | None = None) -> Card:
    """What is known of a generator: its card, or what its config tells, under that name and licence."""
    if not isinstance(generator.config, Config):
        raise InputError(f"the generator's config is a {type(generator.config).__name__}, not the config of a family.")
    family = generator.config.family
    space = None if generator.label_space is None else generator.label_space.name
    known = (
        generator.card if isinstance(generator.card, Card) else Card(name=f"{family}/custom", config=generator.config)
    )
    if name is not None and name != known.name:
        known = replace(known, name=name, original=None, weights=None, notes="")
    if license is not None:
        known = replace(known, license=license, non_commercial="-NC" in license.upper())
    return replace(known, config=generator.config, label_space=space)


def check_free(paths: list[Path], overwrite: bool) -> None:
    """Raise InputError if one of the files exists, and may not be replaced."""
    if taken := [str(path) for path in paths if path.exists()]:
        if not overwrite:
            raise InputError(
                f"{', '.join(taken)} exists and was kept; pass overwrite=True to replace it, or another path."
            )
        if folders := [path for path in taken if Path(path).is_dir()]:
            raise InputError(f"{folders[0]} is a folder; give a file name.")
