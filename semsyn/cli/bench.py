"""``semsyn bench``: how fast the operations, the generators and their training are here."""

import argparse
from collections.abc import Iterator

import torch

from semsyn.bench.generators import bench_generators
from semsyn.bench.ops import bench_ops
from semsyn.bench.plot import draw_generators
from semsyn.bench.rows import Row, append_csv, describe_place, format_table, read_csv
from semsyn.bench.scenes import default_cases
from semsyn.bench.training import bench_training
from semsyn.cli.options import count_up_to, parse_path, parse_size
from semsyn.cli.terminal import say
from semsyn.data.io.whole_file import write_text
from semsyn.errors import InputError

# What "all" measures: little enough for a few minutes on a GPU, most of which compilations take.
ALL_OPS = (
    *(f"indexed_affine/{case}" for case in ("c128-256", "c128-256-last", "c128-256-pairs", "c128-256-activation")),
    *(f"normalized_affine/{case}" for case in ("c128-256", "c128-256-activation")),
)
ALL_MAX_BATCHES = 2

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

EPILOG = """\
Every backend's result is checked against the plain form before anything is timed. The backends of a case
take turns, run by run, so that their ratios hold on a busy machine.

generators and training:
  plain     the published way: one-hot maps of full size in every layer, dense convolutions, separate steps
  eager     semsyn as it is loaded
  fused     generator.fuse()
  compiled  torch.compile of the fused generator's run (training: of the eager one)
  checkpointed  eager, activations computed again in backward (training alone)
  floor     the main path's convolutions alone, on dense inputs
  B-once    a backend B that prepares the layout once for all styles (cases CARD@S)
ops:
  reference, eager, compiled, kernel; besides them, copy: copying as many bytes

examples:
  semsyn bench generators --cases spade/ade20k,clade/ade20k --maps maps/ --threads 2
  semsyn bench generators --cases spade/ade20k-vae@8 --backends fused,fused-once
  semsyn bench generators --cases clade/ade20k --backends fused --dtype float32,bfloat16 --json
  semsyn bench training --cases spade/ade20k
  semsyn bench ops --device cuda --dtype float32,bfloat16 --csv docs/benchmarks.csv
  semsyn bench all --device cuda
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.description = "Measure speed and memory; see docs/benchmarks.md."
    parser.epilog = EPILOG
    parser.add_argument("what", choices=("ops", "generators", "training", "all"), help="what to measure")
    parser.add_argument("--cases", metavar="CASE,…", type=_split, help="default: those of docs/benchmarks.md")
    parser.add_argument("--backends", metavar="NAME,…", type=_split, help="see below")
    parser.add_argument("--maps", metavar="DIR", type=parse_path, help="label maps to draw; default: drawn scenes")
    parser.add_argument("--device", metavar="DEVICE", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--dtype", metavar="NAME,…", type=_parse_dtypes, help=f"{', '.join(DTYPES)}; default float32")
    parser.add_argument("--threads", metavar="N", type=count_up_to(1024), help="of the CPU; default: torch's choice")
    parser.add_argument("--rounds", metavar="N", type=count_up_to(100_000), help="measurements of each backend")
    parser.add_argument("--batch", metavar="N", type=count_up_to(4096), help="pictures at once; default 1, training 4")
    parser.add_argument("--width", metavar="N", type=count_up_to(4096), help="smaller networks, to try the command")
    parser.add_argument("--size", metavar="HxW", type=parse_size, help="smaller pictures, to try the command")
    parser.add_argument("--json", action="store_true", help="print a JSON object per line instead of a table")
    parser.add_argument("--csv", metavar="FILE", type=parse_path, help="also append the rows to this file")
    parser.add_argument("--plot", metavar="FILE", type=parse_path, help="also draw the CSV's newest rows as SVG")
    parser.add_argument("--note", metavar="TEXT", default="", help="goes into the CSV's last column")


def run(args: argparse.Namespace) -> None:
    """Measure, print, and append to the CSV."""
    device = _find_device(args.device)
    if args.plot is not None and args.csv is None:
        raise InputError("--plot draws what is in the CSV; name it with --csv.")
    if args.plot is not None and args.plot.suffix.lower() != ".svg":
        raise InputError(f"--plot {args.plot} must end in .svg.")
    if args.csv is not None and args.csv.exists():
        read_csv(args.csv)  # refused before anything is measured
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    rows = []
    for row in _measure(args, device):
        rows.append(row)
        if args.json:
            say(row.to_json())
        if args.csv is not None:
            append_csv(args.csv, [row], note=args.note)
    if args.plot is not None:
        write_text(args.plot, draw_generators(read_csv(args.csv), device=device))
    if not args.json:
        place = describe_place(device)
        say(f"{place['hardware']}, {torch.get_num_threads()} threads, torch {place['torch']}, {place['commit']}")
        say("", *format_table(rows).split("\n"))


def _measure(args: argparse.Namespace, device: str) -> Iterator[Row]:
    if args.what == "all" and (args.cases or args.backends):
        raise InputError("'all' runs everything with its own cases and backends; leave --cases and --backends out.")
    rounds = {} if args.rounds is None else {"rounds": args.rounds}
    batch = {} if args.batch is None else {"batch": args.batch}
    chosen = {name: value for name in ("cases", "backends") if (value := getattr(args, name)) is not None}
    networks = {**rounds, **batch, "width": args.width, "image_size": args.size, "maps": args.maps, "device": device}
    dtypes = args.dtype or [torch.float32]
    if args.what == "ops":
        yield from bench_ops(**rounds, **chosen, dtypes=dtypes, device=device)
    elif args.what == "generators":
        yield from bench_generators(**networks, **chosen, dtypes=dtypes)
    elif args.what == "training":
        if dtypes != [torch.float32]:
            raise InputError("training is measured in float32; leave --dtype out.")
        yield from bench_training(**networks, **chosen)
    else:
        both = args.dtype or [torch.float32, torch.bfloat16]
        yield from bench_ops(**rounds, cases=ALL_OPS, dtypes=both, device=device)
        yield from bench_generators(
            **networks, cases=default_cases(one_of_each=True), dtypes=dtypes, max_batches=ALL_MAX_BATCHES
        )
        yield from bench_training(**networks)


def _split(text: str) -> list[str]:
    names = [part.strip() for part in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"expected names with commas between them, found {text!r}")
    return names


def _parse_dtypes(text: str) -> list[torch.dtype]:
    names = _split(text)
    if unknown := [name for name in names if name not in DTYPES]:
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(DTYPES)}, found {unknown[0]!r}")
    return [DTYPES[name] for name in names]


def _find_device(name: str) -> str:
    if name not in ("cpu", "cuda"):
        raise InputError(f"--device must be cpu or cuda, found {name!r}.")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda cannot be used here: torch finds no GPU. Try --device cpu.")
    return name
