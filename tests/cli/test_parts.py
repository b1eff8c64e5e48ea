import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsyn.data.spaces.label_space import label_space
from semsyn.hub import save_pretrained
from semsyn.nn import PartSupports
from tests.cli.conftest import Result
from tests.hub.models import make_generator
from tests.models.cases import make_supports

MAPS = Path(__file__).parents[2] / "examples" / "maps"
STREET = (MAPS / "street.png", "--instances", MAPS / "instances" / "street.png")


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toyscenes' classes and objects, no support maps."""
    generator = make_generator("ipose", num_classes=15, convention="toyscenes")
    generator.label_space = label_space("toyscenes")
    return save_pretrained(generator, tmp_path_factory.mktemp("weights") / "bare.safetensors")


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with support maps for houses and cars."""
    generator = make_generator("ipose", num_classes=15, convention="toyscenes")
    generator.label_space = label_space("toyscenes")
    generator.attach("supports", PartSupports.of(make_supports().part_ids, [11, 13]))
    return save_pretrained(generator, tmp_path_factory.mktemp("weights") / "taught.safetensors")


def test_parts_are_drawn_and_listed(semsyn: Callable[..., Result], taught: Path, tmp_path: Path) -> None:
    result = semsyn("parts", *STREET, "--weights", taught, "--out", tmp_path / "out", "--json")
    assert result.code == 0
    found = json.loads(result.out)
    assert found["pictures"] == [str(tmp_path / "out" / "street.png")]
    by_name = {row["name"]: row for row in found["objects"]}
    assert by_name["house"]["parts"] and set(by_name["house"]["parts"]) <= {1, 2, 3}
    assert by_name["tree"]["parts"] is None and "no support maps" in by_name["tree"]["why"]
    picture = Image.open(tmp_path / "out" / "street.png")
    assert picture.size == (64, 64) and picture.mode == "RGB"


def test_ids_instead_of_colours(semsyn: Callable[..., Result], taught: Path, tmp_path: Path) -> None:
    assert semsyn("parts", *STREET, "--weights", taught, "--out", tmp_path, "--ids").code == 0
    ids = np.array(Image.open(tmp_path / "street.png"))
    assert ids.ndim == 2 and set(np.unique(ids)) <= {0, 1, 2, 3} and ids.any()
    again = semsyn("parts", *STREET, "--weights", taught, "--out", tmp_path)
    assert again.code == 2 and "exists and was kept" in again.err


def test_categories_by_hand(semsyn: Callable[..., Result], taught: Path, tmp_path: Path) -> None:
    result = semsyn("parts", *STREET, "--weights", taught, "--out", tmp_path, "--categories", "9=11, 12=13")
    assert result.code == 0
    assert [line.split("  ")[1:3] for line in result.out.splitlines()[:-1]] == [
        ["instance 9", "11 house"],
        ["instance 12", "13 car"],
    ]


def test_a_scene_without_objects(semsyn: Callable[..., Result], taught: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((40, 56), np.uint8)).save(tmp_path / "sky.png")
    scene = (tmp_path / "sky.png", "--instances", tmp_path / "sky.png")
    result = semsyn("parts", *scene, "--weights", taught, "--out", tmp_path / "out", "--ids", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out) == {"pictures": [str(tmp_path / "out" / "sky.png")], "objects": []}
    assert not np.array(Image.open(tmp_path / "out" / "sky.png")).any()
    painted = semsyn("generate", taught, *scene, "--samples", 2, "--out", tmp_path / "pictures")
    assert painted.code == 0 and len(list((tmp_path / "pictures").glob("*.png"))) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--categories", "9:11"), "expected INSTANCE=CATEGORY"),
        (("--categories", "99=11"), "a category for the instances [99]"),
        (("--supports", "nowhere"), "nowhere is not there"),
    ],
)
def test_bad_input(
    semsyn: Callable[..., Result], taught: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = semsyn("parts", *STREET, "--weights", taught, "--out", tmp_path, *arguments)
    assert result.code == 2 and message in result.err and "Traceback" not in result.err


def test_weights_that_infer_no_parts(semsyn: Callable[..., Result], clade: Path, bare: Path, tmp_path: Path) -> None:
    for weights, message in ((clade, "infers no parts"), (bare, "give --supports")):
        result = semsyn("parts", *STREET, "--weights", weights, "--out", tmp_path)
        assert result.code == 2 and message in result.err


def test_support_maps_from_a_data_set_to_a_picture(semsyn: Callable[..., Result], bare: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for category, count in ((11, 3), (12, 2)):
        folder = tmp_path / "Full_Parts" / str(category) / "train"
        folder.mkdir(parents=True)
        for index in range(count):
            parts = rng.integers(1, 3, (5, 5), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
            parts[:8] = 0
            Image.fromarray(parts).save(folder / f"{index}_part.png")
            Image.fromarray((parts > 0).astype(np.uint8) * 255).save(folder / f"{index}_label.png")
    supports = tmp_path / "supports"
    result = semsyn("prepare", "parts", tmp_path / "Full_Parts", "--out", supports)
    assert result.code == 0 and result.out.startswith("1 categories with 3 support maps each"), "12 has two maps only"
    assert sorted(p.name for p in (supports / "11").iterdir()) == ["000.png", "001.png", "002.png"]
    arguments = (bare, *STREET, "--out", tmp_path / "out")
    without = semsyn("generate", *arguments)
    assert without.code == 0 and "comes without supports and does without them: give --supports" in without.err
    (tmp_path / "out").rename(tmp_path / "before")
    assert "comes without supports" not in semsyn("generate", *arguments, "--supports", supports).err
    first, second = (Image.open(tmp_path / name / "street.png").tobytes() for name in ("before", "out"))
    assert first != second
    full = semsyn("prepare", "parts", tmp_path / "Full_Parts", "--out", supports)
    assert full.code == 2 and "is not empty" in full.err
    many = semsyn("prepare", "parts", tmp_path / "Full_Parts", "--count", 9, "--out", tmp_path / "more")
    assert many.code == 2 and "lower --count" in many.err
