"""The options of ``semsyn generate`` for commands that make pictures, too."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from semsyn.cli.main import make_parser

__all__ = ["scene_options"]


def scene_options(args: argparse.Namespace, name: str, maps: Iterable[Path]) -> argparse.Namespace:
    """Those that `semsyn.cli.scene_reader.SceneReader` reads: as they were given to another command, else the defaults.

    Args:
        args: of that command.
        name: of the generator.
        maps: that pictures are made of, each with a seed of its own.
    """
    given = ["generate", "--out", ".", "--vary-seed", "--", name, *map(str, maps)]
    found = make_parser("generate").parse_args(given)
    vars(found).update({k: v for k, v in vars(args).items() if hasattr(found, k) and k not in ("out", "json")})
    return found
