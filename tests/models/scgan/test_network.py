import copy
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from semsyn.errors import InputError, UnknownNameError
from semsyn.generator.generator import Generator
from semsyn.models import SCGANConfig
from semsyn.nn import SPADE
from semsyn.nn.conditioning import windows
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from semsyn.testing.golden.case import Case
from semsyn.testing.golden.replay import golden_files
from semsyn.testing.plain.plain import plain_forward
from semsyn.testing.replays.networks import build
from semsyn.testing.replays.scgan_network import layout_of, style_of
from tests.models.cases import make_generator, make_images, make_layout

FILES = golden_files(Path(os.environ["SEMSYN_GOLDEN"]), families=("scgan",), areas=("network",))
GENERATORS = [case for case in map(Case.read, FILES) if case.kind == "generator"]
GOLDEN = pytest.mark.parametrize("case", GENERATORS, ids=lambda case: case.name)
PLACES = {"fc": "painter.stem", "head_0": "painter.stages.0", "G_middle_0": "painter.stages.1"}


def test_there_is_a_golden_generator() -> None:
    assert any(key.startswith("mid/") for case in GENERATORS for key in case.tensors)


@GOLDEN
@torch.no_grad()
def test_features_on_the_way_are_the_originals(case: Case) -> None:
    generator, features = build(case), {}
    for theirs, ours in PLACES.items():

        def keep(module: object, inputs: object, output: Tensor, name: str = theirs) -> None:
            features[name] = output

        generator.get_submodule(ours).register_forward_hook(keep)
    generator(layout_of(case), style_of(generator, case))
    for key in [key for key in case.tensors if key.startswith("mid/")]:
        expected = case.tensors[key]
        found = features[key.removeprefix("mid/")].reshape(expected.shape)
        torch.testing.assert_close(found, expected, atol=float(case.info["atol"]), rtol=float(case.info["rtol"]))


