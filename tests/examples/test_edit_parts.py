"""The example runs on any generator for toyscenes and writes its sheet."""

import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image

from semsyn.data.parts.part_supports import write_supports
from semsyn.data.spaces.label_space import label_space
from semsyn.hub import save_pretrained
from semsyn.nn import PartSupports
from tests.hub.models import make_generator
from tests.models.cases import make_supports

SCRIPT = Path(__file__).parents[2] / "examples" / "edit_parts.py"


def run(monkeypatch: pytest.MonkeyPatch, *options: object) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, options)])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_it_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "--out", tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").size == (2 * 5 * 136, 2 * 144)


def test_it_writes_a_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    generator = make_generator("ipose", num_classes=15, convention="toyscenes")
    generator.label_space = label_space("toyscenes")
    weights = save_pretrained(generator, tmp_path / "ipose.safetensors")
    write_supports(tmp_path / "supports", PartSupports.of(make_supports().part_ids, [11, 13]))
    sheet = tmp_path / "sheet.png"
    run(monkeypatch, "--weights", weights, "--supports", tmp_path / "supports", "--out", sheet)
    out = capsys.readouterr().out
    assert "parts as drawn:" in out and "in the house" in out
    assert Image.open(sheet).size == (2 * 5 * 72, 2 * 80)
