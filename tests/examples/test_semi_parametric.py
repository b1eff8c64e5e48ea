"""The example runs on any SIMS generator with a bank."""

import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from semsyn.data.bank.build import build_bank
from semsyn.data.bank.groups import class_groups
from semsyn.data.bank.manifest import BankConfig
from semsyn.data.bank.scenes import ToyBankScenes
from semsyn.data.spaces.label_space import label_space
from semsyn.hub import save_pretrained
from semsyn.models import SIMSConfig
from tests.hub.models import make_generator


@pytest.fixture(scope="module")
def script(example):
    return example("semi_parametric")


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> list[str]:
    """Weights and a bank."""
    folder = tmp_path_factory.mktemp("sims")
    space, size = label_space("toyscenes"), (64, 128)
    config = BankConfig(space=space, groups=class_groups(space), size=size, smallest=0.004)
    bank = build_bank(folder / "bank", ToyBankScenes(3), config, workers=0)
    torch.manual_seed(0)
    generator = SIMSConfig(num_classes=15, image_size=size, width=1, candidates=2).build().eval()
    generator.label_space = space
    return ["--weights", str(save_pretrained(generator, folder / "sims.safetensors")), "--bank", str(bank.folder)]


def run(script, monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    monkeypatch.setattr(sys, "argv", ["semi_parametric.py", *options])
    script.main()


def test_it_draws_toyscenes(script, given, tmp_path, monkeypatch, capsys) -> None:
    sheet = tmp_path / "out" / "sheet.png"
    run(script, monkeypatch, *given, "--scenes", "2", "--out", str(sheet))
    assert Image.open(sheet).size == ((3 + script.DRAWS + 1) * 128, 2 * 64)
    said = capsys.readouterr().out
    assert said.count("segments found, mean overlap") == 2 and "covered" in said and "the scene itself" in said


def test_it_draws_label_maps(script, given, tmp_path, monkeypatch) -> None:
    sheet, street = tmp_path / "sheet.png", Path(script.__file__).parent / "maps" / "street.png"
    run(script, monkeypatch, str(street), *given, "--out", str(sheet))
    assert Image.open(sheet).size == ((3 + script.DRAWS) * 128, 64)


def test_it_refuses_generators_without_a_canvas(script, tmp_path, monkeypatch) -> None:
    weights = save_pretrained(make_generator("oasis"), tmp_path / "oasis.safetensors")
    with pytest.raises(SystemExit, match="composes no canvas"):
        run(script, monkeypatch, "--weights", str(weights))
