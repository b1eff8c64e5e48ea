"""Disks that are full, files that may not grow, places where nothing can be written, and company."""

import os
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from semsyn.data.io.stage import PREFIX
from semsyn.testing.attack.attempt import Attack, WrongAnswer
from semsyn.testing.attack.workshop import read_files, run_command, workshop

Line = Callable[[Path, Path], list[object]]
"""A command line that writes, of the folder that it reads and the one that it writes to."""

WRITERS: Mapping[str, Line] = {
    "generate": lambda given, out: ["generate", given / "clade.safetensors", given / "maps", "--out", out, "--sheet"],
    "prepare": lambda given, out: ["prepare", "labels", given / "annotations", "--from", "palette", "--out", out],
    "convert": lambda given, out: [
        *("convert", given / "originals", "--image-size", "64x64", "--upsampling", "normal"),
        *("--out", out / "a.safetensors"),
    ],
    "inspect": lambda given, out: [
        *("inspect", given / "maps", "--space", given / "space.json", "--void", "9"),
        *("--write-space", out / "space.json"),
    ],
}
RESUMING = ("prepare",)  # goes on where it stopped


@cache
def written(name: str) -> dict[str, bytes]:
    """What a command writes where there is room."""
    out = workshop() / f"written-{name}"
    out.mkdir()
    if run_command(*WRITERS[name](workshop(), out)).code:
        raise WrongAnswer(f"{name} does not work")
    return read_files(out)


@contextmanager
def _small_files(most: int) -> Iterator[None]:
    """No file grows beyond so many bytes: what is written beyond fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def _small_disk(folder: Path, kilobytes: int) -> Iterator[bool]:
    """A disk of its own in a folder; False where this process may not make one."""
    options = ["-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(folder)]
    done = subprocess.run(["mount", *options], capture_output=True, check=False)
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def _fails_well(name: str, out: Path, limits: ExitStack) -> None:
    """Run a command with too little room, then with enough of it.

    Raises:
        WrongAnswer: if a file is torn, the exit code does not say that something could not be written, or the second
            run does not end as if there had been no first.
    """
    expected = written(name)
    line = WRITERS[name](workshop(), out)
    with limits:
        code = run_command(*line).code
        found = read_files(out)
    if code == 2 or (code == 0 and found != expected):
        raise WrongAnswer(f"code {code} with {len(found)} of {len(expected)} files")
    if torn := [file for file in found if expected.get(file) != found[file] and file != "prepared.json"]:
        raise WrongAnswer(f"{torn[0]} is torn: {len(found[torn[0]])} bytes")
    if code and name not in RESUMING:
        for path in out.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if code and run_command(*line).code:
        raise WrongAnswer("it does not work where there is room, either")
    if code and read_files(out) != expected:
        raise WrongAnswer("after a full disk something else is written")
    if remains := list(out.rglob(f"{PREFIX}*")):
        raise WrongAnswer(f"{remains[0].name} is left over")


def files_that_may_not_grow(rng: random.Random, folder: Path) -> None:
    """A limit of the size of files."""
    name = rng.choice(list(WRITERS))
    most = rng.randrange(0, 2 * max(map(len, written(name).values())))
    limits = ExitStack()
    limits.enter_context(_small_files(most))
    (folder / "out").mkdir()
    _fails_well(name, folder / "out", limits)


def full_disk(rng: random.Random, folder: Path) -> None:
    """A disk with little room."""
    name = rng.choice(list(WRITERS))
    expected, out = written(name), folder / "out"
    out.mkdir()
    room = rng.randrange(4, 4 + 2 * sum(4 + len(content) // 1024 for content in expected.values()))
    with _small_disk(out, room) as is_small:
        if not is_small:
            files_that_may_not_grow(rng, folder / "out")
            return
        code = run_command(*WRITERS[name](workshop(), out)).code
        found = read_files(out)
        if code == 2 or (code == 0) != (found == expected):
            raise WrongAnswer(f"code {code} with {len(found)} of {len(expected)} files")
        if torn := [file for file in found if expected.get(file) != found[file] and file != "prepared.json"]:
            raise WrongAnswer(f"{torn[0]} is torn: {len(found[torn[0]])} bytes")


def no_place(rng: random.Random, folder: Path) -> None:
    """Places where nobody can write."""
    (folder / "file").touch()
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "dangling").symlink_to(folder / "nowhere" / "x")
    os.mkfifo(folder / "pipe")
    places = ("file", "file/x", "loop", "loop/x", "pipe", "pipe/x", "x" * 300, "/proc/x", "/dev/full", "/dev/null/x")
    out = folder / rng.choice(places)
    name = rng.choice(list(WRITERS))
    if run_command(*WRITERS[name](workshop(), out)).code == 0:
        raise WrongAnswer(f"{name} can write to {out}")


def two_at_once(rng: random.Random, folder: Path) -> None:
    """Two processes that write the same."""
    name = rng.choice(list(WRITERS))
    expected, out = written(name), folder / "out"
    out.mkdir()
    line = [*WRITERS[name](workshop(), out)] + ["--overwrite"] * (name in ("generate", "convert"))
    words = [sys.executable, "-m", "semsyn", *map(str, line)]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    codes = {process.returncode for process in both}
    if codes != {0} and not (name == "inspect" and codes == {0, 2}):  # which replaces no file that is there
        raise WrongAnswer(f"codes {codes}: {said}")
    if read_files(out) != expected:
        raise WrongAnswer(f"{name}: together they wrote something else")


ATTACKS: tuple[Attack, ...] = (files_that_may_not_grow, full_disk, no_place)
SLOW_ATTACKS: tuple[Attack, ...] = (two_at_once,)
