from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.cli.jobs import Job
from semsyn.cli.sheet import GAP, MAX_SAMPLES, count_pages, draw_map, write_sheets
from semsyn.data.io.whole_file import write_picture
from semsyn.data.spaces.colors import label_colors
from semsyn.errors import InputError
from semsyn.labels import LabelSpace
from tests.cli.conftest import SPACE


def save(ids: list[list[int]], path: Path) -> Path:
    Image.fromarray(np.array(ids, dtype=np.uint8)).save(path)
    return path


def make_jobs(folder: Path, count: int, samples: int, size: tuple[int, int]) -> list[Job]:
    label_map = save([[0, 4]], folder / "map.png")
    pictures = []
    for j in range(samples):
        pictures.append(folder / f"{j}.png")
        Image.new("RGB", (size[1], size[0]), (j, 100, 200)).save(pictures[-1])
    return [Job("map", label_map, tuple(pictures))] * count


def test_maps_are_drawn_in_the_palette(tmp_path: Path) -> None:
    drawn = np.asarray(draw_map(save([[0, 3]], tmp_path / "a.png"), SPACE, (4, 8)))
    assert drawn.shape == (4, 8, 3)
    assert (drawn[:, :4] == SPACE.palette[0]).all()
    assert (drawn[:, 4:] == SPACE.palette[3]).all()


def test_maps_without_a_palette_have_the_released_colours(tmp_path: Path) -> None:
    path = save([[0, 2, 3]], tmp_path / "a.png")
    bare = LabelSpace(name="bare", classes=("a", "b", "c"), remap={3: 3})
    for space in (3, bare):
        drawn = torch.from_numpy(np.array(draw_map(path, space, (1, 3))))[0]
        assert drawn[:2].tolist() == label_colors(5)[[0, 2]].tolist()
        assert drawn[2].tolist() == [0, 0, 0]


def test_a_row_is_map_and_samples(tmp_path: Path) -> None:
    write_sheets([tmp_path / "sheet.png"], make_jobs(tmp_path, 2, 3, (8, 16)), space=SPACE, size=(8, 16))
    page = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert page.shape == (GAP + 2 * (8 + GAP), GAP + 4 * (16 + GAP), 3)
    assert (page[GAP, GAP] == SPACE.palette[0]).all()
    assert (page[GAP + 8 + GAP, GAP + 15] == SPACE.palette[4]).all()
    assert [page[GAP, GAP + (1 + j) * (16 + GAP)].tolist() for j in range(3)] == [[j, 100, 200] for j in range(3)]
    assert (page[0] == 255).all()


def test_pages_and_cells_are_bounded(tmp_path: Path) -> None:
    assert [count_pages(n) for n in (1, 16, 17)] == [1, 1, 2]
    paths = [tmp_path / "sheet_1.png", tmp_path / "sheet_2.png"]
    write_sheets(paths, make_jobs(tmp_path, 17, MAX_SAMPLES + 3, (512, 1024)), space=SPACE, size=(512, 1024))
    width = GAP + (1 + MAX_SAMPLES) * (256 + GAP)
    assert [Image.open(path).size for path in paths] == [(width, GAP + n * (128 + GAP)) for n in (16, 1)]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(InputError, match="directory"):
        write_picture(Image.new("RGB", (2, 2)), tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
