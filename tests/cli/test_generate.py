import json
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.hub import load_pretrained
from tests.cli.conftest import SPACE, write_map
from tests.hub.models import make_generator, write_originals


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def list_files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_pictures_are_those_of_render(clade: Path, maps: Path, tmp_path: Path, semsyn: Callable) -> None:
    out = tmp_path / "out" / "deep"
    squashed = "3 of 3 maps, as scene0.png, changed in aspect, from 40x56 to 64x64; --size as-map keeps it"
    assert semsyn("generate", clade, maps, "--out", out) == (0, f"3 pictures of 64x64 in {out}\n{squashed}\n", "")
    assert list_files(out) == ["scene0.png", "scene1.png", "scene2.png"]
    generator = load_pretrained(clade)
    for path in maps.iterdir():
        assert np.array_equal(read(out / path.name), np.asarray(generator.render(path)))


def test_a_terminal_sees_how_far_it_is(
    clade: Path, maps: Path, tmp_path: Path, semsyn: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    argv = ("generate", clade, maps, "--out", tmp_path / "out", "--overwrite")
    assert "3/3" in semsyn(*argv).err
    assert semsyn(*argv, "--json").err == ""
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert semsyn(*argv).err == "", "the first process alone"


def test_samples_seed_instances_and_reference(inade: Path, maps: Path, tmp_path: Path, semsyn: Callable) -> None:
    instances = write_map(tmp_path / "instances" / "scene0.png", seed=9, ids=7)
    reference = tmp_path / "photo.jpg"
    Image.effect_noise((90, 70), 80).convert("RGB").save(reference)
    argv = ("generate", inade, maps / "scene0.png", "--instances", instances.parent, "--seed", 5, "--truncation", 0.5)
    assert semsyn(*argv, "--samples", 10, "--out", tmp_path / "drawn").code == 0
    assert semsyn(*argv, "--reference", reference, "--out", tmp_path / "encoded").code == 0
    generator = load_pretrained(inade)
    given = {"instance_map": instances, "truncation": 0.5, "output": "np"}
    expected = generator.render(maps / "scene0.png", seed=5, samples=10, **given)
    for j in (0, 7, 8, 9):  # a batch ends after 8
        levels = read(tmp_path / "drawn" / f"scene0_{j}.png").astype(int) - expected[j]
        assert np.abs(levels).max() <= 1
    assert np.abs(expected[8].astype(int) - expected[0]).max() > 1
    encoded = generator.render(maps / "scene0.png", seed=5, reference=reference, **given)[0]
    assert np.array_equal(read(tmp_path / "encoded" / "scene0.png"), encoded)


def test_one_class_is_drawn_anew(oasis: Path, maps: Path, tmp_path: Path, semsyn: Callable) -> None:
    argv = ("generate", oasis, maps / "scene0.png", "--seed", 5)
    out = tmp_path / "out"
    code, text, _ = semsyn(*argv, "--resample-class", "sand", "--samples", 9, "--json", "--out", out)
    assert code == 0
    assert [entry["seed"] for entry in json.loads(text)["pictures"]] == list(range(6, 15))
    assert semsyn(*argv, "--resample-class", "sand", "--out", tmp_path / "one").code == 0
    assert semsyn(*argv, "--out", tmp_path / "plain").code == 0
    generator = load_pretrained(oasis)
    expected = generator.render(maps / "scene0.png", seed=5, samples=9, resample_classes=["sand"], output="np").astype(
        int
    )
    for j in (0, 7, 8):  # a batch ends after 8
        assert np.abs(read(out / f"scene0_{j}.png") - expected[j]).max() <= 1
    assert np.abs(read(tmp_path / "one" / "scene0.png") - expected[0]).max() <= 1
    assert np.abs(read(tmp_path / "plain" / "scene0.png") - expected[0]).max() > 3
    both = semsyn(*argv, "--resample-class", "sand", "--resample-class", "sea", "--out", tmp_path / "both")
    assert both.code == 0


def test_a_class_that_cannot_be_drawn_anew(
    oasis: Path, clade: Path, maps: Path, tmp_path: Path, semsyn: Callable
) -> None:
    out = tmp_path / "out"
    code, _, err = semsyn("generate", oasis, maps, "--resample-class", "sandy", "--out", out)
    assert code == 2 and "unknown class 'sandy'; did you mean sand" in err
    code, _, err = semsyn("generate", clade, maps, "--resample-class", "sand", "--out", out)
    assert code == 2 and "draws nothing for each region, which --resample-class needs" in err
    assert not list_files(out)


def test_json_and_sheet(inade: Path, maps: Path, tmp_path: Path, semsyn: Callable) -> None:
    out = tmp_path / "out"
    code, text, _ = semsyn("generate", inade, maps, "--out", out, "--samples", 2, "--seed", 3, "--sheet", "--json")
    assert code == 0
    found = json.loads(text)
    assert found["size"] == [64, 64]
    assert found["sheets"] == [str(out / "sheet.png")]
    assert found["pictures"][:2] == [
        {"map": str(maps / "scene0.png"), "picture": str(out / f"scene0_{j}.png"), "seed": 3 + j} for j in range(2)
    ]
    assert list_files(out) == sorted([f"scene{i}_{j}.png" for i in range(3) for j in range(2)] + ["sheet.png"])
    sheet = read(out / "sheet.png")
    assert np.array_equal(sheet[4:68, 72:136], read(out / "scene0_0.png"))
    assert np.array_equal(sheet[4 + 68 : 68 + 68, 140:204], read(out / "scene1_1.png"))
    assert np.array_equal(sheet[4, 4], SPACE.palette[read(maps / "scene0.png")[0, 0]])


def test_many_maps_take_several_sheets(clade: Path, tmp_path: Path, semsyn: Callable) -> None:
    for i in range(17):
        write_map(tmp_path / "maps" / f"{i}.png", i)
    out = tmp_path / "out"
    text = semsyn("generate", clade, tmp_path / "maps", "--out", out, "--sheet").out
    assert text.splitlines()[-1] == f"contact sheets: {out / 'sheet_1.png'} to sheet_2.png"
    assert len(list_files(out)) == 19


def test_size_dtype_and_space(clade: Path, tmp_path: Path, semsyn: Callable) -> None:
    label_map = write_map(tmp_path / "a.png", ids=6)
    out = tmp_path / "out"
    assert semsyn("inspect", label_map, "--space", write_space(tmp_path, void=5)).code == 0
    argv = ("generate", clade, label_map, "--out", out, "--size", "64x96", "--dtype", "bfloat16", "--device", "cpu")
    code, _, err = semsyn(*argv)
    assert code == 2
    assert f"{label_map}: it holds 5 in" in err
    assert "which label space 'five' (5 classes) lacks" in err
    assert "semsyn inspect" in err
    assert semsyn(*argv, "--space", write_space(tmp_path, remap={"5": 4})).code == 0
    assert read(out / "a.png").shape == (64, 96, 3)
    code, _, err = semsyn(*argv, "--space", "facades", "--overwrite")
    assert code == 2
    assert "'facades' has 13 classes" in err


def test_a_space_of_the_same_classes_is_read_by_their_names(clade: Path, tmp_path: Path, semsyn: Callable) -> None:
    label_map, classes = write_map(tmp_path / "a.png"), SPACE.classes
    turned = Image.fromarray((read(label_map) + 1) % len(classes))
    turned.save(tmp_path / "turned.png")
    space = write_space(tmp_path, classes=[classes[-1], *classes[:-1]], palette=[], remap={})
    argv = ("generate", clade, "--overwrite", "--out", tmp_path / "out")
    assert semsyn(*argv, label_map).code == 0
    code, _, err = semsyn(*argv, tmp_path / "turned.png", "--space", space)
    assert code == 0 and "in another order: read by their names" in err
    assert np.array_equal(read(tmp_path / "out" / "turned.png"), read(tmp_path / "out" / "a.png"))
    code, _, err = semsyn(*argv, label_map, "--space", write_space(tmp_path, classes=["x", *classes[1:]]))
    assert code == 2 and f"'x' is only in '{SPACE.name}', '{classes[0]}' is only in" in err


def test_each_map_has_its_own_seed_where_that_is_wanted(
    inade: Path, clade: Path, maps: Path, tmp_path: Path, semsyn: Callable
) -> None:
    out = tmp_path / "out"
    argv = ("generate", inade, maps, "--seed", 3, "--out", out, "--overwrite")
    assert "all maps share the codes of seed 3; --vary-seed draws" in semsyn(*argv).out
    assert "share" not in semsyn(*argv, "--vary-seed").out
    pictures = json.loads(semsyn(*argv, "--vary-seed", "--json").out)["pictures"]
    assert len({picture["seed"] for picture in pictures}) == len(pictures) == 3
    one = tmp_path / "one"
    again = json.loads(semsyn(*argv[:2], maps / "scene1.png", *argv[3:5], "--vary-seed", "--json", "--out", one).out)
    assert again["pictures"][0]["seed"] == pictures[1]["seed"], "whatever other maps there are"
    expected = load_pretrained(inade).render(maps / "scene1.png", seed=pictures[1]["seed"])
    assert np.abs(read(one / "scene1.png").astype(int) - np.asarray(expected)).max() <= 1
    assert "--vary-seed changes nothing" in semsyn("generate", clade, maps, "--vary-seed", "--out", tmp_path / "b").err


def write_space(folder: Path, **changes: object) -> Path:
    path = folder / "space.json"
    path.write_text(json.dumps(SPACE.to_dict() | changes))
    return path


def test_colour_maps_are_read_by_the_palette(clade: Path, maps: Path, tmp_path: Path, semsyn: Callable) -> None:
    drawn = SPACE.to_colors(torch.from_numpy(read(maps / "scene0.png").copy()))
    Image.fromarray(drawn.numpy()).save(tmp_path / "coloured.png")
    assert (
        semsyn("generate", clade, tmp_path / "coloured.png", maps / "scene0.png", "--out", tmp_path / "out").code == 0
    )
    assert np.array_equal(read(tmp_path / "out" / "coloured.png"), read(tmp_path / "out" / "scene0.png"))


def test_existing_pictures_are_kept_and_nothing_is_made(
    clade: Path, maps: Path, tmp_path: Path, semsyn: Callable
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "scene1.png").write_bytes(b"mine")
    code, text, err = semsyn("generate", clade, maps, "--out", out)
    assert (code, text) == (2, "")
    assert "scene1.png exists and was kept; pass --overwrite" in err
    assert list_files(out) == ["scene1.png"]
    assert (out / "scene1.png").read_bytes() == b"mine"
    assert semsyn("generate", clade, maps, "--out", out, "--overwrite").code == 0
    assert read(out / "scene1.png").shape == (64, 64, 3)


def test_the_maps_are_never_replaced(clade: Path, maps: Path, semsyn: Callable) -> None:
    before = (maps / "scene0.png").read_bytes()
    code, _, err = semsyn("generate", clade, maps / "scene0.png", "--out", maps, "--overwrite")
    assert code == 2
    assert "is one of the inputs" in err
    assert (maps / "scene0.png").read_bytes() == before


def test_samples_that_cannot_differ_are_told(clade: Path, maps: Path, tmp_path: Path, semsyn: Callable) -> None:
    err = semsyn("generate", clade, maps / "scene0.png", "--samples", 2, "--out", tmp_path / "out").err
    assert "semsyn: warning: " in err
    assert "all samples of a map are the same picture" in err


def write_bomb(path: Path) -> None:
    """A PNG header that promises 40000 x 40000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


def write_cut_off(path: Path) -> None:
    write_map(path, size=(400, 400))
    path.write_bytes(path.read_bytes()[:200])


BAD_MAPS: dict[str, tuple[Callable[[Path], object], str]] = {
    "ids": (lambda path: Image.new("L", (6, 4), 255).save(path), "it holds 255 in 24 pixels"),
    "colours": (lambda path: Image.new("RGB", (6, 4), "pink").save(path), "which the palette of 'five' does not have"),
    "bomb": (write_bomb, "too large to be opened safely"),
    "cut-off": (write_cut_off, "is damaged or cut off"),
    "empty-file": (lambda path: path.write_bytes(b""), "is not a picture"),
    "text": (lambda path: path.write_text("hello"), "is not a picture"),
    "absent": (lambda path: None, "is not there"),
    "empty-folder": (lambda path: path.mkdir(), "holds no picture"),
}


@pytest.mark.parametrize(("write", "message"), BAD_MAPS.values(), ids=BAD_MAPS)
def test_a_bad_map_is_named_before_any_picture_is_made(
    write: Callable[[Path], object], message: str, clade: Path, maps: Path, tmp_path: Path, semsyn: Callable
) -> None:
    bad = tmp_path / "bad.png"
    write(bad)
    code, text, err = semsyn("generate", clade, maps, bad, "--out", tmp_path / "out")
    assert (code, text) == (2, "")
    assert err.startswith(f"semsyn: error: {bad}")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists() or list_files(tmp_path / "out") == []


def test_colours_without_a_palette(maps: Path, tmp_path: Path, semsyn: Callable) -> None:
    from semsyn.hub import save_pretrained

    weights = save_pretrained(make_generator("clade-icpe"), tmp_path / "a.safetensors")
    Image.new("RGB", (6, 4), "pink").save(tmp_path / "a.png")
    code, _, err = semsyn("generate", weights, tmp_path / "a.png", "--out", tmp_path / "out")
    assert code == 2
    assert "a.png is a colour picture, but no label space is given" in err


def test_an_instance_map_of_another_size(inade: Path, maps: Path, tmp_path: Path, semsyn: Callable) -> None:
    other = write_map(tmp_path / "other.png", size=(64, 64))
    code, _, err = semsyn("generate", inade, maps / "scene0.png", "--instances", other, "--out", tmp_path / "out")
    assert code == 2
    assert "scene0.png: instance_map is 1 x 64 x 64 but label_map is 1 x 40 x 56" in err


def test_weights_that_are_not_there(maps: Path, tmp_path: Path, semsyn: Callable) -> None:
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    for name, message in (
        ("clade/ade2k", "unknown name 'clade/ade2k'; did you mean clade/ade20k"),
        ("clade/ade20k", "the weights of clade/ade20k do not come with semsyn (CC-BY-NC-SA-4.0)"),
        ("spade/cityscapes-vae", "no weights of spade/cityscapes-vae were released"),
        ("./absent.safetensors", "there is no file"),
        (tmp_path / "cut.safetensors", "truncated, damaged or no checkpoint"),
        (tmp_path, "holds neither model.safetensors nor"),
    ):
        code, text, err = semsyn("generate", name, maps, "--out", tmp_path / "out")
        assert (code, text) == (2, "")
        assert message in err
        assert err.count("\n") == 1


def test_no_network_is_wanted(maps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, semsyn: Callable) -> None:
    argv = ("generate", "someone/network-that-is-nowhere", maps, "--out", tmp_path / "out")
    code, _, err = semsyn(*argv, "--offline")
    assert code == 2
    assert "is not in the cache and the network is switched off" in err
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert semsyn(*argv) == (code, "", err)


@pytest.mark.slow  # the client tries six times, with pauses of 23 s in all
def test_a_network_that_does_not_answer(
    maps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, semsyn: Callable
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    code, _, err = semsyn("generate", "someone/network-that-is-nowhere", maps, "--out", tmp_path / "out")
    assert code == 2
    assert err.splitlines()[-1].startswith("semsyn: error: model.safetensors of someone/network-that-is-nowhere is not")
    assert "the Hub cannot be reached; check the network" in err


def test_an_original_checkpoint_of_another_card(maps: Path, tmp_path: Path, semsyn: Callable) -> None:
    folder = write_originals(make_generator("clade-icpe"), tmp_path / "originals")
    code, _, err = semsyn("generate", "clade/ade20k", maps, "--checkpoint", folder, "--out", tmp_path / "out")
    assert code == 2
    assert "the file does not fit card clade/ade20k" in err


def test_requests_that_the_network_cannot_meet(
    clade: Path, inade: Path, maps: Path, tmp_path: Path, semsyn: Callable
) -> None:
    (tmp_path / "file").write_text("")
    out = ("--out", tmp_path / "out")
    for argv, message in (
        ((clade, maps, "--out", tmp_path / "file" / "out"), "cannot be written to: Not a directory"),
        ((clade, maps, "--out", tmp_path / "file"), "cannot be written to: File exists"),
        ((clade, maps, *out, "--size", "60x64"), "multiples of"),
        ((inade, maps, *out, "--size", "96x96"), "makes pictures of 64x64 only"),
        ((clade, maps, *out, "--reference", maps / "scene0.png"), "has no encoder, which --reference needs"),
        ((inade, maps, *out, "--reference", tmp_path / "absent.jpg"), "absent.jpg is not there"),
        ((clade, maps, *out, "--device", "abacus"), "--device abacus cannot be used here"),
        ((clade, maps, *out, "--device", "meta"), "--device meta cannot be used here"),
        ((clade, maps, *out, "--revision", "v1"), "revision"),
    ):
        code, text, err = semsyn("generate", *argv)
        assert (code, text) == (2, ""), argv
        assert message in err
        assert err.count("\n") == 1
