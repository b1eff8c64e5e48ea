import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsyn.data.io.label_maps import read_label_map
from semsyn.evaluate.judges import Segmenter
from semsyn.train.scene_files import find_scenes
from tests.cli.conftest import Result, write_map


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semsyn.evaluate.judges.Segmenter", partial(Segmenter, widths=(4, 6)))


def write_data(folder: Path, count: int, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    for i in range(count):
        write_map(folder / "labels" / f"s{i}.png", i, 4 + (i == 0), (64, 64))
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(folder / "images" / f"s{i}.jpg")
    return folder


def test_a_data_set_that_can_be_trained_on(semsyn: Callable[..., Result], inade: Path, tmp_path: Path) -> None:
    data, out = write_data(tmp_path / "data", 3), tmp_path / "out"
    for i in range(3):
        write_map(data / "instances" / f"s{i}.png", i + 9, 9, (64, 64))
    run = ("augment", data, "--generator", inade, "--per-map", 2, "--out", out)
    result = semsyn(*run)
    assert result == (0, f"6 pictures of 3 maps in {out}\n", "")
    scenes = find_scenes(out)
    assert [s.picture.name for s in scenes] == [f"s{i}_{j}.png" for i in range(3) for j in range(2)]
    for scene in scenes:
        own = scene.label_map.stem.partition("_")[0]
        assert read_label_map(scene.label_map).equal(read_label_map(data / "labels" / f"{own}.png"))
        assert scene.instance_map is not None
    assert scenes[0].picture.read_bytes() != scenes[1].picture.read_bytes()
    made = json.loads((out / "augmented.json").read_text())["pictures"]
    assert len(made) == 6 and made[1]["seed"] == made[0]["seed"] + 1 and made[0]["is_kept"]
    assert json.loads((out / "space.json").read_text())["name"] == "five"
    assert "--overwrite" in semsyn(*run).err
    again = semsyn("augment", data, "--generator", inade, "--per-map", 2, "--balance-classes", "--out", tmp_path / "b")
    assert again.code == 0
    names = [path.name for path in (tmp_path / "b" / "images").iterdir()]
    assert sum(name.startswith("s0_") for name in names) > sum(name.startswith("s1_") for name in names), "s0 has road"


def test_what_it_is_good_for(semsyn: Callable[..., Result], clade: Path, tmp_path: Path) -> None:
    data, val, out = write_data(tmp_path / "data", 2), write_data(tmp_path / "val", 2, 1), tmp_path / "out"
    run = ("augment", data, "--generator", clade, "--segmenter-steps", 2, "--out", out)
    result = semsyn(*run, "--report", "--val", val, "--json")
    assert result.code == 0, result.err
    records = json.loads(result.out)["records"]
    assert [r["subject"] for r in records[::2]] == [f"segmenter trained on {n}" for n in ("real", "synthetic", "both")]
    assert [r["counts"]["training"] for r in records[::2]] == [2, 2, 4] and 0 <= records[0]["value"] <= 1
    assert records == json.loads((out / "records.json").read_text())["records"]

    strict = semsyn(*run[:-1], tmp_path / "none", "--filter-by", out / "segmenter-real.pt", "--min-iou", 1)
    assert strict.out == f"0 pictures of 2 maps in {tmp_path / 'none'}, 2 dropped below mIoU 1.0\n"
    loose = semsyn(*run[:-1], tmp_path / "all", "--filter-by", out / "segmenter-real.pt", "--min-iou", 0)
    assert loose.out.startswith("2 pictures")
    made = json.loads((tmp_path / "all" / "augmented.json").read_text())["pictures"]
    assert all(0 <= m["miou"] < 1 for m in made)
    assert "--report needs pictures to measure on" in semsyn(*run[:-1], tmp_path / "c", "--report").err
