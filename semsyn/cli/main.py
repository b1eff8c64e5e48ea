"""Entry of the command line: finds the command, and turns errors into one line and an exit code.

Exit codes: 0 done, 2 bad input (one line on stderr), 130 interrupted, 141 the reader of the output went away. Anything
else is a bug and keeps its traceback.
"""

import argparse
import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from semsyn.cli.options import Parser
from semsyn.errors import SemsynError

BAD_INPUT, INTERRUPTED, PIPE_CLOSED = 2, 130, 141

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
    "evaluate": "what generators reach on unseen scenes",
    "export": "a generator to an ONNX or torch.export file",
    "bench": "how fast operations, generators and training are here",
}

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
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names that the terminal cannot show are no error
    with warnings.catch_warnings():
        warnings.showwarning = _show_once(set())
        try:
            return _run(argv)
        except SemsynError as error:
            return _complain(str(error), BAD_INPUT)
        except BrokenPipeError:
            _drop_stdout()
            return PIPE_CLOSED
        except OSError as error:
            return _complain(_describe(error), BAD_INPUT)
        except KeyboardInterrupt:
            return _complain("interrupted", INTERRUPTED)


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
    try:
        args = make_parser(next((a for a in argv if not a.startswith("-")), None)).parse_args(argv)
        args.run(args)
    except SystemExit as stop:  # --help and --version
        sys.stdout.flush()
        return int(stop.code or 0)
    sys.stdout.flush()  # a closed pipe shows here, not when the interpreter ends
    return 0


def _version() -> str:
    try:
        return version("semsyn")
    except PackageNotFoundError:
        return "(not installed)"


def _complain(message: str, code: int) -> int:
    print(f"semsyn: error: {' '.join(message.split())}", file=sys.stderr)
    return code


def _describe(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return reason if error.filename is None else f"{error.filename}: {reason}"


def _drop_stdout() -> None:
    """What is still buffered goes nowhere, so that the interpreter does not trip over it when it ends."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _show_once(shown: set[str]) -> Callable[..., None]:
    """Prints each warning the first time; Python's own memory of them ends wherever filters change."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = " ".join(str(message).split())
        if text not in shown and os.environ.get("RANK", "0") == "0":
            print(f"semsyn: warning: {text}", file=sys.stderr)
        shown.add(text)

    return show
