"""``semsyn list``: which weights there are."""

import argparse

from semsyn.cli.terminal import say, say_json
from semsyn.errors import UnknownNameError
from semsyn.hub.info import info, list_pretrained
from semsyn.models import CARDS

EPILOG = """\
WEIGHTS says how to get them:
  bundled      they come with semsyn
  released     their authors host them; `semsyn info NAME` says where
  unconfirmed  the authors' code knows them, but they may not be public
  untrained    there are none; a preset for semsyn.create

examples:
  semsyn list
  semsyn list 'clade/*'
  semsyn list cityscapes --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.description = "List the names that `semsyn generate` and semsyn.load_pretrained take."
    parser.epilog = EPILOG
    parser.add_argument(
        "pattern", nargs="?", default="*", metavar="PATTERN", help="shell pattern ('clade/*'), or a part of the names"
    )
    parser.add_argument("--all", action="store_true", help="also presets whose weights are not public")
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def run(args: argparse.Namespace) -> None:
    """Print a table, or JSON."""
    pattern = args.pattern if any(c in args.pattern for c in "*?[") else f"*{args.pattern}*"
    names = list_pretrained(pattern, everything=args.all)
    if not names:
        raise UnknownNameError("name", args.pattern, sorted(CARDS))
    infos = [info(name).to_dict() for name in names]
    if args.json:
        keys = ("name", "family", "status", "summary", "label_space", "license", "non_commercial")
        say_json([{key: found[key] for key in keys} for found in infos])
        return
    width = max(len(name) for name in names)
    say(f"{'NAME':<{width}}  {'WEIGHTS':<11}  NETWORK")
    for found in infos:
        say(f"{found['name']:<{width}}  {found['status']:<11}  {found['summary']}")
