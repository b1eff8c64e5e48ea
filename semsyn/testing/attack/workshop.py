"""What commands work on in attacks: small weights, scenes that fit them; and commands run as functions."""

import atexit
import shutil
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

import semsyn
from semsyn.cli.main import main
from semsyn.errors import printable
from semsyn.labels import LabelSpace
from semsyn.models import FAMILIES
from semsyn.models.clade.config import CLADEConfig
from semsyn.models.inade.config import INADEConfig
from semsyn.testing.attack.attempt import WrongAnswer

SPACE = LabelSpace(
    name="five",
    classes=("sky", "sea", "sand", "tree", "road"),
    palette=((0, 0, 255), (0, 90, 160), (230, 220, 150), (0, 130, 0), (90, 90, 90)),
)
CONFIGS = {
    "clade": CLADEConfig(num_classes=5, image_size=(64, 64), width=1),
    "inade": INADEConfig(
        num_classes=5, image_size=(64, 64), width=1, code_dim=8, instance_code_dim=4, has_encoder=True
    ),
}


@cache
def workshop() -> Path:
    """A folder that is made once in a process, and goes with it: ``clade.safetensors``, ``inade.safetensors``,
    ``originals/`` of the first, ``maps/``, ``instances/``, ``space.json`` and ``annotations/`` (maps in colours)."""
    folder = Path(tempfile.mkdtemp(prefix="semsyn-workshop-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for name, config in CONFIGS.items():
            generator = config.build().eval()
            generator.label_space = SPACE
            semsyn.save_pretrained(generator, folder / f"{name}.safetensors")
            if name == "clade":
                released = FAMILIES[name].released
                (folder / "originals").mkdir()
                state = released.keymap(config).invert(generator.state_dict())
                torch.save(state, folder / "originals" / "latest_net_G.pth")
    (folder / "space.json").write_text(SPACE.to_json(), encoding="utf-8")
    rng = np.random.default_rng(0)
    for kind, name in ((kind, name) for kind in ("maps", "instances", "annotations") for name in ("a", "b", "c")):
        ids = rng.integers(0, 5, (5, 7), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
        pixels = np.array(SPACE.palette, np.uint8)[ids] if kind == "annotations" else ids
        (folder / kind).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / kind / f"{name}.png")
    return folder


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def run_command(*argv: object) -> Ended:
    """Run a command in this process.

    Raises:
        WrongAnswer: if it does not end as commands do: with a code that means something; where that is not 0, with one
            line that says why; without a character that steers a terminal.
    """
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in argv])
    ended = Ended(code, out.getvalue(), err.getvalue())
    errors = [line for line in ended.err.splitlines() if line.startswith("semsyn: error: ")]
    if code not in (0, 1, 2) or len(errors) != (code != 0):
        raise WrongAnswer(f"code {code}, {len(errors)} errors: {ended.err[-300:]!r}")
    if steering := [line for line in (ended.out + ended.err).split("\n") if printable(line) != line]:
        raise WrongAnswer(f"it prints {steering[0]!r}")
    if "Traceback" in ended.err:
        raise WrongAnswer(ended.err[-500:])
    return ended


def read_files(folder: Path) -> dict[str, bytes]:
    """Every regular file below a folder, by its path there."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and not p.is_symlink()}
