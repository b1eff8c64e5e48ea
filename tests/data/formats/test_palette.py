from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsyn.data.formats.annotations import Request
from semsyn.data.formats.palette import open_palette
from semsyn.errors import InputError
from semsyn.labels import LabelSpace
from tests.data.formats.writers import COLORS, STREET, draw, save


def test_the_colours_of_all_files(tmp_path: Path) -> None:
    save(draw(), tmp_path / "a" / "street.png")
    save(draw()[:2], tmp_path / "sky.png")
    Image.fromarray(draw()).save(tmp_path / "photograph.jpg")
    annotations = open_palette(tmp_path, Request())
    assert [c.name for c in annotations.classes] == ["#000000", "#0ac81e", "#5a5a5a", "#ff0000"]
    assert [c.color for c in annotations.classes] == list(COLORS)
    assert [scene.name for scene in annotations.scenes] == ["a/street", "sky"]
    assert np.array_equal(annotations.scenes[0].draw().class_ids, STREET)


def test_indices_do_not_matter(tmp_path: Path) -> None:
    Image.fromarray(draw()).quantize(4).save(tmp_path / "street.png")
    assert np.array_equal(open_palette(tmp_path, Request()).scenes[0].draw().class_ids, STREET)


def test_colours_of_a_label_space_have_its_names(tmp_path: Path) -> None:
    save(draw(), tmp_path / "street.png")
    space = LabelSpace(name="s", classes=("car", "sky"), palette=(COLORS[3], COLORS[0]))
    classes = open_palette(tmp_path, Request(space=space)).classes
    assert [c.name for c in classes] == ["sky", "#0ac81e", "#5a5a5a", "car"]


def test_black_is_no_class_where_the_space_draws_it_so(tmp_path: Path) -> None:
    save(draw(), tmp_path / "street.png")
    space = LabelSpace(name="s", classes=("car", "tree"), palette=(COLORS[3], COLORS[1]), void=2)
    assert open_palette(tmp_path, Request(space=space)).classes[0].name == "unlabelled"
    space = LabelSpace(name="s", classes=("car", "sky"), palette=(COLORS[3], COLORS[0]), void=2)
    assert open_palette(tmp_path, Request(space=space)).classes[0].name == "sky"


def test_photographs_alone(tmp_path: Path) -> None:
    Image.fromarray(draw()).save(tmp_path / "street.jpg")
    with pytest.raises(InputError, match="holds pictures in JPEG alone"):
        open_palette(tmp_path, Request())


def test_pictures_that_are_no_maps(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    save(noise, tmp_path / "a.png")
    with pytest.raises(InputError, match="more than 512: it is a photograph, or its edges are soft"):
        open_palette(tmp_path, Request())
    Image.fromarray(np.dstack([draw(), np.full((12, 16), 9, dtype=np.uint8)])).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="has transparent pixels"):
        open_palette(tmp_path, Request())
    Image.fromarray(np.zeros((4, 4), dtype=np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="not colours of 8 bits"):
        open_palette(tmp_path, Request())
    Image.fromarray(draw()).save(tmp_path / "a.webp", quality=50)
    with pytest.raises(InputError, match="stored as WEBP with loss"):
        open_palette(tmp_path / "a.webp", Request())


def test_a_file_that_changes_in_between(tmp_path: Path) -> None:
    save(draw(), tmp_path / "a.png")
    (scene,) = open_palette(tmp_path, Request()).scenes
    save(255 - draw(), tmp_path / "a.png")
    with pytest.raises(InputError, match="has changed since its colours were collected"):
        scene.draw()
