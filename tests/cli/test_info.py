import json
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.hub.models import make_generator, write_originals


def test_a_released_network(semsyn: Callable) -> None:
    code, out, err = semsyn("info", "clade/ade20k")
    assert (code, err) == (0, "")
    assert "CC-BY-NC-SA-4.0 (no commercial use)" in out
    assert "semsyn convert ade20k --card clade/ade20k --out clade-ade20k.safetensors" in out


def test_a_bundled_network(semsyn: Callable) -> None:
    assert "semsyn generate clade/toyscenes map.png --out pictures" in semsyn("info", "clade/toyscenes").out


def test_a_preset_without_weights(semsyn: Callable) -> None:
    out = semsyn("info", "spade/cityscapes-vae").out
    assert 'semsyn.create("spade/cityscapes-vae")' in out
    assert "on the command line" not in out


def test_json(semsyn: Callable) -> None:
    found = json.loads(semsyn("info", "clade/ade20k", "--json").out)
    assert found["config"]["num_classes"] == 151
    assert found["original"]["files"] == {"generator": "best_net_G.pth"}
    assert found["commands"][1] == "semsyn generate clade-ade20k.safetensors map.png --out pictures"


def test_an_unknown_name(semsyn: Callable) -> None:
    code, out, err = semsyn("info", "clade/ade2k")
    assert (code, out) == (2, "")
    assert err.startswith("semsyn: error: unknown name 'clade/ade2k'; did you mean clade/ade20k")


def test_a_file_that_was_converted(clade: Path, tmp_path: Path, semsyn: Callable) -> None:
    found = semsyn("info", clade)
    assert (found.code, found.err) == (0, "")
    for line in (
        "clade/custom\n",
        "network  CLADE, 5 classes, width 1, 64×64\n",
        f"weights  in {clade}\n",
        "labels   five\n",
        f"semsyn generate {clade} map.png --out pictures",
    ):
        assert line in found.out
    data = json.loads(semsyn("info", clade, "--json").out)
    assert (data["name"], data["file"], data["label_space"]) == ("clade/custom", str(clade), "five")
    (tmp_path / "folder").mkdir()
    shutil.copy(clade, tmp_path / "folder" / "model.safetensors")
    assert "in " in semsyn("info", tmp_path / "folder").out


def test_a_file_that_was_not(tmp_path: Path, semsyn: Callable) -> None:
    folder = write_originals(make_generator("clade-icpe"), tmp_path)
    for name, message in (
        (folder / "latest_net_G.pth", "was not written by semsyn"),
        (folder, "no file"),
        (tmp_path / "absent.safetensors", "there is no file"),
        ("clade/absent", "unknown name 'clade/absent'"),
    ):
        code, _, err = semsyn("info", name)
        assert code == 2 and message in err
