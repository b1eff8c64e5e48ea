"""What weights come without, as options of a command: one for each thing that a network of some family works with."""

import argparse
from typing import Any

from semsyn.cli.options import parse_path
from semsyn.models import FAMILIES

__all__ = ["add_resources", "given_resources"]


def add_resources(parser: argparse._ActionsContainer) -> None:
    """Add ``--supports DIR`` and the like."""
    for name, (titles, about) in _known().items():
        parser.add_argument(f"--{name}", metavar="PATH", type=parse_path, help=f"{', '.join(titles)}: {about}")


def given_resources(args: argparse.Namespace) -> dict[str, Any]:
    """Each by its name; None where it was not given."""
    return {name: getattr(args, name) for name in _known()}


def _known() -> dict[str, tuple[list[str], str]]:
    known: dict[str, tuple[list[str], str]] = {}
    for family in FAMILIES.values():
        for name, about in family.config.resources.items():
            known.setdefault(name, ([], about))[0].append(family.title)
    return known
