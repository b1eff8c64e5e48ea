"""Command lines: odd values, odd files and odd names for every option of every command; outputs that are inputs."""

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

from semsyn.testing.attack.attempt import Attack, WrongAnswer
from semsyn.testing.attack.odd_files import make_odd_file
from semsyn.testing.attack.workshop import read_files, run_command, workshop

FACTS = ("--image-size", "64x64", "--upsampling", "normal")
ODD_VALUES = (
    "", " ", "-1", "0", "-0", "1e9", "nan", "inf", "-inf", "1" * 40, "0x10", "1_0", "٣", "999999999", "999936x999936",
    "0x0", "1x1", "8192x8192", "as-map", "\0", "a\0b", "\n", "\x1b[2J", "..", "~", "*", "=", ",", "1=", "=1",
    "1=1", "3=a:5", "1,2,", "a" * 5000, "hpu", "meta", "cuda:99", "\udcff", "\u202e", "none", "-",
    "--", "@x", "%s", "{}",
)  # fmt: skip
ODD_NAMES = (
    "a\x1b[31m.png", "a\nb.png", "a\u202eb.png", "\udcff\udcfe.png", " .png", "-x.png", "a b.png", "'\".png",
    "ä字😀.png",
    "x" * 250 + ".png", "a.b.c.png", "%s{}.png", "$HOME.png", "a\\b.png", "\x7f\x9b.png", "semsyn: error: .png",
)  # fmt: skip
OPTIONS = {
    "generate": (
        "--seed", "--samples", "--truncation", "--resample-class", "--size", "--instances", "--planes", "--limit",
        "--preprocess", "--load-size", "--crop-size", "--space", "--void", "--remap", "--max-distance", "--checkpoint",
        "--supports", "--revision", "--device", "--dtype", "--reference", "--reference-map", "--reference-instances",
        "--take-style", "--resample-instance", "--noise",
    ),
    "inspect": ("--space", "--void", "--remap", "--max-distance", "--top", "--write-space"),
    "prepare": ("--space", "--map", "--order", "--annotations", "--from"),
    "convert": (
        "--card", "--key", "--encoder", "--part-net", "--supports", "--image-size", "--upsampling", "--space",
        "--options", "--name",
    ),
    "export": ("--format", "--size", "--checkpoint", "--revision"),
    "list": (),
    "info": (),
    "parts": ("--instances", "--weights", "--checkpoint", "--supports", "--categories"),
}  # fmt: skip
REFUSED = {  # by their options alone: what is taken would work for minutes
    "train": (("--steps", "--seed", "--every", "--scenes"), ("clade/toyscenes",)),
    "evaluate": (("--scenes", "--segmenter-steps", "--train-scenes", "--part-scenes"), ("clade/toyscenes",)),
    "bench": (("--threads", "--rounds", "--batch", "--width", "--size", "--dtype", "--device"), ("ops",)),
}
NO_NUMBERS = ("", "-1", "nan", "inf", "1" * 40, "٣", "0x10", "1e9", "a\0b", " ", "\n", "1,2")
PATHS = (
    "--instances", "--planes", "--space", "--checkpoint", "--supports", "--reference", "--reference-map", "--noise",
    "--reference-instances", "--annotations", "--encoder", "--part-net", "--options", "--weights",
)  # fmt: skip


def _line(command: str, folder: Path) -> list[object]:
    """A command line that works, all of whose files are copies in a folder."""
    given = folder / "given"
    if not given.exists():
        shutil.copytree(workshop(), given)
    weights, out = given / "clade.safetensors", folder / "out"
    lines: dict[str, list[object]] = {
        "generate": ["generate", weights, given / "maps", "--out", out],
        "inspect": ["inspect", given / "maps"],
        "prepare": ["prepare", "labels", given / "annotations", "--out", out, "--from", "palette"],
        "convert": ["convert", given / "originals", "--out", folder / "out.safetensors", *FACTS],
        "export": ["export", weights, folder / "out.pt2"],
        "list": ["list", "clade"],
        "info": ["info", weights],
        "parts": ["parts", given / "maps", "--instances", given / "instances", "--out", out],
    }
    return lines[command]


def odd_values(rng: random.Random, folder: Path) -> None:
    """Options with values of any kind, and positional arguments."""
    command = rng.choice(list(OPTIONS))
    line = _line(command, folder)
    for option in rng.sample(OPTIONS[command], min(len(OPTIONS[command]), rng.choice((1, 1, 1, 2, 3)))):
        line += [f"{option}={rng.choice(ODD_VALUES)}"]
    if rng.random() < 0.3:
        line[rng.randrange(1, len(line))] = rng.choice(ODD_VALUES)
    if command == "export" and not any("\0" in str(a) or not str(a) for a in line):
        line[2] = "a.xyz"  # a graph takes minutes
    _keeps_inputs(folder, line)


