"""``semsyn evaluate``: figures of generated pictures, of generators, and of what segmenters saw."""

import argparse
from importlib import import_module

from semsyn.cli.options import parse_path
from semsyn.errors import InputError

# Modules of this package, of which only those in use are imported.
WITH_OPTIONS = ("evaluate_folders", "evaluate_generators", "evaluate_toyscenes")

EPILOG = """\
four ways:
  folders      --real and --fake: FID, KID with its 95 % interval, Inception score. No generator is needed.
  generators   NAMEs, --maps and --real: the same of what they make of label maps; with --samples also how
               much the pictures of a map differ, class by class.
  maps         --predicted, --maps and --space: mIoU, accuracy and frequency-weighted IoU of the label maps
               that a segmenter of yours saw in generated pictures.
  toyscenes    NAMEs and --toyscenes: by small segmenters that are trained once and kept in the cache. DIR
               gets results.json and a contact sheet of each NAME: map, true picture, encoded codes, draws.

Figures are records: with protocol, counts, versions, and SHA-256 of weights and pictures. They go to
records.json in --out, which `semsyn report` reads. Under torchrun the processes share the pictures.

examples:
  semsyn evaluate --real val/ --fake pictures/ --inception pt_inception-2015-12-05-6726825d.pth
  semsyn evaluate --real val/ --fake pictures/ --protocol spade-val --data-set cityscapes --features vgg16
  semsyn evaluate --real train/ --write-statistics train.npz
  semsyn evaluate mine.safetensors --maps maps/ --real val/ --samples 4 --out figures
  semsyn evaluate --predicted seen/ --maps maps/ --space ade20k-train-ids
  semsyn evaluate clade/toyscenes inade/toyscenes --toyscenes --out evaluation
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.usage = "semsyn evaluate [NAME ...] (--real … --fake … | --maps … | --toyscenes) [options]"
    parser.description = "Measure generated pictures, or generators."
    parser.epilog = EPILOG
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help="bundled name, file or folder of weights, or Hub repository"
    )
    parser.add_argument("--out", metavar="DIR", type=parse_path, help="folder of the results")
    parser.add_argument("--json", action="store_true", help="print a JSON object with all figures")
    for name in WITH_OPTIONS:
        import_module(f"semsyn.cli.{name}").add_options(parser)


def run(args: argparse.Namespace) -> None:
    """Do what the options ask for.

    Raises:
        InputError: if they ask for nothing, or for two things.
    """
    keeps = args.fake is None and not args.names and args.write_statistics is not None
    ways = {
        "--toyscenes": (args.toyscenes, "evaluate_toyscenes"),
        "--fake": (args.fake is not None, "evaluate_folders"),
        "--predicted": (args.predicted is not None, "evaluate_maps"),
        "NAME with --maps": (bool(args.names) and bool(args.maps), "evaluate_generators"),
        "--write-statistics": (keeps, "evaluate_folders"),
    }
    asked = [name for name, (is_asked, _) in ways.items() if is_asked]
    if len(asked) != 1:
        found = " and ".join(asked) if asked else "nothing of it"
        raise InputError(f"say what to measure: {', '.join(ways)}; found {found}.")
    if args.names and asked[0] in ("--fake", "--predicted"):
        raise InputError(f"{asked[0]} needs no generator: leave {args.names[0]} out, or give --maps in its place.")
    import_module(f"semsyn.cli.{ways[asked[0]][1]}").run(args)
