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
    code, out, _ = semsyn("inspect", tmp_path / "a.png")
    assert code == 0
    assert "a.png: drawn in the colours of label space toyscenes\n  to do: --space toyscenes\n" in out
    found = json.loads(semsyn("inspect", tmp_path / "a.png", "--space", "toyscenes", "--json").out)
    assert {entry["id"]: entry["pixels"] for entry in found["ids"]} == {0: 1, 3: 1, 14: 2}
    Image.new("RGB", (2, 2), (1, 2, 3)).save(tmp_path / "b.png")
    out = semsyn("inspect", tmp_path / "b.png", "--space", "toyscenes").out
    assert "b.png: 1 colours of no known palette" in out
    assert "#010203            4 px" in out


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
        (("a.png", "--space", "absent.json"), "there is no file 'absent.json'"),
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


def test_other_numberings_of_the_classes_are_named(tmp_path: Path, semsyn: Callable) -> None:
    save([[0] * 6 + [2] * 3 + [10]], tmp_path / "a_labelTrainIds.png")
    out = semsyn("inspect", tmp_path / "a_labelTrainIds.png", "--space", "cityscapes").out
    assert "label space 'cityscapes' knows all ids: unlabeled 60%, rectification border 30%" in out
    assert "so do: cityscapes-train-ids" in out and "\n  cityscapes-train-ids: road 60%, building 30%" in out
    assert "doubtful: the files' names say train ids" in out
    found = json.loads(semsyn("inspect", tmp_path / "a_labelTrainIds.png", "--json").out)
    assert found["readings"]["cityscapes-train-ids"] == {"road": 0.6, "building": 0.3, "sky": 0.1}


def test_what_is_no_map_is_named_with_what_to_do(tmp_path: Path, semsyn: Callable) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    save(np.eye(30) * 255, tmp_path / "mask.png")
    Image.new("LA", (4, 4)).save(tmp_path / "glass.png")
    save(np.zeros((4, 4)), tmp_path / "map.png")
    (tmp_path / "notes.md").touch()
    out = semsyn("inspect", tmp_path).out
    assert out.startswith("2 maps of 4x4, 30x30, 2 ids")
    for line in ("photo.png: a photograph", "mask.png: a mask of 0 and 255", "glass.png has 16 transparent pixels"):
        assert line in out
    assert "passed over: 1 .md, as notes.md" in out
    found = json.loads(semsyn("inspect", tmp_path, "--json").out)
    assert [entry["encoding"] for entry in found["unread"]] == ["mask", "photograph"]
    code, _, err = semsyn("inspect", tmp_path / "glass.png")
    assert code == 2 and "16 transparent pixels" in err


def test_options_that_read_a_map_are_tried(tmp_path: Path, semsyn: Callable) -> None:
    save([[0, 1, 77, 255]], tmp_path / "a.png")
    argv = ("inspect", tmp_path / "a.png", "--space", "toyscenes")
    out = semsyn(*argv, "--remap", "77=sky", "--void", 255).out
    assert "label space 'toyscenes' knows all ids" in out
    file = tmp_path / "mine.json"
    assert semsyn(*argv, "--remap", "77=sky", "--void", 255, "--write-space", file).code == 0
    assert "'toyscenes' knows all ids" in semsyn("inspect", tmp_path / "a.png", "--space", file).out
    code, _, err = semsyn("inspect", tmp_path / "a.png", "--void", 255)
    assert code == 2 and "need --space" in err


def test_the_ids_of_another_data_set_are_doubted(tmp_path: Path, semsyn: Callable) -> None:
    save([[0] * 6 + [15] * 4], tmp_path / "voc.png")  # background and a person
    out = semsyn("inspect", tmp_path / "voc.png", "--space", "ade20k-raw").out
    assert "doubtful: most pixels are of classes that pictures hardly show: other 60%" in out
    assert "  pascal-voc: background 60%, person 40%" in out