def absurd_numbers(rng: random.Random, folder: Path) -> None:
    """Numbers of commands that would work for long, if they took them."""
    command = rng.choice(list(REFUSED))
    options, positional = REFUSED[command]
    line = [command, *positional, f"{rng.choice(options)}={rng.choice(NO_NUMBERS)}"]
    if command != "bench":
        line += ["--out", str(folder / "out")] + ["--toyscenes"] * (command == "evaluate")
    if run_command(*line).code != 2:
        raise WrongAnswer(f"{line} was taken")


def odd_files(rng: random.Random, folder: Path) -> None:
    """Pipes, sockets, devices, folders, links, noise and halves in the place of any file."""
    command = rng.choice([name for name in OPTIONS if name != "list"])
    line = _line(command, folder)
    places = [i for i, part in enumerate(line) if isinstance(part, Path) and (folder / "given") in part.parents]
    paths = [option for option in OPTIONS[command] if option in PATHS and command != "export"]
    if paths and rng.random() < 0.5:
        option = rng.choice(paths)
        names = ("x.png", "x.json", "x.npy", "x.npz", "x.txt", "x.pth", "x.safetensors", "x.yml", "x")
        line += [option, make_odd_file(rng, folder / rng.choice(names), _bytes_of(rng, folder / "given"))]
    else:
        place = rng.choice(places)
        original = Path(str(line[place]))
        content = original.read_bytes() if original.is_file() else _bytes_of(rng, original)
        line[place] = make_odd_file(rng, folder / f"odd{original.suffix or rng.choice(('', '.png'))}", content)
    _keeps_inputs(folder, line)


def odd_names(rng: random.Random, folder: Path) -> None:
    """Good files of names that a terminal, a shell or a library may stumble over."""
    command = rng.choice(("generate", "inspect", "prepare", "info", "convert", "parts"))
    line = _line(command, folder)
    name = rng.choice(ODD_NAMES)
    odd = folder / name.removesuffix(".png")
    if command == "info":
        shutil.copy(str(line[1]), odd.with_name(f"{odd.name[:200]}.safetensors"))
        line[1] = odd.with_name(f"{odd.name[:200]}.safetensors")
    elif rng.random() < 0.5 and "--out" in line:
        line[line.index("--out") + 1] = odd.with_name(f"{odd.name[:200]}.safetensors") if command == "convert" else odd
    else:
        source = line[2] if command in ("generate", "prepare") else line[1]
        files = sorted(path for path in Path(str(source)).iterdir())
        files[0].rename(files[0].with_name(name))
        if command == "parts":
            (folder / "given" / "instances" / "a.png").rename(folder / "given" / "instances" / name)
    ended = _keeps_inputs(folder, line)
    if ended and command in ("inspect", "info", "generate", "parts"):
        raise WrongAnswer(f"{name!r} is a name like any other, but code {ended}")


def out_is_input(rng: random.Random, folder: Path) -> None:
    """``--out`` names what the command reads, with ``--overwrite`` where there is that."""
    command = rng.choice(("generate", "prepare", "convert", "export", "inspect", "parts", "evaluate", "bench"))
    given = folder / "given"
    line: Sequence[object]
    if command in ("evaluate", "bench"):
        _line("generate", folder)
        file = rng.choice([path for path in given.rglob("*") if path.is_file()])
        line = ["bench", "ops", "--maps", given / "maps", "--csv", file]
        if command == "evaluate":
            line = ["evaluate", given / "clade.safetensors", "--toyscenes", "--segmenter", file, "--out", file]
    else:
        line = _line(command, folder)
        inside = [given, *(path for path in given.rglob("*"))]
        target = rng.choice(inside)
        if "--out" in line:
            line[line.index("--out") + 1] = target
        elif command == "export":
            line[2] = target
        else:
            line += ["--space", given / "space.json", "--void", "9", "--write-space", target]
        if command not in ("inspect", "prepare"):
            line += ["--overwrite"]
    written = line[line.index("--out") + 1] if "--out" in line else line[2] if command == "export" else line[-1]
    _keeps_inputs(folder, line, written)


def _keeps_inputs(folder: Path, line: Sequence[object], written: object = None) -> int:
    """Run a command line; what it reads must be there afterwards as it was."""
    before = read_files(folder)
    code = run_command(*line).code
    after = read_files(folder)
    read = [part for part in line if isinstance(part, Path) and part is not written]
    changed = [folder / name for name in before if after.get(name) != before[name]]
    if lost := [path for path in changed if any(part in (path, *path.parents) for part in read)]:
        raise WrongAnswer(f"{lost[0]} was changed by {line}")
    return code


def _bytes_of(rng: random.Random, folder: Path) -> bytes:
    return rng.choice(sorted(path for path in folder.rglob("*") if path.is_file())).read_bytes()


ATTACKS: tuple[Attack, ...] = (odd_values, absurd_numbers, odd_files, odd_names, out_is_input)
