"""``semsyn prepare``: what training and inference need besides weights, made from a data set."""

import argparse

from semsyn.cli import prepare_bank, prepare_labels, prepare_parts, prepare_rarity

KINDS = {
    "bank": (prepare_bank, "a bank of segments, cut from photographs with label maps"),
    "gta5-rarity": (prepare_rarity, "how rare the colours of GTA5's pictures are, for clVAE"),
    "labels": (prepare_labels, "label maps and a label space, from what annotation tools write"),
    "parts": (prepare_parts, "support maps of parts for iPOSE, from a data set of parts"),
}

EPILOG = """\
examples:
  semsyn prepare bank scenes/ --space cityscapes-used --out bank
  semsyn prepare labels export/ --out labels
  semsyn prepare parts Full_Parts --out supports
  semsyn prepare gta5-rarity gta5 --out rarity.npy
  semsyn prepare labels --help
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.description = "Make what networks read from what data sets and annotation tools have."
    parser.epilog = EPILOG
    kinds = parser.add_subparsers(dest="what", required=True, metavar="WHAT", title="what to make")
    for name, (module, summary) in KINDS.items():
        module.configure(kinds.add_parser(name, help=summary))


def run(args: argparse.Namespace) -> None:
    """Make it."""
    module, _ = KINDS[args.what]
    module.run(args)
