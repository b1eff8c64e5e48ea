"""Small generators on disk, maps that fit them, and the command line as a function."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from semsyn.cli.main import main
from semsyn.hub import save_pretrained
from semsyn.labels import LabelSpace
from tests.hub.models import make_generator

SPACE = LabelSpace(
    name="five",
    classes=("sky", "sea", "sand", "tree", "road"),
    palette=((0, 0, 255), (0, 90, 160), (230, 220, 150), (0, 130, 0), (90, 90, 90)),
)


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def semsyn(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run a command in this process."""

    def run(*argv: object) -> Result:
        capsys.readouterr()
        code = main([str(argument) for argument in argv])
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def clade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reads nothing but labels, 64x64, free size, no codes."""
    generator = make_generator("clade-icpe", width=1, has_offsets=False)
    generator.label_space = SPACE
    return save_pretrained(generator, tmp_path_factory.mktemp("weights") / "clade.safetensors")


@pytest.fixture(scope="session")
def inade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draws codes, reads instances, has an encoder, 64x64 only."""
    generator = make_generator("inade")
    generator.label_space = SPACE
    return save_pretrained(generator, tmp_path_factory.mktemp("weights") / "inade.safetensors")


@pytest.fixture(scope="session")
def oasis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draws noise, 64x128, free size."""
    generator = make_generator("oasis")
    generator.label_space = SPACE
    return save_pretrained(generator, tmp_path_factory.mktemp("weights") / "oasis.safetensors")


def write_map(path: Path, seed: int = 0, ids: int = 5, size: tuple[int, int] = (40, 56)) -> Path:
    """A grey picture of blocks of ids below ``ids``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = np.random.default_rng(seed).integers(0, ids, (size[0] // 8, size[1] // 8), dtype=np.uint8)
    Image.fromarray(blocks.repeat(8, 0).repeat(8, 1)).save(path)
    return path


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    """A folder of three maps."""
    for i in range(3):
        write_map(tmp_path / "maps" / f"scene{i}.png", i)
    return tmp_path / "maps"
