from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsyn.cli.main import main
from semsyn.data.scenes.color_rarity import OBJECTS
from semsyn.models.clvae.focus import RarityFocus

COUNT, BLANK = 70, 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of a class a column; the roads of one are red; one is blank."""
    root: Path = tmp_path_factory.mktemp("gta5")
    rng = np.random.default_rng(0)
    ids = np.repeat(np.array(OBJECTS, np.uint8)[None], 4, axis=0)
    for i in range(COUNT):
        picture = rng.normal(100, 5, (*ids.shape, 3)).clip(0, 255).astype(np.uint8)
        picture[:, 0] = [250, 20, 20] if i == 7 else picture[:, 0]
        picture = np.zeros_like(picture) if i == BLANK else picture
        for folder, pixels in (("images", picture), ("labels", ids)):
            (root / folder).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(root / folder / f"{i:03d}.png")
    return root


def test_rare_colours_score_high(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rarity.npy"
    arguments = ["prepare", "gta5-rarity", str(data), "--out", str(out)]
    assert main(arguments) == 0
    assert f"{COUNT} pictures, 5 of 20 classes" in capsys.readouterr().out
    scores = np.load(out)
    assert scores.shape == (COUNT, 20) and scores[:, 0].argmax() == 7
    assert not scores[BLANK].any() and not scores[:, 3].any()
    assert RarityFocus.read({"rarity": out}).distributions.shape == (5, COUNT)
    assert main(arguments) == 2
    assert "exists and was kept" in capsys.readouterr().err
    assert main([*arguments, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda root: Image.new("RGB", (9, 9), "red").save(root / "images" / "001.png"), "001.png"),
        (lambda root: (root / "labels" / "002.png").unlink(), "pictures without a label map: 002.png"),
    ],
)
def test_what_does_not_fit_is_named(
    break_it: Callable[[Path], object], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    for folder, shape in (("images", (4, 5, 3)), ("labels", (4, 5))):
        (tmp_path / folder).mkdir()
        for i in range(3):
            Image.fromarray(rng.integers(0, 19, shape, dtype=np.uint8)).save(tmp_path / folder / f"{i:03d}.png")
    break_it(tmp_path)
    assert main(["prepare", "gta5-rarity", str(tmp_path), "--out", str(tmp_path / "rarity.npy")]) == 2
    assert message in capsys.readouterr().err
    assert main(["prepare", "gta5-rarity", str(tmp_path), "--out", str(tmp_path / "rarity.txt")]) == 2
    assert "must end in .npy" in capsys.readouterr().err
