"""Files that are none, or not what their name says: pipes, sockets, devices, folders, links, noise, halves."""

import os
import random
import socket
from collections.abc import Callable
from pathlib import Path

Maker = Callable[[random.Random, Path, bytes], Path]
"""Makes something odd of the given name, which may hold some of the given bytes, and gives its path."""


def _pipe(rng: random.Random, path: Path, content: bytes) -> Path:
    os.mkfifo(path)
    return path


def _socket(rng: random.Random, path: Path, content: bytes) -> Path:
    here = os.getcwd()
    os.chdir(path.parent)  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name[:90])
    except (OSError, ValueError):
        path.touch()
    finally:
        os.chdir(here)
    return path


def _device(rng: random.Random, path: Path, content: bytes) -> Path:
    return Path(rng.choice(("/dev/zero", "/dev/null", "/dev/full", "/dev/urandom", "/dev/stdin", "/dev/tty")))


def _link(rng: random.Random, path: Path, content: bytes) -> Path:
    path.symlink_to(rng.choice((path, path.with_name("nowhere"), Path("/dev/zero"), Path("/proc/self/mem"))))
    return path


def _folder(rng: random.Random, path: Path, content: bytes) -> Path:
    path.mkdir()
    if rng.random() < 0.5:
        (path / rng.choice(("a.png", "x.json", "opt.txt", ".hidden"))).write_bytes(content)
    return path


def _folder_of_pipes(rng: random.Random, path: Path, content: bytes) -> Path:
    path.mkdir()
    for name in ("a.png", "annotations.json", "labelmap.txt", "_classes.csv", "opt.txt", "objectInfo150.txt"):
        os.mkfifo(path / name)
    if rng.random() < 0.5:
        (path / "b.png").write_bytes(content)
    return path


def _missing(rng: random.Random, path: Path, content: bytes) -> Path:
    return path


def _below_a_file(rng: random.Random, path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path / "x" / "y"


def _long(rng: random.Random, path: Path, content: bytes) -> Path:
    return path.with_name("x" * rng.choice((255, 256, 5000))) / ("y" * 255)


def _noise(rng: random.Random, path: Path, content: bytes) -> Path:
    path.write_bytes(rng.choice((b"", b"\0", b"{", b"[]", b"null", rng.randbytes(rng.randrange(1, 2000)))))
    return path


def _half(rng: random.Random, path: Path, content: bytes) -> Path:
    path.write_bytes(content[: rng.randrange(len(content) + 1)])
    return path


def _bitten(rng: random.Random, path: Path, content: bytes) -> Path:
    bitten = bytearray(content)
    for _ in range(rng.randrange(1, 9)):
        if bitten:
            bitten[rng.randrange(len(bitten))] = rng.randrange(256)
    path.write_bytes(bitten)
    return path


MAKERS: tuple[Maker, ...] = (
    _pipe,
    _socket,
    _device,
    _link,
    _folder,
    _folder_of_pipes,
    _missing,
    _below_a_file,
    _long,
    _noise,
    _half,
    _bitten,
)


def make_odd_file(rng: random.Random, path: Path, content: bytes = b"") -> Path:
    """Something odd by one of the makers.

    Args:
        rng: chooses.
        path: where, nothing yet.
        content: of the file that stands there ordinarily.
    """
    return rng.choice(MAKERS)(rng, path, content)
