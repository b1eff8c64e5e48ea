"""`semsyn generate` with references, planes, noise, single instances and the released ways of preprocessing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.data import read_image
from semsyn.generator.read_layout import read_layout
from semsyn.hub import load_pretrained, save_pretrained
from semsyn.models import SCGANConfig
from tests.cli.conftest import SPACE, write_map
from tests.hub.models import make_generator


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def write_photo(path: Path, seed: int, size: tuple[int, int] = (50, 70)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return path


def is_same(found: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.abs(found - np.asarray(expected).astype(int)).max() <= 1)


@pytest.fixture
def scenes(maps: Path) -> Path:
    """Three maps with instance maps, photographs, and the maps of the photographs beside them."""
    for i in range(3):
        write_map(maps.parent / "instances" / f"scene{i}.png", seed=9 + i, ids=7)
        write_photo(maps.parent / "photos" / f"scene{i}.jpg", i)
        write_map(maps.parent / "photo-maps" / f"scene{i}.png", seed=20 + i)
        write_map(maps.parent / "photo-instances" / f"scene{i}.png", seed=30 + i, ids=5)
    return maps.parent


def test_each_map_has_its_own_reference(inade: Path, scenes: Path, semsyn: Callable) -> None:
    out = scenes / "out"
    argv = ("generate", inade, scenes / "maps", "--instances", scenes / "instances", "--out", out)
    assert semsyn(*argv, "--reference", scenes / "photos", "--limit", 2).code == 0
    assert sorted(path.name for path in out.iterdir()) == ["scene0.png", "scene1.png"]
    generator = load_pretrained(inade)
    for i in range(2):
        expected = generator.render(
            scenes / f"maps/scene{i}.png",
            instance_map=scenes / f"instances/scene{i}.png",
            reference=scenes / f"photos/scene{i}.jpg",
            seed=0,
        )
        assert is_same(read(out / f"scene{i}.png"), expected)
    (scenes / "photos/scene1.jpg").unlink()
    code, _, err = semsyn(*argv, "--reference", scenes / "photos", "--overwrite")
    assert code == 2 and "photos holds no scene1.*" in err


def test_a_reference_of_another_scene_gives_styles_by_class(inade: Path, scenes: Path, semsyn: Callable) -> None:
    argv = ("generate", inade, scenes / "maps/scene0.png", "--instances", scenes / "instances", "--out", scenes / "out")
    other = ("--reference", scenes / "photos/scene1.jpg", "--reference-map", scenes / "photo-maps/scene1.png")
    assert semsyn(*argv, *other, "--reference-instances", scenes / "photo-instances/scene1.png").code == 0
    generator = load_pretrained(inade)
    layout = read_layout(generator, scenes / "maps/scene0.png", scenes / "instances/scene0.png")
    shown = read_layout(generator, scenes / "photo-maps/scene1.png", scenes / "photo-instances/scene1.png")
    pairs = {}
    for instance in layout.instance_ids.unique().tolist():
        class_id = int(layout.class_ids[layout.instance_ids == instance][0])
        found = shown.instance_ids[shown.class_ids == class_id]
        pairs |= {instance: int(found[0])} if len(found) else {}
    picture = read_image(scenes / "photos/scene1.jpg", size=(64, 64))[None]
    posterior = generator.encode(picture, shown).transfer(pairs, layout.num_instances)
    style = generator.sample_style(layout, seeds=[0], posterior=posterior)
    expected = generator.render(
        scenes / "maps/scene0.png", instance_map=scenes / "instances/scene0.png", style=style, output="np"
    )[0]
    assert is_same(read(scenes / "out/scene0.png"), expected)
    for lacking in (other[2:], ("--reference", scenes / "photos", "--reference-instances", scenes / "photo-instances")):
        code, _, err = semsyn(*argv, *lacking, "--overwrite")
        assert code == 2 and "need" in err


def test_one_instance_is_drawn_anew(inade: Path, scenes: Path, semsyn: Callable) -> None:
    out = scenes / "out"
    argv = ("generate", inade, scenes / "maps/scene0.png", "--instances", scenes / "instances", "--out", out)
    assert semsyn(*argv, "--seed", 4).code == 0
    stored = np.array(Image.open(scenes / "instances/scene0.png"))
    chosen = int(stored[20, 30])
    assert semsyn(*argv, "--seed", 4, "--resample-instance", chosen, "--samples", 2).code == 0
    generator = load_pretrained(inade)
    layout = read_layout(generator, scenes / "maps/scene0.png", scenes / "instances/scene0.png")
    style, anew = (generator.sample_style(layout, seeds=[seed]) for seed in (4, 6))
    expected = generator.render(
        scenes / "maps/scene0.png",
        instance_map=scenes / "instances/scene0.png",
        style=style.mix(anew, instances=[chosen], layout=layout),
        output="np",
    )[0]
    assert is_same(read(out / "scene0_1.png"), expected)
    assert not is_same(read(out / "scene0_1.png"), read(out / "scene0.png"))
    code, _, err = semsyn(*argv, "--resample-instance", 77, "--overwrite")
    assert code == 2 and "there is no instance 77 in the map; it holds 0, 1" in err
    code, _, err = semsyn(*argv[:3], "--out", out, "--resample-instance", 1, "--overwrite")
    assert code == 2 and "give --instances" in err


def test_one_instance_looks_like_one_of_a_reference(inade: Path, scenes: Path, semsyn: Callable) -> None:
    out = scenes / "out"
    argv = ("generate", inade, scenes / "maps/scene0.png", "--instances", scenes / "instances", "--out", out)
    where = ("--reference-map", scenes / "photo-maps", "--reference-instances", scenes / "photo-instances")
    take = ("--reference", scenes / "photos", *where, "--take-style", "2=scene1:3", "--take-style", "5=scene2:0")
    assert semsyn(*argv, *take).code == 0
    generator = load_pretrained(inade)
    layout = read_layout(generator, scenes / "maps/scene0.png", scenes / "instances/scene0.png")
    style = generator.sample_style(layout, seeds=[0])
    for name, pairs in (("scene1", {2: 3}), ("scene2", {5: 0})):
        shown = read_layout(generator, scenes / f"photo-maps/{name}.png", scenes / f"photo-instances/{name}.png")
        picture = read_image(scenes / f"photos/{name}.jpg", size=(64, 64))[None]
        style = generator.encode(picture, shown).transfer(pairs, layout.num_instances).apply(style)
    expected = generator.render(
        scenes / "maps/scene0.png", instance_map=scenes / "instances/scene0.png", style=style, output="np"
    )[0]
    assert is_same(read(out / "scene0.png"), expected)
    for wrong, message in (("2=scene9:3", "holds no scene9.*"), ("2", "expected ID=REFERENCE:ID"), ("2=scene1:9", "9")):
        code, _, err = semsyn(*argv, *take[:6], "--take-style", wrong, "--overwrite")
        assert code == 2 and message in err


def test_codes_are_given_in_files(inade: Path, clade: Path, scenes: Path, semsyn: Callable) -> None:
    generator = load_pretrained(inade)
    maps = {"instance_map": scenes / "instances/scene0.png"}
    layout = read_layout(generator, scenes / "maps/scene0.png", **maps)
    style = generator.sample_style(layout, seeds=[11])
    codes = {name: style[name].table for name in style}
    arrays = {n: (t[:, 0] if style[n].per == "image" else t).numpy() for n, t in codes.items()}
    np.savez(scenes / "noise.npz", **arrays)
    argv = ("generate", inade, scenes / "maps/scene0.png", "--instances", scenes / "instances", "--out", scenes / "out")
    code, _, err = semsyn(*argv, "--noise", scenes / "noise.npz")
    assert code == 0, err
    expected = generator.render(scenes / "maps/scene0.png", **maps, style=style, output="np")[0]
    assert is_same(read(scenes / "out/scene0.png"), expected)
    np.save(scenes / "one.npy", np.zeros((1, 8), np.float32))
    (scenes / "text.npy").write_text("text")
    for name, message in (("one.npy", "give an .npz"), ("text.npy", "is not a NumPy file")):
        code, _, err = semsyn(*argv, "--noise", scenes / name, "--overwrite")
        assert code == 2 and message in err


def test_sketches_are_read(scenes: Path, tmp_path: Path, semsyn: Callable) -> None:
    generator = make_generator("inade-sketch")
    generator.label_space = SPACE
    weights = save_pretrained(generator, tmp_path / "sketch.safetensors")
    drawing = (np.random.default_rng(0).random((40, 56)) > 0.8).astype(np.uint8) * 255
    Image.fromarray(drawing).save(tmp_path / "scene0.png")
    argv = ("generate", weights, scenes / "maps/scene0.png", "--out", tmp_path / "out")
    code, _, err = semsyn(*argv)
    assert code == 2 and "also reads 1 planes: give --planes" in err
    assert semsyn(*argv, "--planes", tmp_path / "scene0.png").code == 0
    planes = torch.from_numpy(drawing)[None, None].float() / 255
    expected = load_pretrained(weights).render(scenes / "maps/scene0.png", planes=planes, seed=0)
    assert is_same(read(tmp_path / "out/scene0.png"), expected)
    np.save(tmp_path / "scene0.npy", drawing.astype(np.float32) / 255)
    assert semsyn(*argv, "--planes", tmp_path / "scene0.npy", "--overwrite").code == 0
    assert is_same(read(tmp_path / "out/scene0.png"), expected)
    np.save(tmp_path / "two.npy", np.zeros((2, 40, 56), np.float32))
    code, _, err = semsyn(*argv, "--planes", tmp_path / "two.npy", "--overwrite")
    assert code == 2 and "must hold 1 planes, p h w; found shape (2, 40, 56)" in err


def test_two_photographs_go_through_the_unpaired_network(tmp_path: Path, semsyn: Callable) -> None:
    config = SCGANConfig(
        num_classes=0, num_planes=3, has_style_image=True, image_size=(64, 64), width=2, stem_width=1,
        routing_width=4, hidden=8,
    )  # fmt: skip
    torch.manual_seed(0)
    weights = save_pretrained(config.build().eval(), tmp_path / "unpaired.safetensors")
    structure, look = write_photo(tmp_path / "b.png", 1, (64, 64)), write_photo(tmp_path / "a.png", 2, (64, 64))
    argv = ("generate", weights, structure, "--out", tmp_path / "out")
    code, _, err = semsyn(*argv)
    assert code == 2 and "starts from a picture that gives the look: give --reference" in err
    assert semsyn(*argv, "--reference", look).code == 0
    generator = load_pretrained(weights)
    expected = generator.render(
        np.zeros((64, 64), np.int64),
        planes=read_image(structure)[None],
        style=generator.style(start=read_image(look)[None]),
    )
    assert is_same(read(tmp_path / "out/b.png"), expected)


def test_maps_are_brought_to_size_as_released(clade: Path, inade: Path, tmp_path: Path, semsyn: Callable) -> None:
    label_map = write_map(tmp_path / "a.png", size=(96, 160))
    argv = ("generate", clade, label_map, "--out", tmp_path / "out", "--overwrite")
    for mode, size, expected in (
        ("scale_width", ("--load-size", 128), (76, 128)),
        ("scale_shortside_and_crop", ("--load-size", 80, "--crop-size", 64), (64, 64)),
        ("none", (), (96, 160)),
    ):
        code, _, err = semsyn(*argv, "--preprocess", mode, *size)
        if expected[0] % 32:
            assert code == 2 and "multiples of" in err
        else:
            assert (code, read(tmp_path / "out/a.png").shape[:2]) == (0, expected)
    middle = np.array(Image.open(label_map).resize((133, 80), Image.Resampling.NEAREST))[8:72, 34:98]
    assert semsyn(*argv, "--preprocess", "scale_shortside_and_crop", "--load-size", 80, "--crop-size", 64).code == 0
    assert is_same(read(tmp_path / "out/a.png"), load_pretrained(clade).render(middle))
    for given, message in (
        (("--load-size", 64), "need --preprocess"),
        (("--preprocess", "none", "--size", "64x64"), "leave --size out"),
        (("--preprocess", "stretch"), "invalid choice"),
    ):
        code, _, err = semsyn(*argv, *given)
        assert code == 2 and message in err
    code, _, err = semsyn("generate", inade, label_map, "--out", tmp_path / "b", "--preprocess", "none")
    assert code == 2 and "it would become 96x160, but" in err