@GOLDEN
@pytest.mark.parametrize("everywhere", [False, True], ids=["as-chosen", "tables-everywhere"])
@torch.no_grad()
def test_the_inference_form_gives_the_originals_pictures(
    case: Case, everywhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if everywhere:
        monkeypatch.setattr(windows, "MIN_PIXELS", 1)
        monkeypatch.setattr(windows, "MAX_SHARE", 1000.0)
    generator, layout = build(case).fuse(), layout_of(case)
    style = style_of(generator, case)
    atol, rtol = case.tolerance("image")
    for image in (generator(layout, style), generator.run(generator.prepare(layout), style)):
        torch.testing.assert_close(image, case.expected["image"], atol=atol, rtol=rtol)


@pytest.mark.parametrize("case", ["scgan", "scgan-vae", "scgan-edges"])
@torch.no_grad()
def test_the_plain_form_gives_the_same_picture(case: str) -> None:
    generator = make_generator(case)
    layout = make_layout(generator, size=generator.image_size)
    style = generator.sample_style(layout, seeds=range(3))
    expected = plain_forward(generator, layout, style)
    assert expected.std() > 0.05
    torch.testing.assert_close(generator(layout, style), expected, atol=1e-4, rtol=1e-4)
    fused = generator.fuse()
    torch.testing.assert_close(fused(layout, style), expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(fused.run(fused.prepare(layout), style), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_the_plain_form_of_a_pair_of_pictures() -> None:
    generator = make_unpaired()
    picture, look = torch.rand(2, 2, 3, 64, 64) * 2 - 1
    layout, style = structure(picture), generator.style(start=look)
    torch.testing.assert_close(generator(layout, style), plain_forward(generator, layout, style), atol=1e-4, rtol=1e-4)


def make_unpaired(size: tuple[int, int] = (64, 64)) -> Generator:
    torch.manual_seed(0)
    config = SCGANConfig(
        num_classes=0,
        image_size=size,
        width=1,
        stem_width=1,
        routing_width=4,
        hidden=4,
        num_planes=3,
        has_style_image=True,
    )
    return config.build().eval()


def structure(picture: Tensor) -> Layout:
    n, _, h, w = picture.shape
    return Layout.of(torch.zeros(n, h, w, dtype=torch.int64), space=0, planes=picture, requires=("planes",))


@torch.no_grad()
def test_a_picture_may_give_the_structure_and_another_the_look() -> None:
    generator = make_unpaired((64, 96))
    assert generator.requires == ("planes",) and generator.has_free_size
    first, second, look = torch.rand(3, 2, 3, 64, 96) * 2 - 1
    painted = generator(structure(first), generator.style(start=look))
    assert painted.shape == (2, 3, 64, 96)
    assert not torch.equal(painted, generator(structure(second), generator.style(start=look)))
    assert not torch.equal(painted, generator(structure(first), generator.style(start=look.flip(3))))
    assert generator(structure(first), generator.style(start=look), size=(32, 64)).shape == (2, 3, 32, 64)
    assert not list(generator.sample_style(structure(first), seeds=[1, 2]))
    with pytest.raises(InputError, match="a picture that gives the look, which the style lacks"):
        generator(structure(first))
    with pytest.raises(InputError, match=r"needs \['planes'\] in the layout"):
        generator(Layout(class_ids=torch.zeros(2, 64, 96, dtype=torch.int64)), generator.style(start=look))


@torch.no_grad()
def test_routing_and_preview_are_part_of_the_synthesis_alone() -> None:
    generator = make_generator("scgan")
    layout, painted = make_layout(generator), []
    generator.conditioner.network.preview.register_forward_hook(lambda *_: painted.append(1))
    picture = generator(layout)
    generator.run(generator.prepare(layout), Style({}))
    assert not painted
    synthesis = generator.synthesize(layout)
    assert painted == [1] and torch.equal(synthesis.image, picture)
    assert synthesis["preview"].shape == (3, 3, 64, 64) and synthesis["preview"].abs().max() <= 1
    assert [t.shape[1:] for t in synthesis["routing"].conv] == [(3, 2**k, 2**k) for k in range(1, 7)]
    assert [t.shape[1] for t in synthesis["routing"].norm] == [4] * 6


@torch.no_grad()
def test_what_a_generator_does_not_have_is_said() -> None:
    bare = replace(make_generator("scgan").config, has_preview=False).build().eval()
    synthesis = bare.synthesize(make_layout(bare))
    assert synthesis["routing"].conv
    with pytest.raises(InputError, match="finds no 'preview'; it finds routing"):
        _ = synthesis["preview"]
    other = make_generator("spade")
    with pytest.raises(InputError, match="finds no 'routing'; it finds nothing"):
        _ = other.synthesize(make_layout(other))["routing"]


@torch.no_grad()
def test_the_label_preset_paints_any_multiple_of_its_depth() -> None:
    for case, multiple in (("scgan", 32), ("scgan-edges", 64)):
        generator = make_generator(case)
        layout = make_layout(generator)
        size = (multiple, 3 * multiple)
        assert generator(layout, size=size).shape == (3, 3, *size)
        with pytest.raises(InputError, match=f"multiples of {multiple}; the nearest size is {multiple} x {multiple}"):
            generator(layout, size=(multiple + 4, multiple))


def test_a_code_fixes_the_size_and_the_message_says_what_to_do() -> None:
    generator = make_generator("scgan-vae")
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    advice = "Leave size= out: label maps of any size are resized. Then resize the picture."
    with pytest.raises(InputError, match=f"its picture size is fixed.*{advice}"):
        generator(layout, style, size=(128, 128))
    with pytest.raises(InputError, match=rf"makes pictures of \(64, 64\) only, not \(128, 64\). {advice}"):
        generator.render(np.zeros((128, 64), np.uint8), size=(128, 64))
    assert generator.render(np.zeros((128, 64), np.uint8), seed=0).size == (64, 64)
    with pytest.raises(InputError, match="reads codes 'start', which the style lacks"):
        generator(layout, Style({}))


@torch.no_grad()
def test_the_look_of_a_photograph_on_another_layout() -> None:
    generator = make_generator("scgan-vae")
    layout, photo = make_layout(generator, 1), make_images(generator, 1)
    assert not torch.equal(generator(layout), generator(layout)), "without a style one is drawn"
    drawn = generator.sample_style(layout, seeds=[3])
    style = generator.encode(photo).apply(drawn)
    mean = generator.sample_style(layout, seeds=[3], truncation=0, posterior=generator.encode(photo))
    assert torch.equal(mean["start"].table, generator.encode(photo)["start"].mu)
    painted = generator(layout, style)
    assert not torch.equal(painted, generator(layout, drawn))
    label_map = layout.class_ids[0].clamp(max=4)
    reference = Image.fromarray(((photo[0].permute(1, 2, 0) + 1) * 127.5).to(torch.uint8).numpy())
    pictures = generator.render([label_map, label_map.flip(1)], reference=reference, seed=[3, 3], output="pt")
    exact = torch.from_numpy(np.array(reference)).permute(2, 0, 1)[None] / 127.5 - 1
    for ids, picture in zip((label_map, label_map.flip(1)), pictures, strict=True):
        there = generator.encode(exact).apply(drawn)
        torch.testing.assert_close(picture[None], generator(Layout(class_ids=ids[None]), there), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_one_layout_many_looks_reads_the_map_once(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = make_generator("scgan-vae")
    layout, calls = make_layout(generator, 1), []
    monkeypatch.setattr(SPADE, "modulate", counting(SPADE.modulate, calls))
    generator.conditioner.network.register_forward_hook(lambda *_: calls.append("network"))
    prepared = generator.prepare(layout)
    assert calls.count("network") == 1 and len(calls) > 1
    calls.clear()
    pictures = [generator.run(prepared, generator.sample_style(layout, seeds=[s])) for s in range(3)]
    assert not calls and not torch.equal(pictures[0], pictures[1])


def counting(function, calls):
    def wrapper(*args, **kwargs):
        calls.append("modulate")
        return function(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize("case", ["scgan", "scgan-vae"])
@torch.no_grad()
def test_half_precision(case: str) -> None:
    generator = make_generator(case)
    layout = make_layout(generator, 1)
    style = generator.sample_style(layout, seeds=[0])
    expected = generator(layout, style)
    half = copy.deepcopy(generator).to(torch.bfloat16)
    painted = half(layout, style.to(dtype=torch.bfloat16))
    assert painted.dtype == torch.bfloat16
    assert (painted.float() - expected).abs().mean() < 0.05


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"upsampling": "most"}, r"upsampling is one of \['normal', 'more'\], found 'most'"),
        ({"image_size": (48, 64)}, "multiples of 32"),
        ({"has_encoder": True}, "has_encoder needs code_dim"),
        ({"has_style_image": True, "num_planes": 3, "code_dim": 8}, "from a picture .* or from a code"),
        ({"has_style_image": True}, "has_style_image needs num_planes"),
        (
            {"position": "pyramids"},
            "position of a config of SCGAN must be one of 'none', 'map', 'pyramid', found 'pyramids'",
        ),
        ({"routing_activation": "soft"}, "routing_activation of a config of SCGAN must be one of 'softmax'"),
    ],
)
def test_configs_that_build_no_network(changes: dict[str, object], message: str) -> None:
    with pytest.raises((InputError, UnknownNameError), match=message):
        SCGANConfig(**{"num_classes": 5, "image_size": (64, 64), "width": 1} | changes).build()
