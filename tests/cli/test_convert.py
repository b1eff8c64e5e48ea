import json
import os
import pickle
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from semsyn.hub import load_pretrained
from tests.hub.models import make_generator, paint, write_originals

CLADE_FACTS = ("--image-size", "64x64", "--upsampling", "normal")


class Program:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    return write_originals(make_generator("clade-icpe"), tmp_path / "originals")


def test_a_converted_file_gives_the_same_pictures(originals: Path, tmp_path: Path, semsyn: Callable) -> None:
    out = tmp_path / "new" / "a.safetensors"
    code, text, err = semsyn("convert", originals, "--out", out, *CLADE_FACTS)
    assert (code, err) == (0, "")
    assert text.startswith("latest_net_G.pth: CLADE, 5 classes, ICPE, width 2, 64×64\n")
    assert f"written  {out}" in text
    assert torch.equal(paint(load_pretrained(out)), paint(make_generator("clade-icpe")))


def test_json_and_the_label_space(originals: Path, tmp_path: Path, semsyn: Callable) -> None:
    space = tmp_path / "space.json"
    space.write_text('{"name": "mine", "classes": ["a", "b", "c", "d", "e"]}')
    argv = ("convert", originals / "latest_net_G.pth", "--out", tmp_path / "a.safetensors", *CLADE_FACTS, "--json")
    found = json.loads(semsyn(*argv, "--space", space).out)
    assert found["verdict"] == "CLADE, 5 classes, ICPE, width 2, 64×64"
    assert found["config"]["has_offsets"] is True
    assert found["label_space"]["name"] == "mine"
    assert len(found["origin"][0]["sha256"]) == 64
    assert load_pretrained(tmp_path / "a.safetensors").label_space.name == "mine"


def test_an_encoder_of_its_own(tmp_path: Path, semsyn: Callable) -> None:
    folder = write_originals(make_generator("inade"), tmp_path / "originals")
    encoder = (folder / "latest_net_E.pth").rename(tmp_path / "elsewhere.pth")
    argv = ("convert", folder / "latest_net_G.pth", "--out", tmp_path / "a.safetensors", *CLADE_FACTS)
    assert "encoder" in semsyn(*argv, "--encoder", encoder).out
    assert load_pretrained(tmp_path / "a.safetensors").encoder is not None


def test_edges_of_spade_are_asked_for(tmp_path: Path, semsyn: Callable) -> None:
    folder = write_originals(make_generator("spade"), tmp_path / "originals")
    argv = ("convert", folder, *CLADE_FACTS, "--json")
    code, _, err = semsyn(*argv, "--out", tmp_path / "a.safetensors")
    assert code == 2
    assert "5 label channels" in err
    assert "On the command line: --card NAME, --image-size HxW, --upsampling NAME, --edges or --no-edges" in err
    for flag, classes in (("--edges", 4), ("--no-edges", 5)):
        found = json.loads(semsyn(*argv, "--out", tmp_path / f"a{flag}.safetensors", flag).out)
        assert found["config"]["num_classes"] == classes


def test_a_name_a_key_and_notes(originals: Path, tmp_path: Path, semsyn: Callable) -> None:
    path, out = originals / "latest_net_G.pth", tmp_path / "a.safetensors"
    state = torch.load(path)
    torch.save({"G": state, "ema": state | {"conv_img.bias": torch.ones(3)}}, path)
    argv = ("convert", path, "--out", out, *CLADE_FACTS)
    code, _, err = semsyn(*argv)
    assert code == 2 and "'ema' (" in err and "--key" in err
    found = semsyn(*argv, "--key", "ema", "--name", "clade/mine")
    assert (found.code, found.err) == (0, "")
    assert "name     clade/mine\n" in found.out
    assert "note     the generator is 'ema' in latest_net_G.pth\n" in found.out
    assert load_pretrained(out).card.name == "clade/mine"
    notes = json.loads(semsyn(*argv, "--key", "G", "--overwrite", "--json").out)["notes"]
    assert notes[0] == "the generator is 'G' in latest_net_G.pth"
    assert "maps are read as they are stored" in notes[1]
    for name in ("spade/mine", "mine", "", "clade/a b"):
        code, _, err = semsyn(*argv, "--key", "G", "--overwrite", "--name", name)
        assert code == 2 and "name" in err, name


def test_the_data_set_of_the_options_is_said(tmp_path: Path, semsyn: Callable) -> None:
    folder = write_originals(make_generator("oasis", num_classes=183), tmp_path / "originals")
    (folder / "opt.pkl").write_bytes(pickle.dumps(Namespace(dataset_mode="coco", z_dim=6, gpu_ids=[0])))
    found = semsyn("convert", folder, "--out", tmp_path / "a.safetensors")
    assert (found.code, found.err) == (0, "")
    assert "OASIS, 183 classes, code 6, width 2, 256×256\n" in found.out
    assert "labels   coco-stuff-unknown-first\n" in found.out
    assert "note     opt.pkl names data set 'coco': its maps are read as 'coco-stuff-unknown-first'\n" in found.out


