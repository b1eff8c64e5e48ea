"""Entry of the command line: finds the command, and turns errors into one line and an exit code.

Exit codes: 0 done, 1 something could not be written (the disk is full, standard output or error is), 2 bad input (one
line on stderr), 130 interrupted. Anything else is a bug and keeps its traceback.
"""

import argparse
import errno
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from semsyn.cli.options import Parser
from semsyn.cli.terminal import complain, steady_streams
from semsyn.errors import InputError, SemsynError

DONE, NOT_WRITTEN, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
NO_MEMORY = "allocate memory"  # what torch says then, in a RuntimeError

# Each is a module of this package with `configure(parser)` and `run(args)`; only the one in use is imported.
COMMANDS = {
    "list": "names of the weights and presets",
    "info": "licence, paper, where to get the weights, what to run",
    "inspect": "which ids label maps hold, and how to read those that do not fit",
    "generate": "pictures from label maps",
    "parts": "the parts of objects that iPOSE infers, drawn over the scene",
    "prepare": "label maps from what annotation tools write, support maps of parts",
    "convert": "an original checkpoint to one safetensors file",
    "train": "a network, by one of the recipes",
    "evaluate": "FID, KID, mIoU and others of pictures, generators and segmenters' maps",
    "augment": "synthetic pictures with their label maps, to train segmenters on",
    "report": "figures, curves and pictures on one HTML page",
    "export": "a generator to an ONNX or torch.export file",
    "bench": "how fast operations, generators and training are here",
}

PRINTING = ("list", "info", "inspect")  # whose reader has seen enough when it goes away

EXAMPLES = """\
examples:
  semsyn list
  semsyn generate clade/toyscenes maps/ --out pictures --sheet
  semsyn COMMAND --help
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments without the program's name; None: those of the process.

    Returns:
        the exit code.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    with steady_streams() as (out, err), warnings.catch_warnings():
        warnings.showwarning = _show_once(set())
        code = _run(argv)
        out.flush()
        if out.failure is not None and not (isinstance(out.failure, BrokenPipeError) and _name(argv) in PRINTING):
            rest = " All else is done." if code == DONE else ""
            complain("error", f"standard output cannot be written: {_describe(out.failure)}.{rest}")
        err.flush()
    return code or (NOT_WRITTEN if out.failure is not None or err.failure is not None else DONE)


def make_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser of all commands; only ``command`` knows its own arguments."""
    parser = Parser(
        prog="semsyn",
        description="Semantic image synthesis: a label map goes in, a photo-like picture comes out.",
        epilog=EXAMPLES,
    )
    parser.add_argument("--version", action="version", version=f"semsyn {_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    for name, summary in COMMANDS.items():
        subparser = commands.add_parser(name, help=summary)
        if name == command:
            module = import_module(f"semsyn.cli.{name}")
            module.configure(subparser)
            subparser.set_defaults(run=module.run)
    return parser


def _run(argv: list[str]) -> int:
    """Run a command; its errors become a line and an exit code."""
    try:
        if bad := next((argument for argument in argv if "\0" in argument), None):
            raise InputError(f"the argument {bad!r} holds a NUL character, which no name may hold; leave it out.")
        args = make_parser(_name(argv)).parse_args(argv)
        if getattr(args, "max_pixels", None) is not None:
            import_module("semsyn.data.io.pictures").allow_pixels(args.max_pixels)
        args.run(args)
    except SystemExit as stop:  # --help and --version
        return int(stop.code or 0)
    except SemsynError as error:
        complain("error", error)
        return NOT_WRITTEN if _is_disk_full(error) else BAD_INPUT
    except OSError as error:
        complain("error", _describe(error))
        return NOT_WRITTEN if _is_disk_full(error) else BAD_INPUT
    except KeyboardInterrupt:
        complain("error", "interrupted")
        return INTERRUPTED
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and NO_MEMORY not in str(error):
            raise
        complain("error", "there is too little memory for this; take smaller or fewer pictures at once.")
        return BAD_INPUT
    return DONE


def _name(argv: Sequence[str]) -> str | None:
    """Of the command."""
    return next((argument for argument in argv if not argument.startswith("-")), None)


def _version() -> str:
    try:
        return version("semsyn")
    except PackageNotFoundError:
        return "(not installed)"


def _describe(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    reason = error.strerror or str(error) or type(error).__name__
    return reason if error.filename is None else f"{error.filename}: {reason}"


def _is_disk_full(error: BaseException | None) -> bool:
    """Whether it comes of an error of the disk, by whatever way it was told."""
    seen: set[int] = set()  # an error that was raised anew may be its own cause
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            return True
        seen.add(id(error))
        error = error.__cause__
    return False


def _show_once(shown: set[str]) -> Callable[..., None]:
    """Prints each warning the first time; Python's own memory of them ends wherever filters change."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = str(message)
        if text not in shown and os.environ.get("RANK", "0") == "0":
            complain("warning", text)
        shown.add(text)

    return show
