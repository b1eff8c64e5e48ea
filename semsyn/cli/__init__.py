"""The command line, ``semsyn`` or ``python -m semsyn``: one file per command."""

from semsyn.cli.main import main

__all__ = ["main"]
