import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.data.io.pictures import read_image
from semsyn.metrics.frechet import feature_statistics, frechet_distance
from semsyn.metrics.inception_score import inception_score
from semsyn.metrics.lpips import LPIPS
from semsyn.nn.towers.alexnet import AlexNetFeatures
from semsyn.nn.towers.inception import Inception
from tests.cli.conftest import Result, write_map
from tests.cli.test_shard import start_ranks


@pytest.fixture(scope="session")
def inception(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the FID's network, a sixteenth as wide."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("inception") / "narrow.pth"
    network = Inception(width=2)
    for t in network.parameters():
        if t.ndim == 4:
            t.normal_(std=(2 / t[0].numel()) ** 0.5)  # features of some size, or all pictures were the same
    torch.save(network.state_dict(), file)
    return file


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Inception.of.__func__.__kwdefaults__, "size", 75)


def write_pictures(folder: Path, count: int, seed: int, size: tuple[int, int] = (32, 48)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for i in range(count):
        Image.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8)).save(folder / f"p{i}.png")
    return folder


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    """Real and generated pictures."""
    return write_pictures(tmp_path / "real", 7, 0), write_pictures(tmp_path / "fake", 5, 1)


def features_of(folder: Path, inception: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Plainly: every picture on its own."""
    network = Inception.of(torch.load(inception))
    files = sorted(folder.iterdir())
    pictures = [torch.from_numpy(np.array(Image.open(f))).permute(2, 0, 1)[None] / 127.5 - 1 for f in files]
    features = torch.cat([network(p)[-1].mean((2, 3)) for p in pictures])
    return features.double(), network.logits(features)


def by_name(out: str) -> dict[str, dict]:
    return {record["metric"]: record for record in json.loads(out)["records"]}


def test_two_folders(semsyn: Callable[..., Result], sets: tuple[Path, Path], inception: Path, tmp_path: Path) -> None:
    run = ("evaluate", "--real", sets[0], "--fake", sets[1], "--inception", inception, "--batch", 3)
    result = semsyn(*run, "--json", "--out", tmp_path / "out")
    assert result.code == 0 and result.err == ""
    records = by_name(result.out)
    assert json.loads(result.out) == json.loads((tmp_path / "out" / "records.json").read_text())
    (real, _), (fake, logits) = (features_of(folder, inception) for folder in sets)
    wanted = frechet_distance(*feature_statistics(real), *feature_statistics(fake))
    assert records["fid"]["value"] == pytest.approx(wanted, rel=1e-5) and wanted > 1e-3
    assert records["fid"]["details"] == {"is_rank_deficient": True}
    assert records["inception_score"]["value"] == pytest.approx(inception_score(logits)[0], rel=1e-6)
    low, high = records["kid"]["interval"]
    assert low < records["kid"]["value"] < high
    for record in records.values():
        assert record["counts"] == {"real": 7, "generated": 5} and record["features"] == "inception-fid-128"
        assert record["protocol"]["name"] == "pytorch-fid" and record["subject"] == str(sets[1])
        assert record["sha256"].keys() == {"weights", "real", "generated"}
        assert record["versions"]["torch"] == torch.__version__
    again = semsyn(*run, "--resize", "16x16", "--dims", 12)
    assert again.code == 0 and "of inception-fid-12 (7 real, 5 generated), protocol pytorch-fid" in again.out


def test_statistics_kept_and_read(
    semsyn: Callable[..., Result], sets: tuple[Path, Path], inception: Path, tmp_path: Path
) -> None:
    options = ("--inception", inception, "--json")
    both = by_name(semsyn("evaluate", "--real", sets[0], "--fake", sets[1], *options).out)
    for target in (tmp_path / "real.npz", tmp_path / "pair"):
        kept = semsyn("evaluate", "--real", sets[0], "--write-statistics", target, "--inception", inception)
        assert kept.code == 0 and "statistics of 7 pictures, inception-fid-128" in kept.out
        found = by_name(semsyn("evaluate", "--real", target, "--fake", sets[1], *options).out)
        assert found["fid"]["value"] == pytest.approx(both["fid"]["value"], rel=1e-9)
        assert "kid" not in found, "features are not kept"
        assert any(name.startswith("statistics ") for name in found["fid"]["sha256"])
    other = semsyn("evaluate", "--real", tmp_path / "real.npz", "--fake", sets[1], *options, "--dims", 12)
    assert other.code == 2 and "statistics are of 128 numbers, but inception-fid-12 has 12" in other.err


def test_protocols_resize_and_say_what_was_not_kept_to(
    semsyn: Callable[..., Result], sets: tuple[Path, Path], inception: Path
) -> None:
    run = ("evaluate", "--real", sets[0], "--fake", sets[1], "--inception", inception)
    result = semsyn(*run, "--protocol", "spade-val", "--data-set", "cityscapes", "--json")
    record = by_name(result.out)["fid"]
    assert record["protocol"]["size"] == [256, 512] and record["protocol"]["name"] == "spade-val"
    assert record["notes"] == [
        "5 generated pictures, but protocol 'spade-val' has 500 of cityscapes: the FID of fewer is larger."
    ]
    result = semsyn(*run, "--protocol", "spade-val", "--resize", "32x48", "--filter", "nearest")
    assert "note: pictures were resized to 32x48 by nearest, but protocol 'spade-val' resizes to 256x256" in result.out
    write_pictures(sets[1], 1, 3, (8, 8))
    assert "several sizes (4 of 32x48, 1 of 8x8): is a contact sheet" in semsyn(*run).out
    assert "did you mean spade-val" in semsyn(*run, "--protocol", "spade").err
    assert "crops label maps" in semsyn(*run, "--protocol", "scgan-crop").err


def test_the_nearest_training_picture(
    semsyn: Callable[..., Result], sets: tuple[Path, Path], inception: Path, tmp_path: Path
) -> None:
    (sets[1] / "p2.png").write_bytes((sets[0] / "p6.png").read_bytes())
    unseen = write_pictures(tmp_path / "unseen", 4, 9)
    run = ("evaluate", "--real", sets[0], "--fake", sets[1], "--inception", inception, "--nearest", "--json")
    found = by_name(semsyn(*run, "--unseen", unseen).out)["nearest_training_picture"]["details"]
    assert found["nearest"][0]["picture"] == str(sets[1] / "p2.png")
    assert found["nearest"][0]["training_picture"] == str(sets[0] / "p6.png")
    assert 100 * found["nearest"][0]["distance"] < found["nearest"][1]["distance"]
    assert 0.2 < found["ratio_to_unseen"] < 5


def test_identical_sets_and_too_few_pictures(
    semsyn: Callable[..., Result], sets: tuple[Path, Path], inception: Path, tmp_path: Path
) -> None:
    same = by_name(semsyn("evaluate", "--real", sets[0], "--fake", sets[0], "--inception", inception, "--json").out)
    assert 0 <= same["fid"]["value"] < 1e-4
    one = write_pictures(tmp_path / "one", 1, 0)
    result = semsyn("evaluate", "--real", sets[0], "--fake", one, "--inception", inception)
    assert result.code == 2 and "at least two samples, found 1" in result.err


def test_generators_on_maps(
    semsyn: Callable[..., Result], inade: Path, sets: tuple[Path, Path], inception: Path, tmp_path: Path
) -> None:
    for i in range(3):
        write_map(tmp_path / "maps" / f"scene{i}.png", i)
        write_map(tmp_path / "instances" / f"scene{i}.png", i, 9)
    run = ("evaluate", inade, "--maps", tmp_path / "maps", "--instances", tmp_path / "instances")
    run += ("--real", sets[0], "--inception", inception, "--resize", "64x64")
    records = by_name(semsyn(*run, "--samples", 2, "--json").out)
    assert records["fid"]["counts"] == {"real": 7, "generated": 6} and records["fid"]["subject"] == str(inade)
    details = records["diversity"]["details"]
    assert details["maps"] == 3 and set(details["classes"]) <= {"sky", "sea", "sand", "tree", "road"}
    assert records["diversity"]["value"] > 0 and details["instances"] > 0

    made = ("generate", inade, tmp_path / "maps", "--instances", tmp_path / "instances", "--vary-seed")
    assert semsyn(*made, "--out", tmp_path / "made").code == 0
    apart = ("evaluate", "--real", sets[0], "--fake", tmp_path / "made", "--inception", inception)
    wanted = by_name(semsyn(*apart, "--resize", "64x64", "--json").out)
    found = by_name(semsyn(*run, "--json").out)
    assert found["fid"]["value"] == pytest.approx(wanted["fid"]["value"], rel=1e-5), "as through files"


def test_maps_that_a_segmenter_saw(semsyn: Callable[..., Result], tmp_path: Path) -> None:
    ids = np.zeros((4, 6), np.uint8)
    ids[:, 3:], ids[0] = 7, 255  # road, not labelled
    found = ids.copy()
    found[1, 0] = 7
    for folder, array in (("true", ids), ("seen", found)):
        (tmp_path / folder).mkdir()
        Image.fromarray(array).save(tmp_path / folder / "a.png")
    run = ("evaluate", "--predicted", tmp_path / "seen", "--maps", tmp_path / "true", "--space", "cityscapes-train-ids")
    records = by_name(semsyn(*run, "--json").out)
    assert records["accuracy"]["value"] == pytest.approx(17 / 18)
    assert records["miou"]["value"] == pytest.approx((8 / 9 + 9 / 10) / 2)
    assert records["miou"]["details"]["iou"]["road"] == pytest.approx(8 / 9)
    assert by_name(semsyn(*run, "--json", "--count-void").out)["accuracy"]["value"] == pytest.approx(17 / 24)
    (tmp_path / "seen" / "a.png").rename(tmp_path / "seen" / "b.png")
    assert "have no partner" in semsyn(*run).err


def test_what_cannot_be_measured(
    semsyn: Callable[..., Result], sets: tuple[Path, Path], inception: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    pictures = ("--real", sets[0], "--fake", sets[1])
    wrong = {
        "say what to measure: --toyscenes, --fake": (),
        "found --toyscenes and --fake": (*pictures, "--toyscenes"),
        "needs no generator: leave mine out": ("mine", *pictures),
        "--features inception needs weights: give --inception pt_inception": pictures,
        "is not there": ("--real", tmp_path / "nowhere", "--fake", sets[1], "--inception", inception),
        "--unseen is for --nearest": (*pictures, "--unseen", sets[0]),
        "has no map of 7 channels: there are 4, 12, 48, 128": (*pictures, "--inception", inception, "--dims", 7),
        "give --real and --fake": ("--fake", sets[1]),
    }
    for message, options in wrong.items():
        result = semsyn("evaluate", *options)
        assert result.code == 2 and message in result.err, result.err
    (tmp_path / "broken.pth").write_text("noise")
    result = semsyn("evaluate", *pictures, "--inception", tmp_path / "broken.pth")
    assert result.code == 2 and "broken.pth" in result.err


def test_class_by_class(
    semsyn: Callable[..., Result], sets: tuple[Path, Path], inception: Path, tmp_path: Path
) -> None:
    for folder, count in (("real-maps", 7), ("fake-maps", 5)):
        for i in range(count):
            write_map(tmp_path / folder / f"p{i}.png", i, 3)
    run = (
        "evaluate",
        "--real",
        sets[0],
        "--fake",
        sets[1],
        "--inception",
        inception,
        "--space",
        "cityscapes-train-ids",
    )
    run += ("--real-maps", tmp_path / "real-maps", "--space", "cityscapes-train-ids", "--dims", 12, "--json")
    record = by_name(semsyn(*run, "--fake-maps", tmp_path / "fake-maps").out)["class_fid"]
    classes = record["details"]["classes"]
    assert list(classes) == ["road", "sidewalk", "building"] and classes["road"]["real"] == 7
    assert record["value"] == pytest.approx(sum(c["fid"] for c in classes.values()) / 3)
    assert "need both --real-maps and --fake-maps" in semsyn(*run).err


@pytest.fixture
def lpips(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[LPIPS, tuple[object, ...]]:
    """A small one, and the options that ask for it."""
    torch.manual_seed(0)
    small = LPIPS(AlexNetFeatures((2, 3, 4, 4, 4)), [torch.rand(c) for c in (2, 3, 4, 4, 4)])
    (tmp_path / "lpips.ckpt").write_text("weights")
    monkeypatch.setattr("semsyn.cli.feature_options.read_lpips", lambda name, file: small)
    return small, ("--lpips", "alexnet", "--lpips-file", tmp_path / "lpips.ckpt")


def test_lpips_of_pairs_and_of_samples(
    semsyn: Callable[..., Result], inade: Path, sets: tuple[Path, Path], inception: Path, lpips, tmp_path: Path
) -> None:
    distance, options = lpips
    run = ("evaluate", "--real", sets[0], "--inception", inception, "--json", *options)
    assert "have no partner" in semsyn(*run, "--fake", sets[1]).err
    other = write_pictures(tmp_path / "other", 7, 1)
    (other / "p0.png").write_bytes((sets[0] / "p0.png").read_bytes())
    records = by_name(semsyn(*run, "--fake", other).out)
    pairs = [(read_image(sets[0] / f"p{i}.png")[None], read_image(other / f"p{i}.png")[None]) for i in range(7)]
    wanted = torch.stack([distance(a, b) for a, b in pairs]).mean()
    assert records["lpips"]["value"] == pytest.approx(float(wanted), rel=1e-5)
    noise = torch.stack([-10 * ((a - b) / 2).square().mean().log10() for a, b in pairs[1:]])
    assert records["psnr"]["value"] == pytest.approx((float(noise.sum()) + 126.0206) / 7, rel=1e-4)
    assert "lpips" in records["lpips"]["sha256"]

    write_map(tmp_path / "maps" / "a.png", 0)
    samples = ("evaluate", inade, "--maps", tmp_path / "maps", "--instances", tmp_path / "maps", "--samples", 3)
    found = by_name(semsyn(*samples, *run[1:], "--resize", "64x64").out)
    assert found["lpips_diversity"]["value"] > 0 and found["lpips_diversity"]["details"] == {"maps": 1}


@pytest.mark.slow
def test_processes_of_torchrun_find_what_one_does(
    semsyn: Callable[..., Result], inade: Path, inception: Path, tmp_path: Path
) -> None:
    real = write_pictures(tmp_path / "real", 9, 0, (96, 96))
    maps = [write_map(tmp_path / "maps" / f"scene{i}.png", i) for i in range(5)]
    run = (inade, "--maps", maps[0].parent, "--instances", maps[0].parent, "--real", real, "--inception", inception)
    run += ("--samples", 2, "--json", "--splits", 2)
    first, second = start_ranks("evaluate", *run, "--out", tmp_path / "two")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert second.stdout == ""
    argv = [sys.executable, "-m", "semsyn", "evaluate", *map(str, run)]  # with pictures of 299 pixels, as they have
    alone = by_name(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    together = by_name(first.stdout)
    assert together.keys() == alone.keys() == {"fid", "kid", "inception_score", "diversity"}
    for metric, record in alone.items():
        assert together[metric]["value"] == pytest.approx(record["value"], rel=1e-6), metric
        assert together[metric]["sha256"] == record["sha256"] and together[metric]["counts"] == record["counts"]
