import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.data.spaces.label_space import label_space
from semsyn.labels import LabelSpace


def save(ids: object, path: Path) -> Path:
    Image.fromarray(np.array(ids, dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def shifted(tmp_path: Path) -> Path:
    """Two maps of toyscenes' 15 classes that count from 1, and a third of another size."""
    folder = tmp_path / "maps"
    folder.mkdir()
    save([[1, 1, 1, 15]], folder / "a.png")
    save([[1, 2, 2, 255]], folder / "b.png")
    save([[15], [15]], folder / "c.png")
    return folder


def test_the_ids_are_counted_over_all_maps(shifted: Path, semsyn: Callable) -> None:
    code, out, err = semsyn("inspect", shifted)
    assert (code, err) == (0, "")
    assert "3 maps of 1x4, 2x1, 4 ids" in out
    assert [line.split() for line in out.splitlines()[2:6]] == [
        ["1", "4", "40.00%", "2"],
        ["2", "2", "20.00%", "1"],
        ["15", "3", "30.00%", "2"],
        ["255", "1", "10.00%", "1"],
    ]
    assert "label spaces that know all ids: ade20k-raw" in out


def test_unknown_ids_get_names_and_a_remap(shifted: Path, semsyn: Callable) -> None:
    out = semsyn("inspect", shifted, "--space", "toyscenes").out
    assert "unknown to 'toyscenes': 15 (3 px), 255 (1 px)" in out
    classes = label_space("toyscenes").classes
    assert f"the ids seem to count from 1: 1: 0 ({classes[0]}), 2: 1 ({classes[1]})" in out


def test_json_agrees_with_the_table(shifted: Path, semsyn: Callable) -> None:
    found = json.loads(
        semsyn("inspect", shifted / "a.png", shifted / "b.png", "--space", "clade/toyscenes", "--json").out
    )
    assert found["maps"] == 2
    assert found["sizes"] == [{"size": [1, 4], "maps": 2}]
    assert found["space"] == "toyscenes"
    assert found["unknown"] == [15, 255]
    assert [(entry["id"], entry["pixels"], entry["maps"]) for entry in found["ids"]] == [
        (1, 4, 2),
        (2, 2, 1),
        (15, 1, 1),
        (255, 1, 1),
    ]
    assert found["proposals"][0]["remap"] == {"1": 0, "2": 1, "15": 14, "255": 15}


def test_the_written_space_reads_the_maps(shifted: Path, tmp_path: Path, semsyn: Callable) -> None:
    file = tmp_path / "mine.json"
    argv = ("inspect", shifted, "--space", "toyscenes", "--write-space", file)
    assert semsyn(*argv).code == 0
    space = LabelSpace.from_json(file.read_text())
    assert space.map_ids(torch.tensor([1, 2, 15, 255])).tolist() == [0, 1, 14, 15]
    assert f"label space '{space.name}' knows all ids" in semsyn("inspect", shifted, "--space", file).out
    before = file.read_bytes()
    code, _, err = semsyn(*argv)
    assert code == 2
    assert "exists and was kept" in err
    assert file.read_bytes() == before


def test_colour_maps_need_a_palette(tmp_path: Path, semsyn: Callable) -> None:
    space = label_space("toyscenes")
    ids = torch.tensor([[0, 3], [14, 14]])
    Image.fromarray(space.to_colors(ids).numpy()).save(tmp_path / "a.png")
    code, out, err = semsyn("inspect", tmp_path / "a.png")
    assert (code, out) == (2, "")
    assert "a.png is a colour picture, but no label space is given" in err
    found = json.loads(semsyn("inspect", tmp_path / "a.png", "--space", "toyscenes", "--json").out)
    assert {entry["id"]: entry["pixels"] for entry in found["ids"]} == {0: 1, 3: 1, 14: 2}
    Image.new("RGB", (2, 2), (1, 2, 3)).save(tmp_path / "b.png")
    code, _, err = semsyn("inspect", tmp_path / "b.png", "--space", "toyscenes")
    assert code == 2
    assert "(1, 2, 3) in 4 pixels" in err


def test_many_ids_are_cut_short(tmp_path: Path, semsyn: Callable) -> None:
    save(np.arange(200).reshape(10, 20), tmp_path / "a.png")
    out = semsyn("inspect", tmp_path / "a.png", "--top", 5).out
    assert "… and 195 rarer ids" in out
    assert len(out.splitlines()) == 9
    assert "no remap to propose" in semsyn("inspect", tmp_path / "a.png", "--space", "facades").out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("absent.png",), "absent.png is not there"),
        (("a.png", "--space", "toyscene"), "unknown label space 'toyscene'; did you mean toyscenes"),
        (("a.png", "--space", "absent.json"), "absent.json: No such file or directory"),
        (("a.png", "--space", "broken.json"), "a label space must be a JSON object"),
        (("a.png", "--write-space", "x.json"), "--write-space needs --space"),
        (("a.png", "--space", "facades", "--write-space", "x.txt"), "must end in .json"),
        (("a.png", "--space", "facades", "--write-space", "x.json"), "nothing to propose"),
        (("empty",), "holds no picture"),
    ],
)
def test_bad_input(
    argv: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, semsyn: Callable
) -> None:
    monkeypatch.chdir(tmp_path)
    save([[1, 2]], tmp_path / "a.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.json").write_text("{")
    code, _, err = semsyn("inspect", *argv)
    assert code == 2
    assert err.startswith("semsyn: error: ")
    assert message in err
    assert not (tmp_path / "x.json").exists()
