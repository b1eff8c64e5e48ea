"""``semsyn convert``: the authors' checkpoint to one safetensors file."""

import argparse
import re
from pathlib import Path

from semsyn.cli.options import parse_path, parse_size
from semsyn.cli.resources import add_resources, given_resources
from semsyn.cli.spaces import SPACE_HELP, find_space
from semsyn.cli.terminal import say, say_json
from semsyn.convert.files import find_files
from semsyn.data.io.folders import real_path
from semsyn.data.io.tensor_files import write_tensors
from semsyn.errors import InputError
from semsyn.hub.convert_checkpoint import convert_checkpoint
from semsyn.hub.convert_network import convert_network
from semsyn.hub.critics import load_critic, save_critic
from semsyn.hub.save import card_of, save_pretrained
from semsyn.hub.weights_file import describe_file
from semsyn.models import FAMILIES

NAME = re.compile(r"[a-z0-9]+/\w[\w.-]{0,99}", re.ASCII)

EPILOG = """\
The file is read without running any code in it. Family, classes, width and options are found in it.
What it does not tell (the picture's size, the depth, SPADE's edge channel, OASIS' noise channels, SCGAN's
temperature) comes from the options, else from --card, else from --options: an opt.txt, opt.pkl or SCGAN's
yml file, which are found beside the file, too. A data set that they name says what the ids mean.

examples:
  semsyn convert ade20k/best_net_G.pth --card clade/ade20k --out clade-ade20k.safetensors
  semsyn convert checkpoints/mine --image-size 256x512 --upsampling more --no-edges --out mine.safetensors
  semsyn convert ipose_ade20k --card ipose/ade20k --supports Full_Parts --out ipose-ade20k.safetensors
  semsyn convert oasis_ade20k_pretrained --card oasis/ade20k --out oasis-ade20k.safetensors
  semsyn convert training.ckpt --key netG_ema --options opt.txt --name spade/mine --out mine.safetensors
  semsyn convert best_net_G.pth --encoder best_net_IE.pth --card inade/ade20k --out inade-ade20k.safetensors
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.usage = "semsyn convert CHECKPOINT --out FILE [options]"
    parser.description = "Turn an original checkpoint into one safetensors file for semsyn."
    parser.epilog = EPILOG
    parser.add_argument("checkpoint", metavar="CHECKPOINT", type=parse_path, help="the generator's file, or its folder")
    parser.add_argument(
        "--out", metavar="FILE", type=parse_path, required=True, help="what to write, a .safetensors file"
    )
    parser.add_argument("--card", metavar="NAME", help="the released weights that it is, as in `semsyn list`")
    parser.add_argument("--key", metavar="KEY", help="where the generator stands in a file of several networks")
    parser.add_argument(
        "--encoder", metavar="FILE", type=parse_path, help="the encoder's file (a folder's own is found)"
    )
    for role, titles in _companions().items():
        parser.add_argument(
            f"--{role.replace('_', '-')}",
            metavar="FILE",
            type=parse_path,
            help=f"{', '.join(titles)}: the file of that network, where it stands apart",
        )
    parser.add_argument(
        "--critic", action="store_true", help="CHECKPOINT is a discriminator, as files that end in _D.pth are"
    )
    add_resources(parser)
    parser.add_argument("--image-size", metavar="HxW", type=parse_size, help="of the picture")
    parser.add_argument("--upsampling", choices=("normal", "more", "most"), help="depth of the pyramid")
    parser.add_argument(
        "--edges",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="SPADE and discriminators: whether the last label channel is the map of instance borders",
    )
    parser.add_argument(
        "--space",
        metavar="SPACE",
        help=f"what the ids mean: {SPACE_HELP}; default: the card's, or that of the data set that the options name",
    )
    parser.add_argument(
        "--options", metavar="FILE", type=parse_path, help="the original options: opt.txt, opt.pkl or yml (SCGAN)"
    )
    parser.add_argument("--name", metavar="NAME", help="what to call the weights, such as clade/mine")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(args: argparse.Namespace) -> None:
    """Convert, save, and print the verdict."""
    if args.critic or args.checkpoint.name.endswith("_D.pth"):
        _convert_critic(args)
        return
    if _convert_network(args):
        return
    files = {"generator": args.checkpoint, "encoder": args.encoder}
    files |= {role: getattr(args, role) for role in _companions()}
    files = {role: path for role, path in files.items() if path is not None}
    given = args.checkpoint if len(files) == 1 else files
    resources = given_resources(args)
    named = [args.options, args.space and Path(args.space), *resources.values()]
    read = [*find_files(given, _companions()).values(), *(path for path in named if path is not None)]
    _check_out(args.out, read, overwrite=args.overwrite)
    if args.name is not None and not NAME.fullmatch(args.name):
        raise InputError(
            f"--name {args.name!r} must be FAMILY/DATASET of letters, digits, '-', '_' and '.': clade/mine."
        )
    try:
        conversion = convert_checkpoint(
            given,
            card=args.card,
            image_size=args.image_size,
            upsampling=args.upsampling,
            has_edges=args.edges,
            label_space=None if args.space is None else find_space(args.space),
            options=args.options,
            key=args.key,
            **resources,
        )
    except InputError as error:
        hint = "--card NAME, --image-size HxW, --upsampling NAME, --edges or --no-edges, --space NAME, --options FILE"
        raise InputError(f"{error} On the command line: {hint}.") from error
    generator = conversion.generator
    save_pretrained(generator, args.out, name=args.name, overwrite=args.overwrite)
    facts = describe_file(generator, card_of(generator, args.name))
    if args.json:
        notes = list(conversion.notes)
        say_json({"out": str(args.out), "verdict": conversion.verdict, "notes": notes} | facts)
        return
    say(f"{', '.join(entry['file'] for entry in facts['origin'])}: {conversion.verdict}")
    say(f"name     {facts['name']}")
    say(f"labels   {'not stated' if generator.label_space is None else generator.label_space.name}")
    say(f"licence  {facts['license']}")
    for note in conversion.notes:
        say(f"note     {note}")
    say(f"written  {args.out}")
    say(f"run      semsyn generate {args.out} map.png --out pictures")


def _convert_critic(args: argparse.Namespace) -> None:
    of_generators = ("card", "encoder", "image_size", "upsampling", "space", "options", "name", *_companions())
    if given := [name for name in of_generators if getattr(args, name) is not None]:
        raise InputError(f"a discriminator is read without --{given[0].replace('_', '-')}: leave it out.")
    _check_out(args.out, [args.checkpoint], overwrite=args.overwrite)
    critic = load_critic(args.checkpoint, has_edges=args.edges, key=args.key)
    save_critic(critic, args.out, overwrite=args.overwrite)
    verdict = f"{type(critic).__name__}, {critic.num_classes} classes{', borders' * bool(args.edges)}"
    if args.json:
        say_json({"out": str(args.out), "verdict": verdict})
        return
    say(f"{args.checkpoint.name}: {verdict}")
    say(f"written  {args.out}")
    say(f"run      semsyn train RECIPE --init-critic {args.out} …")


def _convert_network(args: argparse.Namespace) -> bool:
    """A network that is of use alone, if the file holds one: whether it did."""
    if (found := convert_network(args.checkpoint)) is None:
        return False
    network, state = found
    _check_out(args.out, [args.checkpoint], overwrite=args.overwrite)
    write_tensors(state, args.out)
    if args.json:
        say_json({"out": str(args.out), "verdict": network.title})
        return True
    say(f"{args.checkpoint.name}: {network.title}")
    say(f"written  {args.out}")
    say(f"run      semsyn train RECIPE --{network.option} {args.out} …")
    return True


def _companions() -> dict[str, list[str]]:
    """Roles of files beside the generator's and the encoder's, and which families have them."""
    found: dict[str, list[str]] = {}
    for family in FAMILIES.values():
        for role in family.released.companions:
            found.setdefault(role, []).append(family.title)
    return found


def _check_out(out: Path, read: list[Path], *, overwrite: bool) -> None:
    """Refuse before minutes of work what saving would refuse after them, and to replace a file that is read."""
    if out.suffix != ".safetensors":
        raise InputError(f"--out {out} must end in .safetensors.")
    if not out.exists():
        return
    if out.is_dir():
        raise InputError(f"--out {out} is a folder; give a file name.")
    place = real_path(out)
    if taken := next((path for path in read if place.is_relative_to(real_path(path))), None):
        raise InputError(f"--out {out} is {taken} or lies in it, which is read; give another name.")
    if not overwrite:
        raise InputError(f"{out} exists and was kept; pass --overwrite to replace it, or another --out.")
