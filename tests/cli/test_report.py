import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsyn.evaluate.record import Record
from semsyn.evaluate.report import write_json
from tests.cli.conftest import SPACE, Result, write_map


@pytest.fixture
def figures(tmp_path: Path) -> Path:
    """A folder as `semsyn evaluate --out` leaves it."""
    folder = tmp_path / "figures"
    records = [
        Record(metric="fid", value=12.5, subject="<mine>", counts={"real": 7}, protocol={"name": "spade-val"}),
        Record(metric="kid", value=float("nan"), interval=(0.1, 0.2), notes=("several sizes",)),
        Record(metric="miou", value=0.5, details={"iou": {"sky": 0.75, "sea": float("nan")}}),
    ]
    folder.mkdir()
    write_json({"records": [record.to_dict() for record in records]}, folder / "records.json")
    return folder


def test_a_page_of_everything(semsyn: Callable[..., Result], figures: Path, tmp_path: Path) -> None:
    run, page = tmp_path / "run", tmp_path / "page.html"
    run.mkdir()
    log = [{"step": i, "losses": {"vgg": 1.0 / (i + 1), "gan": None}, "rate": 0.1} for i in range(5)]
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    scenes = {"clade/toyscenes": {"drawn": {"classes": {"miou": 0.6, "iou": {"road": 0.9}, "share_of_true": 0.8}}}}
    (run / "results.json").write_text(json.dumps(scenes))
    Image.new("RGB", (30, 20)).save(run / "clade-toyscenes.png")
    maps = [write_map(tmp_path / "maps" / f"a{i}.png", i) for i in range(2)]
    for folder in ("real", "made"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.zeros((40, 56, 3), np.uint8)).save(tmp_path / folder / "a1.jpg")
    (tmp_path / "space.json").write_text(SPACE.to_json())
    result = semsyn(
        *("report", figures, run, "--html", page, "--title", "Mine", "--maps", maps[0].parent),
        *("--space", tmp_path / "space.json", "--pictures", tmp_path / "real", tmp_path / "made"),
    )
    assert result == (0, f"3 figures, 1 logs, 1 sheets in {page}\n", "")
    html = page.read_text()
    assert "<h1>Mine</h1>" in html and "&lt;mine&gt;" in html and "<mine>" not in html
    for text in ("12.5", "0.1 to 0.2", "spade-val", "7 real", "Note: several sizes", "vgg", "clade/toyscenes", "0.6"):
        assert text in html, text
    assert html.count("data:image/png") == 2 + 2 + 1 and "made: a1.jpg" in html
    assert html.count("<polyline") == 2, "a loss that was never a number has no curve"
    assert "http" not in html.replace('"http', ""), "the page holds all that it shows"
    again = semsyn("report", figures, "--html", page)
    assert again.code == 2 and "--overwrite" in again.err


def test_what_is_no_result(semsyn: Callable[..., Result], figures: Path, tmp_path: Path) -> None:
    page, file = tmp_path / "page.html", tmp_path / "a.json"
    wrong = {
        "is no JSON": "{",
        "holds list": "[]",
        "holds no results": '{"a": 1}',
        "without metric or value": '{"records": [{"metric": 3}]}',
    }
    for message, text in wrong.items():
        file.write_text(text)
        result = semsyn("report", file, "--html", page)
        assert result.code == 2 and message in result.err
    assert "there is no file" in semsyn("report", tmp_path / "nothing.json", "--html", page).err
    (tmp_path / "empty").mkdir()
    assert "holds no records.json" in semsyn("report", tmp_path / "empty", "--html", page).err
    assert "--maps and --space" in semsyn("report", figures, "--html", page, "--pictures", figures).err
    file.write_text('{"records": [{"metric": "a", "value": 1, "interval": ["x", {}], "details": [], "notes": ["n"]}]}')
    assert semsyn("report", file, "--html", page).code == 0, "strange details are no figures"
