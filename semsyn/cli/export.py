"""``semsyn export``: a generator to a graph that runs without semsyn."""

import argparse
from pathlib import Path

from semsyn.cli.jobs import check_free
from semsyn.cli.options import parse_path, parse_size
from semsyn.cli.terminal import say, say_json
from semsyn.errors import InputError
from semsyn.exporter import FORMATS, describe_inputs, export, find_format
from semsyn.hub.load import load_pretrained

EPILOG = """\
FORMAT is onnx (ONNX Runtime and others) or torch (torch.export.load); without --format the suffix of OUT
tells: .onnx or .pt2. The graph takes label ids as integers, any number of pictures, and any size that
fits, unless --size fixes it or the network starts from a code. It needs the packages of semsyn[export].

examples:
  semsyn export clade/toyscenes clade.onnx
  semsyn export clade-ade20k.safetensors clade.onnx --size 256x256
  semsyn export inade/toyscenes inade.pt2
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.usage = "semsyn export NAME OUT [options]"
    parser.description = "Write a generator as a graph with its weights, for programs without semsyn."
    parser.epilog = EPILOG
    parser.add_argument("name", metavar="NAME", help="bundled name, file or folder of weights, or Hub repository")
    parser.add_argument("out", metavar="OUT", type=parse_path, help="what to write, a .onnx or .pt2 file")
    parser.add_argument("--format", choices=tuple(FORMATS), help="default: by the suffix of OUT")
    parser.add_argument("--size", metavar="HxW", type=parse_size, help="of the pictures; default: free where it can be")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    weights = parser.add_argument_group("weights")
    weights.add_argument(
        "--checkpoint", metavar="PATH", type=parse_path, help="the authors' file or folder, where NAME is released"
    )
    weights.add_argument("--revision", metavar="REV", help="branch, tag or commit of a Hub repository")
    weights.add_argument("--offline", action="store_true", help="use the Hub's cache only")


def run(args: argparse.Namespace) -> None:
    """Load, export, and say what the graph takes."""
    format = find_format(args.out, args.format)
    if args.out.exists() and not args.overwrite:
        raise InputError(f"{args.out} exists and was kept; pass --overwrite to replace it, or another OUT.")
    given = [Path(args.name), *([] if args.checkpoint is None else [args.checkpoint])]
    check_free([args.out], [path for path in given if path.exists()], overwrite=True)
    generator = load_pretrained(
        args.name, checkpoint=args.checkpoint, revision=args.revision, local_files_only=args.offline
    )
    export(generator, args.out, format, size=args.size, overwrite=args.overwrite)
    inputs = describe_inputs(generator, args.size)
    if args.json:
        say_json({"out": str(args.out), "format": format, "inputs": inputs})
        return
    say(f"written  {args.out} ({args.out.stat().st_size / 1e6:.1f} MB)")
    for i, (name, shape) in enumerate(inputs.items()):
        say(f"{'' if i else 'inputs':<9}{name}: {shape}")
    h, w = inputs["class_ids"].split()[1:]
    multiple = generator.painter.multiple
    say(f"output   image: n 3 {h} {w}, in [-1, 1]")
    if h == "h":
        say(f"size     h and w are multiples of {multiple}, from {2 * multiple}")
