"""The example runs on any generator for toyscenes and writes its sheet."""

import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image

from semsyn.data import write_supports
from semsyn.data.spaces.label_space import label_space
from semsyn.hub import save_pretrained
from semsyn.nn import PartSupports
from tests.hub.models import make_generator
from tests.models.cases import make_supports

SCRIPT = Path(__file__).parents[2] / "examples" / "edit_parts.py"


def test_it_writes_a_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    generator = make_generator("ipose", num_classes=15, convention="toyscenes")
    generator.label_space = label_space("toyscenes")
    weights = save_pretrained(generator, tmp_path / "ipose.safetensors")
    write_supports(tmp_path / "supports", PartSupports.of(make_supports().part_ids, [11, 13]))
    sheet = tmp_path / "sheet.png"
    options = ["--weights", str(weights), "--supports", str(tmp_path / "supports"), "--out", str(sheet)]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *options])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    out = capsys.readouterr().out
    assert "parts as drawn:" in out and "in the house" in out
    assert Image.open(sheet).size == (2 * 5 * 72, 2 * 80)
