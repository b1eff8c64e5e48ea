"""Places to write to that are odd, hostile or full, and what others do there at the same time."""

import errno
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from PIL import Image

from semsyn.data.io.stage import PREFIX, clear_remains
from semsyn.data.io.tensor_files import write_tensors, write_torch
from semsyn.data.io.whole_file import whole_files, whole_folder, write_picture, write_text
from semsyn.errors import InputError
from semsyn.hub.save import save_pretrained
from semsyn.testing.attack.attempt import Attack, WrongAnswer
from semsyn.testing.attack.small import small_generator

NAMES = (
    "a",
    "a.png",
    ".a.png.part",
    "a b",
    "é",
    "\udcff",
    "a\nb",
    "-a",
    "x" * 255,
    "x" * 256,
    "a\0b",
    "..",
    ".",
    "",
    "a/b",
)


def _write_saved(path: Path) -> None:
    save_pretrained(small_generator("clade"), path.with_name(f"{path.name}.safetensors"), overwrite=True)


def _write_model(path: Path) -> None:
    save_pretrained(small_generator("clade"), path, overwrite=True)


def _write_joint(path: Path) -> None:
    with whole_files(path) as stage:
        for name in "abc":
            (stage / name).write_text(name * 5000)


def _write_new(path: Path) -> None:
    with whole_folder(path) as new:
        (new / "a").write_text("x" * 5000)


WRITERS: dict[str, Callable[[Path], None]] = {
    "text": lambda path: write_text(path, "x" * 5000),
    "picture": lambda path: write_picture(Image.effect_noise((64, 64), 90), path),
    "tensors": lambda path: write_tensors({"a": torch.zeros(2000)}, path),
    "torch": lambda path: write_torch({"a": torch.zeros(2000)}, path),
    "files": _write_joint,
    "folder": _write_new,
    "weights": _write_saved,
    "model": _write_model,
}


def odd_place(rng: random.Random, folder: Path) -> None:
    """Names and things in the way: what is not the target stays, and nothing is left over."""
    aside, here = folder / "aside", folder / "here"
    for path in (aside, here):
        path.mkdir()
    (aside / "kept").write_text("kept")
    target = here / rng.choice(NAMES)
    with suppress(OSError, ValueError):
        rng.choice(
            (
                lambda: target.symlink_to(aside / "kept"),
                lambda: target.symlink_to(aside),
                lambda: target.symlink_to(target),
                lambda: target.symlink_to("/dev/null"),
                lambda: os.mkfifo(target),
                lambda: target.mkdir(),
                lambda: target.write_text("old"),
                lambda: (here / f"{PREFIX}abcd1234.done").symlink_to(aside),
                lambda: here.chmod(0o500),
                lambda: None,
            )
        )()
    try:
        rng.choice(list(WRITERS.values()))(target)
    finally:
        here.chmod(0o700)
        if sorted(path.name for path in aside.iterdir() if path.name == "kept") != ["kept"]:
            raise WrongAnswer("a file elsewhere is gone")
        if (aside / "kept").read_text() != "kept":
            raise WrongAnswer("a file elsewhere was written to")
        if left := [path for path in here.rglob(f"{PREFIX}*") if not path.is_symlink()]:
            raise WrongAnswer(f"{left[0].name} is left over")


def full_disk(rng: random.Random, folder: Path) -> None:
    """Writes that fail at a random place: what was there stays, and the error is ours."""
    name = rng.choice(list(WRITERS))
    path = folder / "a"
    if name != "folder":
        WRITERS[name](path)
    before = _tree(folder)
    try:
        with _failing(rng, errno.ENOSPC):
            WRITERS[name](path)
    except InputError:
        clear_remains(folder)  # files that belong together may be half-way in their places
        clear_remains(path)
        if _tree(folder) != before:
            raise WrongAnswer(f"a {name} that could not be written changed what was there") from None
        raise
    if any(folder.rglob(f"{PREFIX}*")):
        raise WrongAnswer("something is left over")


def crowd(rng: random.Random, folder: Path) -> None:
    """Several threads write the same, and others clear remains: all end well, and one's work stands."""
    name = rng.choice([name for name in WRITERS if name != "folder"])
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(3):
                WRITERS[name](folder / "a")
                clear_remains(folder)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    if any(folder.rglob(f"{PREFIX}*")):
        raise WrongAnswer("something is left over")


PLANTS: tuple[Callable[[Path, Path], object], ...] = (
    lambda stage, aside: (stage / "link").symlink_to(aside / "kept"),
    lambda stage, aside: (stage / "folder").symlink_to(aside),
    lambda stage, aside: os.mkfifo(stage / "pipe"),
    lambda stage, aside: (stage / "deep" / "er").mkdir(parents=True),
    lambda stage, aside: (stage / "kept").write_text("new"),
    lambda stage, aside: stage.chmod(0),
)


def planted_remains(rng: random.Random, folder: Path) -> None:
    """Folders that look like remains, with links, folders and devices in them: nothing outside is touched."""
    aside, here = folder / "aside", folder / "here"
    for path in (aside, here):
        path.mkdir()
    (aside / "kept").write_text("kept")
    for _ in range(rng.randint(1, 3)):
        letters = "".join(rng.choices("abcdefgh01234567", k=rng.choice((8, 8, 8, 7, 9))))
        stage = here / f"{PREFIX}{letters}{rng.choice(('.part', '.done', '.done', ''))}"
        with suppress(FileExistsError):
            stage.mkdir()
        with suppress(OSError):
            rng.choice(PLANTS)(stage, aside)
    write_text(here / "a", "x")
    clear_remains(here)
    if [path.name for path in aside.iterdir()] != ["kept"] or (aside / "kept").read_text() != "kept":
        raise WrongAnswer("something outside was touched")
    if (here / "a").read_text() != "x" or any(path.is_symlink() for path in here.iterdir()):
        raise WrongAnswer("a planted link was put in place")


@contextmanager
def _failing(rng: random.Random, number: int) -> Iterator[None]:
    """From a random moment on, calls of the system that write fail."""
    left = rng.randrange(12)
    names = ("mkdir", "replace", "rename", "fsync", "chmod")
    calls = {name: getattr(os, name) for name in rng.sample(names, rng.randint(1, len(names)))}

    def make(call: Callable[..., object]) -> Callable[..., object]:
        def fail(*arguments: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(number, os.strerror(number))
            return call(*arguments, **options)

        return fail

    for name, call in calls.items():
        setattr(os, name, make(call))
    try:
        yield
    finally:
        for name, call in calls.items():
            setattr(os, name, call)


def _tree(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


ATTACKS: tuple[Attack, ...] = (odd_place, full_disk, crowd, planted_remains)
