"""The example runs as it stands, and what it shows is so."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "examples" / "mix_styles.py"
SIDE = 136


def panel(sheet: np.ndarray, row: int, column: int) -> np.ndarray:
    top, left = 2 * (row * (SIDE + 8) + 14), 2 * (column * SIDE + 4)
    return sheet[top : top + 256, left : left + 256]


def test_it_mixes_and_leads_from_one_style_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--out", str(tmp_path / "sheet.png")])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png")).astype(int)
    assert sheet.shape == (2 * 2 * (SIDE + 8), 2 * 6 * SIDE, 3)
    drawn, sky, meadow, coarse, photo = (panel(sheet, 0, i) for i in range(5))
    first, last = panel(sheet, 1, 0), panel(sheet, 1, 4)
    assert np.abs(drawn - first).max() <= 1 and np.abs(photo - last).max() <= 1
    changes = [np.abs(drawn - other).mean() for other in (sky, meadow, coarse, photo)]
    assert min(changes) > 1 and changes[3] > changes[0]