def test_no_input_is_overwritten(tmp_path: Path, semsyn: Callable) -> None:
    folder = write_originals(make_generator("inade"), tmp_path)
    encoder = (folder / "latest_net_E.pth").rename(tmp_path / "encoder.safetensors")
    options = tmp_path / "options.safetensors"
    options.write_text("label_nc: 5\ncrop_size: 64\n")
    for taken in (encoder, options):
        before = taken.read_bytes()
        code, _, err = semsyn(
            *("convert", folder / "latest_net_G.pth", "--encoder", encoder, "--options", options, "--out", taken),
            "--overwrite",
        )
        assert code == 2 and "which is read; give another name" in err
        assert taken.read_bytes() == before
    (folder / "latest_net_G.pth").unlink()
    generator = tmp_path / "latest_net_G.safetensors"  # of a folder, which is named alone
    save_file({"a": torch.zeros(1)}, generator)
    before = generator.read_bytes()
    result = semsyn("convert", folder, "--out", generator, "--overwrite")
    assert result.code == 2 and "which is read; give another name" in result.err and generator.read_bytes() == before
    assert semsyn("convert", folder, "--out", "").code == 2


def test_files_in_a_folder_that_is_read_stay(tmp_path: Path, semsyn: Callable) -> None:
    folder, supports = write_originals(make_generator("ipose"), tmp_path / "g"), tmp_path / "supports"
    supports.mkdir()
    (supports / "a.safetensors").write_text("mine")
    out = ("--out", supports / "a.safetensors", "--overwrite", "--supports", supports)
    result = semsyn("convert", folder, *out)
    assert result.code == 2 and "lies in it, which is read" in result.err
    assert (supports / "a.safetensors").read_text() == "mine"


def test_names_that_are_no_text(tmp_path: Path, semsyn: Callable) -> None:
    folder = write_originals(make_generator(), tmp_path / os.fsdecode(b"\xff"))
    (folder / "latest_net_G.pth").rename(folder / os.fsdecode(b"\xfe_net_G.pth"))
    out = folder / os.fsdecode(b"\xfd.safetensors")
    result = semsyn("convert", folder / os.fsdecode(b"\xfe_net_G.pth"), "--out", out, *CLADE_FACTS)
    assert result.code == 0, result.err
    assert load_pretrained(out).card.origin[0].file == "\\udcfe_net_G.pth"


def test_an_existing_file_is_kept(originals: Path, tmp_path: Path, semsyn: Callable) -> None:
    out = tmp_path / "a.safetensors"
    out.write_bytes(b"mine")
    argv = ("convert", originals, "--out", out, *CLADE_FACTS)
    code, _, err = semsyn(*argv)
    assert code == 2
    assert "a.safetensors exists and was kept; pass --overwrite" in err
    assert out.read_bytes() == b"mine"
    assert semsyn(*argv, "--overwrite").code == 0
    assert load_pretrained(out).config.num_classes == 5


def write_truncated(path: Path) -> None:
    torch.save({"w": torch.zeros(100, 100)}, path)
    path.write_bytes(path.read_bytes()[:5000])


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (write_truncated, "is truncated, damaged or no checkpoint"),
    "malicious": (
        lambda path: torch.save({"w": torch.ones(1), "x": Program(path.with_name("trace"))}, path),
        "holds code or Python objects",
    ),
    "web-page": (lambda path: path.write_text("<!DOCTYPE html>"), "is a web page"),
    "absent": (lambda path: None, "there is no file"),
    "foreign": (lambda path: torch.save({"conv1.weight": torch.ones(1)}, path), "holds no generator of "),
}


@pytest.mark.parametrize(("write", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_checkpoints(write: Callable[[Path], object], message: str, tmp_path: Path, semsyn: Callable) -> None:
    path = tmp_path / "latest_net_G.pth"
    write(path)
    code, out, err = semsyn("convert", path, "--out", tmp_path / "a.safetensors", *CLADE_FACTS)
    assert (code, out) == (2, "")
    assert err.startswith("semsyn: error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not (tmp_path / "a.safetensors").exists()
    assert not (tmp_path / "trace").exists()


def test_wrong_requests(originals: Path, tmp_path: Path, semsyn: Callable) -> None:
    out = tmp_path / "a.safetensors"
    for argv, message in (
        (("--out", tmp_path / "a.pth"), "must end in .safetensors"),
        (("--out", out, "--card", "clade/ade2k"), "unknown name 'clade/ade2k'; did you mean clade/ade20k"),
        (("--out", out, "--card", "clade/ade20k"), "the file does not fit card clade/ade20k"),
        (("--out", out, "--card", "spade/ade20k"), "spade/ade20k is SPADE"),
        (("--out", out, "--image-size", "65x64", "--upsampling", "normal"), "multiples of"),
        (("--out", originals / "latest_net_G.pth" / "a.safetensors", *CLADE_FACTS), "cannot be written"),
        (("--out", out, *CLADE_FACTS, "--space", "toyscenes"), "'toyscenes' has 15 classes, the generator 5"),
    ):
        code, _, err = semsyn("convert", originals, *argv)
        assert code == 2, argv
        assert message in err, err
        assert not out.exists()
    out.mkdir()
    assert "is a folder" in semsyn("convert", originals, "--out", out, *CLADE_FACTS).err
