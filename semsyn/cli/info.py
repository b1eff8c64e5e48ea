"""``semsyn info``: what is known of a name."""

import argparse
import shlex

from semsyn.cli.terminal import say, say_json
from semsyn.hub.info import info
from semsyn.models.card import Card

EPILOG = """\
examples:
  semsyn info clade/ade20k
  semsyn info clade/toyscenes --json
  semsyn info clade-ade20k.safetensors
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.description = (
        "Say what is known of a name, or of a file of semsyn: licence, paper, where the weights are, how to run it."
    )
    parser.epilog = EPILOG
    parser.add_argument("name", metavar="NAME", help="as in `semsyn list`, or a weights file")
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(args: argparse.Namespace) -> None:
    """Print the facts, or JSON."""
    found = info(args.name)
    commands = (
        list_commands(found.card)
        if found.file is None
        else [f"semsyn generate {shlex.quote(args.name)} map.png --out pictures"]
    )
    if args.json:
        say_json(found.to_dict() | {"commands": commands})
        return
    say(*str(found).split("\n"))
    if commands:
        say("on the command line", *(f"    {line}" for line in commands))


def list_commands(card: Card) -> list[str]:
    """The commands that make pictures with these weights; none for a preset without weights."""
    if card.status == "untrained":
        return []
    if card.original is None:
        return [f"semsyn generate {card.name} map.png --out pictures"]
    file = f"{card.name.replace('/', '-')}.safetensors"
    return [
        f"semsyn convert {card.original.folder} --card {card.name} --out {file}",
        f"semsyn generate {file} map.png --out pictures",
    ]
