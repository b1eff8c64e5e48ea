"""How `semsyn generate` reads its maps, and what it tells of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tests.cli.conftest import SPACE, write_map


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_ids_are_read_as_the_options_say(clade: Path, tmp_path: Path, semsyn: Callable) -> None:
    ids = read(write_map(tmp_path / "plain.png"))
    Image.fromarray(np.where(ids == 2, 255, np.where(ids == 3, 77, ids)).astype(np.uint8)).save(tmp_path / "odd.png")
    argv = ("generate", clade, "--overwrite", "--out", tmp_path / "out")
    assert semsyn(*argv, tmp_path / "plain.png").code == 0
    err = semsyn(*argv, tmp_path / "odd.png").err
    assert "semsyn inspect" in err and "replace(" not in err and "reading(" not in err
    assert semsyn(*argv, tmp_path / "odd.png", "--remap", "77=tree,255=2").code == 0
    assert np.array_equal(read(tmp_path / "out" / "odd.png"), read(tmp_path / "out" / "plain.png"))
    assert semsyn(*argv, tmp_path / "odd.png", "--remap", "77=none", "--void", "255").code == 0
    assert not np.array_equal(read(tmp_path / "out" / "odd.png"), read(tmp_path / "out" / "plain.png"))
    for option, value, message in (
        ("--remap", "77", "expected OLD=NEW"),
        ("--remap", "77=shrub", "unknown class 'shrub'"),
        ("--remap", "77=9", "class ids end at 5"),
        ("--void", "x", "expected stored ids"),
        ("--max-distance", "3", "needs --nearest-color"),
    ):
        code, _, err = semsyn(*argv, tmp_path / "odd.png", option, value)
        assert code == 2 and message in err


def test_a_mask_is_never_taken_for_void(clade: Path, tmp_path: Path, semsyn: Callable) -> None:
    Image.fromarray(np.eye(40, dtype=np.uint8) * 255).save(tmp_path / "m.png")
    code, _, err = semsyn("generate", clade, tmp_path / "m.png", "--out", tmp_path / "out")
    assert code == 2
    assert "a mask of 0 and 255: --remap 255=1 for a class of its own, --void 255 for no class" in err


def test_soft_colours_are_read_on_demand(clade: Path, tmp_path: Path, semsyn: Callable) -> None:
    drawn = SPACE.to_colors(torch.from_numpy(read(write_regions(tmp_path / "a.png", (0, 1, 2, 3), cut=37)).copy()))
    Image.fromarray(drawn.numpy()).save(tmp_path / "soft.jpg", quality=90)
    argv = ("generate", clade, tmp_path / "soft.jpg", "--out", tmp_path / "out")
    code, _, err = semsyn(*argv)
    assert code == 2 and "--nearest-color" in err
    code, _, err = semsyn(*argv, "--nearest-color", "--sheet")
    assert code == 0 and "moved to the nearest colour" in err
    code, _, err = semsyn(*argv, "--nearest-color", "--max-distance", "1", "--overwrite")
    assert code == 2 and "more than 1 levels away" in err


def test_pictures_may_have_the_sizes_of_their_maps(clade: Path, inade: Path, tmp_path: Path, semsyn: Callable) -> None:
    write_map(tmp_path / "maps" / "tall.png", size=(190, 100))
    Image.new("L", (1, 1), 2).save(tmp_path / "maps" / "dot.png")
    out = tmp_path / "out"
    code, text, _ = semsyn("generate", clade, tmp_path / "maps", "--out", out, "--size", "as-map", "--sheet")
    assert code == 0 and "their maps' sizes, rounded to multiples of" in text and "aspect" not in text
    assert read(out / "tall.png").shape[:2] == (192, 96)
    assert min(read(out / "dot.png").shape[:2]) >= 32
    tall = ("generate", inade, tmp_path / "maps" / "tall.png", "--out", tmp_path / "b")
    assert "tall.png changed in aspect, from 184x96 to 64x64" in semsyn(*tall).out
    code, _, err = semsyn(*tall, "--size", "as-map", "--overwrite")
    assert code == 2 and "pictures of 64x64 only; leave --size out" in err


def test_what_speaks_against_the_maps_is_told(inade: Path, clade: Path, tmp_path: Path, semsyn: Callable) -> None:
    regions = write_regions(tmp_path / "maps" / "a.png", (0, 4, 1, 3))
    stripes = write_regions(tmp_path / "stripes.png", (0, 4, 4, 0))
    Image.open(stripes).resize((120, 120), Image.Resampling.BILINEAR).save(tmp_path / "blended.png")
    err = semsyn("generate", clade, tmp_path / "blended.png", "--out", tmp_path / "out").err
    assert "blended.png: ids seem to be blended at the borders" in err
    argv = ("generate", inade, regions, "--out", tmp_path / "out", "--overwrite", "--instances")
    assert semsyn(*argv, regions).err == ""
    other = write_regions(tmp_path / "other.png", (1, 2, 3, 4), cut=22)
    assert "are they those of another scene?" in semsyn(*argv, other).err


def test_what_is_passed_over_is_counted(clade: Path, maps: Path, tmp_path: Path, semsyn: Callable) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for i, ending in enumerate(("png", "PnG", "tif", "npy")):
        ids = read(maps / "scene0.png")
        if ending == "npy":
            np.save(folder / "3.npy", ids)
        else:
            Image.fromarray(ids).save(folder / f"{i}.{ending}")
    (folder / "classes.txt").touch()
    (folder / "notes.json").touch()
    text = semsyn("generate", clade, folder, "--out", tmp_path / "out").out
    assert "4 pictures of" in text
    assert "passed over: 1 .json, 1 .txt, as classes.txt" in text
    assert len({read(path).tobytes() for path in (tmp_path / "out").iterdir()}) == 1


def write_regions(path: Path, ids: tuple[int, int, int, int], cut: int = 40) -> Path:
    """Four quarters, cut at a row and column."""
    path.parent.mkdir(parents=True, exist_ok=True)
    quarters = np.zeros((80, 80), dtype=np.uint8)
    for i, rows in enumerate((slice(0, cut), slice(cut, None))):
        for j, columns in enumerate((slice(0, cut), slice(cut, None))):
            quarters[rows, columns] = ids[2 * i + j]
    Image.fromarray(quarters).save(path)
    return path
