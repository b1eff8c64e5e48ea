"""``semsyn generate --bank BANK --show-canvas``."""

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.cli.main import main
from semsyn.data.bank.build import build_bank
from semsyn.data.bank.groups import class_groups
from semsyn.data.bank.manifest import BankConfig
from semsyn.data.bank.scenes import ToyBankScenes
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes.scene import draw_scene
from semsyn.hub.save import save_pretrained
from semsyn.models.sims import composer
from semsyn.models.sims.config import SIMSConfig
from tests.hub.models import make_generator

SIZE = (64, 128)


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A map, weights, a bank."""
    folder, space = tmp_path_factory.mktemp("sims"), label_space("toyscenes")
    config = BankConfig(space=space, groups=class_groups(space), size=SIZE, smallest=0.004)
    build_bank(folder / "bank", ToyBankScenes(3), config, workers=0)
    torch.manual_seed(0)
    generator = SIMSConfig(num_classes=15, image_size=SIZE, width=1, candidates=3).build().eval()
    generator.label_space = space
    save_pretrained(generator, folder / "sims.safetensors")
    scene = draw_scene(7, size=SIZE)
    Image.fromarray(scene.class_ids.astype(np.uint8)).save(folder / "map.png")
    return folder


def generate(given, out, *options):
    return main(["generate", str(given / "sims.safetensors"), str(given / "map.png"), "--out", str(out), *options])


def test_canvases_are_drawn_beside_the_pictures(given, tmp_path, monkeypatch):
    composed, paste = [], composer.paste
    monkeypatch.setattr(composer, "paste", lambda *args: composed.append(1) or paste(*args))
    options = ["--bank", str(given / "bank"), "--show-canvas", "--samples", "2", "--seed", "3"]
    assert generate(given, tmp_path, *options) == 0
    assert len(composed) == 2, "each canvas once, for the picture and beside it"
    names = {"map_0.png", "map_1.png", "map_0_canvas.png", "map_1_canvas.png"}
    assert {path.name for path in tmp_path.iterdir()} == names
    canvases = [np.asarray(Image.open(tmp_path / f"map_{i}_canvas.png")) for i in range(2)]
    assert canvases[0].shape == (64, 3 * 128, 3) and not np.array_equal(*canvases)
    asked = label_space("toyscenes").to_colors(torch.from_numpy(draw_scene(7, size=SIZE).class_ids))
    assert np.array_equal(canvases[0][:, :128], asked.numpy())
    assert generate(given, tmp_path, *options) == 2, "nothing is replaced"
    one = tmp_path / "one"
    assert generate(given, one, "--bank", str(given / "bank"), "--seed", "3") == 0
    assert np.array_equal(np.asarray(Image.open(one / "map.png")), np.asarray(Image.open(tmp_path / "map_0.png")))


def test_what_is_missing_or_too_much_is_told(given, tmp_path, capsys):
    assert generate(given, tmp_path) == 2
    assert "makes no pictures without its bank: give --bank" in capsys.readouterr().err
    assert generate(given, tmp_path, "--bank", str(tmp_path / "none")) == 2
    assert "none" in capsys.readouterr().err
    other = tmp_path / "oasis.safetensors"
    save_pretrained(make_generator("oasis"), other)
    map_file = str(given / "map.png")
    assert main(["generate", str(other), map_file, "--out", str(tmp_path / "out"), "--show-canvas"]) == 2
    assert "paints without a canvas: leave --show-canvas out" in capsys.readouterr().err
