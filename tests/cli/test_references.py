"""Styles of reference pictures: of another scene, of some classes, at some levels, step by step, by number."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn import Generator, Layout, load_pretrained
from semsyn.cli.style_id import find_item
from semsyn.data import read_image
from semsyn.errors import InputError
from semsyn.hub import save_pretrained
from semsyn.models import CLVAEConfig
from tests.cli.conftest import SPACE

MAP = np.repeat(np.repeat(np.array([[0, 0], [1, 2]], np.uint8), 32, 0), 32, 1)
OTHER = np.repeat(np.repeat(np.array([[0, 3], [1, 1]], np.uint8), 32, 0), 32, 1)


@pytest.fixture(scope="session")
def clvae(tmp_path_factory):
    """Codes of classes, an encoder, 64x64 only."""
    torch.manual_seed(0)
    config = CLVAEConfig(
        num_classes=5,
        image_size=(64, 64),
        width=2,
        hidden=4,
        code_dim=6,
        class_code_dim=4,
        has_encoder=True,
        encoder_width=2,
        encoder_size=128,
    )
    generator = config.build().eval()
    generator.label_space = SPACE
    return save_pretrained(generator, tmp_path_factory.mktemp("weights") / "clvae.safetensors")


@pytest.fixture
def scenes(tmp_path):
    """A map, and a picture of another scene with its own map."""
    rng = np.random.default_rng(0)
    Image.fromarray(MAP).save(tmp_path / "map.png")
    for folder in ("photos", "labels"):
        (tmp_path / folder).mkdir()
    for name in ("2", "10"):
        Image.fromarray(rng.integers(0, 255, (80, 64, 3), dtype=np.uint8)).save(tmp_path / "photos" / f"{name}.png")
        Image.fromarray(OTHER).save(tmp_path / "labels" / f"{name}.png")
    return tmp_path


def generate(semsyn, weights: Path, scenes: Path, *options: object) -> list[np.ndarray]:
    out = scenes / "out"
    found = semsyn("generate", weights, scenes / "map.png", "--out", out, "--overwrite", *options)
    assert found.code == 0, found.err
    return [np.asarray(Image.open(path)) for path in sorted(out.glob("map*.png"))]


def are_near(one: np.ndarray, other: np.ndarray) -> bool:
    """Up to a level: pictures of several in one batch round differently."""
    return bool(np.abs(one.astype(int) - other).max() <= 1)


def reference(scenes: Path) -> tuple[object, ...]:
    return "--reference", scenes / "photos" / "2.png", "--reference-map", scenes / "labels" / "2.png"


def render(generator: Generator, scenes: Path, **share: object) -> np.ndarray:
    layout = Layout.of(torch.from_numpy(MAP), space=SPACE, size=64)
    own = Layout.of(torch.from_numpy(OTHER), space=SPACE, size=64)
    posterior = generator.encode(read_image(scenes / "photos" / "2.png", size=(64, 64))[None], own)
    drawn = generator.sample_style(layout, seeds=[0])
    style = posterior.apply(drawn, spread=0)
    style = drawn.mix(style, **share) if share else style
    return np.asarray(generator.render(torch.from_numpy(MAP), style=style))


def test_the_means_of_a_picture_of_another_scene_and_draws_of_what_it_lacks(semsyn, clvae, scenes):
    (picture,) = generate(semsyn, clvae, scenes, *reference(scenes))
    generator = load_pretrained(clvae).fuse()  # as the command does
    assert np.array_equal(picture, render(generator, scenes))
    maps = {"reference_map": scenes / "labels" / "2.png", "reference": scenes / "photos" / "2.png"}
    assert np.array_equal(np.asarray(generator.render(scenes / "map.png", seed=0, **maps)), picture)
    one, two = generate(semsyn, clvae, scenes, *reference(scenes), "--samples", 2)[-2:]
    assert not np.array_equal(one, two), "class 2, sand, is not in the picture: it is drawn"


def test_some_classes_and_levels(semsyn, clvae, scenes):
    generator = load_pretrained(clvae).fuse()  # as the command does
    (picture,) = generate(semsyn, clvae, scenes, *reference(scenes), "--classes", "sky", "--levels", 0, 3)
    assert np.array_equal(picture, render(generator, scenes, classes=[0], levels=[0, 3]))
    (drawn,) = generate(semsyn, clvae, scenes)
    (other,) = generate(semsyn, clvae, scenes, *reference(scenes), "--classes", "tree")
    assert np.array_equal(drawn, other), "there is no tree in the map"


def test_steps_from_the_drawn_style_to_the_references(semsyn, clvae, scenes):
    (drawn,), (whole,) = generate(semsyn, clvae, scenes), generate(semsyn, clvae, scenes, *reference(scenes))
    for path in (scenes / "out").glob("*.png"):
        path.unlink()
    steps = generate(semsyn, clvae, scenes, *reference(scenes), "--interpolate", 3, "--sheet")
    assert len(steps) == 3 and (scenes / "out" / "sheet.png").is_file()
    assert are_near(steps[0], drawn) and are_near(steps[2], whole)
    assert not are_near(steps[1], drawn) and not are_near(steps[1], whole)


def test_the_reference_by_its_number(semsyn, clvae, scenes):
    folders = ("--reference", scenes / "photos", "--reference-map", scenes / "labels")
    (picture,) = generate(semsyn, clvae, scenes, *folders, "--style-id", 0)
    assert np.array_equal(picture, generate(semsyn, clvae, scenes, *reference(scenes))[0])
    (other,) = generate(semsyn, clvae, scenes, *folders, "--style-id", 1)
    assert not np.array_equal(picture, other)


def test_items_of_a_data_set_in_the_layout_of_its_authors(scenes):
    for folder, source in (("RGB256Full", "photos"), ("LabelgrayFull20", "labels")):
        (scenes / "gta5" / folder).mkdir(parents=True)
        (scenes / source).rename(scenes / "gta5" / folder / "test")
    picture, label_map = find_item(scenes / "gta5", 1)
    assert (picture.name, label_map.name) == ("10.png", "10.png"), "in natural order"
    with pytest.raises(InputError, match="holds 2 items: give 0 to 1"):
        find_item(scenes / "gta5", 2)
    with pytest.raises(InputError, match="layout of no data set"):
        find_item(scenes / "gta5" / "RGB256Full", 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--classes", "sky"), "needs --reference"),
        (("--interpolate", 2), "needs --reference"),
        (("--style-id", 0), "by --reference"),
    ],
)
def test_options_that_need_a_reference(semsyn, clvae, scenes, options, message):
    found = semsyn("generate", clvae, scenes / "map.png", "--out", scenes / "out", *options)
    assert found.code != 0 and message in found.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--classes", "lava"), "lava"),
        (("--levels", 5), "levels 0 to 4"),
        (("--interpolate", 2, "--samples", 2), "leave --samples"),
        (("--style-id", 3), "holds 2 items|is no folder"),
    ],
)
def test_what_does_not_fit_is_told(semsyn, clvae, scenes, options, message):
    found = semsyn("generate", clvae, scenes / "map.png", "--out", scenes / "out", *reference(scenes), *options)
    assert found.code != 0 and any(part in found.err for part in message.split("|")), found.err


def test_a_reference_of_another_label_space_is_told(semsyn, clvae, scenes):
    Image.fromarray(OTHER + 7).save(scenes / "labels" / "2.png")
    found = semsyn("generate", clvae, scenes / "map.png", "--out", scenes / "out", *reference(scenes))
    assert found.code != 0 and "7 in 1024 pixels" in found.err and "labels/2.png" in found.err
