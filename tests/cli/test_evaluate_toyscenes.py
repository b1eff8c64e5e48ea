import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from semsyn.data.parts.choose_supports import choose_supports
from semsyn.data.parts.toy_parts import ToyShapes
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes.classes import PART_NAMES
from semsyn.evaluate.agreement import measure_margin
from semsyn.evaluate.judges import Segmenter
from semsyn.hub import save_pretrained
from tests.cli.conftest import Result
from tests.hub.models import make_generator

FITTING = {"num_classes": 15, "image_size": (128, 128)}
SMALL = ("--scenes", 4, "--train-scenes", 8, "--part-scenes", 8, "--segmenter-steps", 2)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semsyn.evaluate.judges.Segmenter", partial(Segmenter, widths=(4, 6)))
    monkeypatch.setitem(measure_margin.__kwdefaults__, "draws", 9)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def encoding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Has an encoder and codes of instances."""
    generator = make_generator("inade", width=1, **FITTING)
    generator.label_space = label_space("toyscenes")
    return save_pretrained(generator, tmp_path_factory.mktemp("weights") / "encoding.safetensors")


@pytest.fixture(scope="session")
def inferring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Infers parts."""
    shapes = ToyShapes.draw(20)
    generator = make_generator("ipose", width=1, num_parts=6, convention="toyscenes", **FITTING)
    generator.attach("supports", choose_supports(shapes.part_ids, shapes.categories))
    return save_pretrained(generator, tmp_path_factory.mktemp("weights") / "inferring.safetensors")


def test_figures_and_sheets(
    semsyn: Callable[..., Result], encoding: Path, inferring: Path, cache: Path, tmp_path: Path
) -> None:
    run = ("evaluate", encoding, inferring, "--toyscenes", "--parts", "--cache", cache, *SMALL)
    result = semsyn(*run, "--json", "--out", tmp_path / "out")
    assert result.code == 0 and result.err == "", "bars are for terminals"
    results = json.loads(result.out)
    assert results == json.loads((tmp_path / "out" / "results.json").read_text())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"results.json", "encoding.png", "inferring.png"}
    assert list(results) == ["true", str(encoding), str(inferring)]
    assert results["true"].keys() == {"classes", "parts"}
    assert set(results["true"]["parts"]["iou"]) == set(PART_NAMES) - {""}
    assert list(results[str(encoding)]) == ["drawn", "encoded", "transfer", "two_seeds"]
    assert results[str(encoding)]["drawn"]["classes"].keys() == {"miou", "iou", "share_of_true"}
    assert list(results[str(inferring)]) == ["drawn", f"over {encoding}", "part_net"]
    assert results[str(inferring)]["part_net"].keys() == {"miou", "accuracy", "classes"}

    again = semsyn(*run, "--out", tmp_path / "again")
    assert again.code == 0 and again.err == "", "the segmenters are there"
    assert json.loads((tmp_path / "again" / "results.json").read_text()) == results
    lines = again.out.splitlines()
    assert lines[0] == "true" and lines[1].startswith("    pictures, classes: mIoU 0.")
    for start in ("drawn, parts: mIoU", "transfer: colours correlate by", "two seeds: ", "over ", "part_net: mIoU"):
        assert any(line.startswith(f"    {start}") for line in lines)
    assert lines[-1] == f"results.json and encoding.png, inferring.png in {tmp_path / 'again'}"


def test_a_segmenter_of_ones_own(semsyn: Callable[..., Result], encoding: Path, cache: Path, tmp_path: Path) -> None:
    run = ("evaluate", encoding, "--toyscenes", "--cache", cache, *SMALL, "--out", tmp_path)
    assert semsyn(*run, "--segmenter", tmp_path / "own.pt").code == 0
    assert (tmp_path / "own.pt").exists()
    (tmp_path / "own.pt").write_text("something else")
    result = semsyn(*run, "--segmenter", tmp_path / "own.pt")
    assert result.code == 2 and "holds no segmenter of 15 class_ids" in result.err


def test_generators_and_a_folder_must_be_named(semsyn: Callable[..., Result], encoding: Path, tmp_path: Path) -> None:
    for given in ((encoding,), ("--out", tmp_path)):
        result = semsyn("evaluate", *given, "--toyscenes")
        assert result.code == 2 and "--toyscenes needs NAMEs of generators, and --out" in result.err


def test_names_must_be_told_apart(semsyn: Callable[..., Result], encoding: Path, tmp_path: Path) -> None:
    other = tmp_path / encoding.name
    other.write_bytes(encoding.read_bytes())
    options = ("--toyscenes", "--out", tmp_path / "out")
    for names, message in (
        ((encoding, encoding), "is named twice"),
        ((encoding, other), "as of a name before"),
        (("true",), "is what the true pictures are called"),
    ):
        result = semsyn("evaluate", *names, *options)
        assert result.code == 2 and message in result.err
    assert not (tmp_path / "out").exists()


def test_weights_that_do_not_fit_are_refused_at_once(
    semsyn: Callable[..., Result], clade: Path, encoding: Path, tmp_path: Path
) -> None:
    options = ("--toyscenes", "--out", tmp_path / "out", "--cache", tmp_path / "cache")
    result = semsyn("evaluate", encoding, clade, *options)
    assert result.code == 2 and f"{clade} cannot be measured on toyscenes: it has the classes of 'five'" in result.err
    assert not (tmp_path / "cache").exists() and not (tmp_path / "out").exists()
    assert "unknown" in semsyn("evaluate", "clade/toyscene", *options).err
