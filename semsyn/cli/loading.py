"""The generator that a command works with: its options, its device, and how it reads label maps."""

import argparse
import warnings

import torch

from semsyn.cli.map_reader import change_space
from semsyn.cli.options import parse_path
from semsyn.cli.resources import add_resources, given_resources
from semsyn.cli.spaces import find_space
from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.hub.load import load_pretrained
from semsyn.labels import LabelSpace

__all__ = ["add_weights", "load_generator"]

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def add_weights(group: argparse._ArgumentGroup) -> None:
    """Add the options of `load_generator` and `semsyn.cli.device.find_device`."""
    group.add_argument(
        "--checkpoint", metavar="PATH", type=parse_path, help="the authors' file or folder, where NAME is released"
    )
    add_resources(group)
    group.add_argument("--revision", metavar="REV", help="branch, tag or commit of a Hub repository")
    group.add_argument("--offline", action="store_true", help="use the Hub's cache only")
    group.add_argument("--device", metavar="DEVICE", help="such as cpu or cuda:1; default: a GPU where there is one")
    group.add_argument("--dtype", choices=DTYPES, default="float32", help="arithmetic; default float32")


def load_generator(args: argparse.Namespace, device: torch.device) -> Generator:
    """The generator as the options say, fused, with the label space that reads the maps.

    Raises:
        SemsynError: if it cannot be had, or ``--space`` has other classes.
    """
    generator = load_pretrained(
        args.name,
        checkpoint=args.checkpoint,
        revision=args.revision,
        device=device,
        dtype=DTYPES[args.dtype],
        local_files_only=args.offline,
        **given_resources(args),
    )
    if args.space is not None:
        generator.label_space = _reading(find_space(args.space), generator, args.name)
    if args.remap or args.void:
        generator.label_space = change_space(generator.label_space or _numbers(generator), args)
    return generator.fuse()


def _numbers(generator: Generator) -> LabelSpace:
    """A space for networks whose classes have no names."""
    return LabelSpace(name="ids", classes=tuple(f"class {i}" for i in range(generator.config.num_classes)))


def _reading(space: LabelSpace, generator: Generator, name: str) -> LabelSpace:
    """A label space as the generator's class ids."""
    own = generator.label_space
    if space.num_classes != generator.config.num_classes:
        raise InputError(
            f"label space {space.name!r} has {space.num_classes} classes, but {name} has "
            f"{generator.config.num_classes}; --space must have the same classes."
        )
    if own is None or space.classes == own.classes:
        return space
    ordered = space.in_order_of(own)
    warnings.warn(
        f"--space {space.name} has the classes of {own.name} in another order: read by their names.", stacklevel=2
    )
    return ordered
