"""Commands that are killed at random moments: they leave what was there, or what they were to write, nothing else."""

import io
import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from semsyn.convert.original import Released
from semsyn.data.io.stage import DONE, PREFIX
from semsyn.generator.generator import Generator
from semsyn.hub.files import fetch
from semsyn.hub.load import create
from semsyn.hub.save import WEIGHTS_NAME, save_pretrained
from semsyn.models import get_family
from semsyn.testing.attack.attempt import Attack, WrongAnswer
from semsyn.testing.loopback_hub import loopback_hub

STAGE = f"{PREFIX}*"  # what a process writes in
Files = dict[str, bytes]

_SERVER = get_context("forkserver")  # imports once, then each command starts in milliseconds
_SERVER.set_forkserver_preload(["semsyn.cli.main", "semsyn.hub.convert_checkpoint", "semsyn.hub.save"])


@dataclass(frozen=True)
class Command:
    """Something that writes files.

    Attributes:
        lay_out: writes what is there before into a folder.
        run: does its work in that folder; a function of a module, for it runs in a process of its own.
        passing: patterns of the names of files that may be left over.
        is_joint: what it writes belongs together: old files beside new ones have the rest beside them, complete.
    """

    lay_out: Callable[[Path], None]
    run: Callable[[Path], None]
    passing: tuple[str, ...] = ()
    is_joint: bool = False

    def kill(self, rng: random.Random, folder: Path) -> bool:
        """Kill it once; tell whether that was while it wrote.

        Raises:
            WrongAnswer: if a file is neither what it was nor what it was to become, or a second run does not mend all.
        """
        self._restart(folder)
        before, start = self._files(folder), time.perf_counter()
        self._finish(folder)
        seconds, after = time.perf_counter() - start, self._files(folder)
        if before == after:
            raise WrongAnswer("the command writes nothing")
        self._restart(folder)
        process = _start(self.run, folder)
        try:
            if rng.random() < 0.5:
                _wait_for_writing(process, folder)
                seconds = 0.01
            time.sleep(rng.uniform(0, seconds))
        finally:
            process.kill()
            process.join()
        wrote = any(folder.rglob(STAGE))
        left = self._files(folder)
        for name, content in left.items():
            if content not in (before.get(name), after.get(name)):
                raise WrongAnswer(f"{name} is neither what it was nor what it was to become ({len(content)} bytes)")
        if lost := sorted((before.keys() & after.keys()) - left.keys()):
            raise WrongAnswer(f"{lost[0]} is lost")
        changed = {name for name in before | after if before.get(name) != after.get(name)}
        old = {name for name in changed if left.get(name) == before.get(name)}
        if self.is_joint and old and old < changed and not any(folder.rglob(f"{PREFIX}*{DONE}")):
            raise WrongAnswer(f"{sorted(old)[0]} is old, beside new files")
        self._finish(folder)
        if (found := self._files(folder)) != after:
            names = sorted(name for name in found | after if found.get(name) != after.get(name))
            raise WrongAnswer(f"after another run {names[0]} is not what a single run writes")
        if remains := sorted(folder.rglob(STAGE)):
            raise WrongAnswer(f"{remains[0].name} is left over")
        return wrote

    def _restart(self, folder: Path) -> None:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.lay_out(folder)

    def _finish(self, folder: Path) -> None:
        process = _start(self.run, folder)
        try:
            process.join()
        finally:
            process.kill()
        if process.exitcode:
            raise WrongAnswer(f"exit code {process.exitcode} of a run that nobody killed")

    def _files(self, folder: Path) -> Files:
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        named = {path.relative_to(folder).as_posix(): path for path in paths}
        kept = {name: path for name, path in named.items() if not any(fnmatch(name, p) for p in self.passing)}
        return {name: path.read_bytes() for name, path in kept.items() if f"/{PREFIX}" not in f"/{name}"}


def run_semsyn(*arguments: object) -> None:
    """A command line, in this process; leaves it with the exit code if that is not 0."""
    from semsyn.cli.main import main

    if code := main([str(argument) for argument in arguments]):
        raise SystemExit(code)


def make_generator(seed: int = 0) -> Generator:
    """A generator of a few kilobytes, with a card and a label space."""
    torch.manual_seed(seed)
    return create("clade/toyscenes", width=1, image_size=(32, 32)).eval()


def _start(run: Callable[[Path], None], folder: Path) -> BaseProcess:
    process = _SERVER.Process(target=_quietly, args=(run, folder), daemon=True)
    process.start()
    return process


def _quietly(run: Callable[[Path], None], folder: Path) -> None:
    torch.set_num_threads(1)
    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            run(folder)
    except SystemExit:
        print(said.getvalue(), file=sys.stderr)
        raise


def _wait_for_writing(process: BaseProcess, folder: Path) -> None:
    while process.is_alive():
        with suppress(OSError):  # folders come and go
            if any(folder.rglob(STAGE)):
                return


def _lay_out_original(folder: Path) -> None:
    generator = make_generator(1)
    released: Released = get_family("clade").released
    (folder / "in").mkdir()
    torch.save(released.keymap(generator.config).invert(generator.state_dict()), folder / "in" / "latest_net_G.pth")
    save_pretrained(make_generator(2), folder / "out" / "a.safetensors")


def _convert(folder: Path) -> None:
    run_semsyn(
        *("convert", folder / "in" / "latest_net_G.pth", "--image-size", "32x32", "--upsampling", "normal"),
        *("--space", "toyscenes", "--out", folder / "out" / "a.safetensors", "--overwrite"),
    )


def _lay_out_saved(folder: Path) -> None:
    save_pretrained(make_generator(1), folder / "model", name="clade/one", license="mit")


def _save(folder: Path) -> None:
    save_pretrained(make_generator(2), folder / "model", name="clade/two", license="apache-2.0", overwrite=True)


CONVERT = Command(_lay_out_original, _convert)
SAVE = Command(_lay_out_saved, _save, is_joint=True)


def kill_convert(rng: random.Random, folder: Path) -> None:
    """``semsyn convert`` over an older file."""
    CONVERT.kill(rng, folder)


def kill_save(rng: random.Random, folder: Path) -> None:
    """`save_pretrained` into a folder that holds older weights, their config and their card."""
    SAVE.kill(rng, folder)


def kill_download(rng: random.Random, folder: Path) -> None:
    """`semsyn.hub.files.fetch` of a file whose branch has moved on; the client's own remains are the client's."""
    with loopback_hub() as hub:
        hub.add("me/net", {WEIGHTS_NAME: rng.randbytes(1 << 20)})
        older = hub.repos["me/net"].refs["main"]
        newer = hub.repos["me/net"].commit({WEIGHTS_NAME: rng.randbytes(1 << 20)})

        def lay_out(folder: Path) -> None:
            (folder / "url").write_text(hub.url)
            hub.repos["me/net"].refs["main"] = older
            _fetch(folder)
            hub.repos["me/net"].refs["main"] = newer

        Command(lay_out, _fetch, passing=("*.incomplete", "*.tmp", "*.lock")).kill(rng, folder)


def _fetch(folder: Path) -> None:
    os.environ["HF_ENDPOINT"] = (folder / "url").read_text()
    fetch("me/net", WEIGHTS_NAME, cache_dir=folder / "cache", token=False)


SLOW_ATTACKS: tuple[Attack, ...] = (kill_convert, kill_save, kill_download)
