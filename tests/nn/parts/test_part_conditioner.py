from dataclasses import replace

import pytest
import torch

from semsyn.errors import InputError
from semsyn.nn.parts.part_conditioner import PartConditioner
from semsyn.records.codes import Codes
from semsyn.records.layout import Layout
from semsyn.records.objects import Objects
from semsyn.records.style import Style
from tests.models.cases import make_generator, make_layout


def make(case: str = "ipose") -> tuple[PartConditioner, Layout, Style, tuple[tuple[int, int], ...]]:
    generator = make_generator(case)
    conditioner, layout = generator.conditioner, make_layout(generator)
    assert isinstance(conditioner, PartConditioner)
    return conditioner, layout, generator.sample_style(layout, seeds=range(3)), generator.sizes()


@torch.no_grad()
def test_every_level_has_features_mask_and_noise() -> None:
    conditioner, layout, style, sizes = make()
    prepared = conditioner.prepare(layout, sizes)
    for cond, size in zip(conditioner.bind(prepared, style), sizes, strict=True):
        assert cond.size == size and cond.parts is not None
        assert cond.planes is not None or cond.has_windows
        assert cond.parts.noise is not None and cond.parts.noise.shape == (3, 4, *size)
        assert cond.parts.features is not None and cond.parts.features.shape == (3, 4, *size)
        assert cond.parts.mask is not None and cond.parts.mask.shape == (3, 1, *size)
    whole = prepared.extras["parts"].part_map > 0
    assert torch.equal(prepared.conditions[-1].parts.mask[:, 0], whole) and whole.any()


@torch.no_grad()
def test_nothing_drawn_is_prepared() -> None:
    conditioner, layout, style, sizes = make()
    prepared = conditioner.prepare(layout, sizes)
    assert all(cond.parts is not None and cond.parts.noise is None for cond in prepared.conditions)
    other = style.map(lambda codes: codes * -1)
    pairs = zip(conditioner.bind(prepared, style), conditioner.bind(prepared, other), strict=True)
    for first, second in pairs:
        assert not torch.equal(first.parts.noise, second.parts.noise)
        assert torch.equal(first.parts.features, second.parts.features)


@torch.no_grad()
def test_a_scene_without_parts_asks_for_noise_alone() -> None:
    conditioner, layout, style, sizes = make()
    empty = replace(layout, objects=Objects.none(layout.size))
    prepared = conditioner.prepare(empty, sizes)
    assert all(cond.parts.features is None and cond.parts.mask is None for cond in prepared.conditions)
    assert not prepared.extras["parts"].part_map.any()
    assert all(cond.parts.noise is not None for cond in conditioner.bind(prepared, style))


def test_in_training_all_weights_take_part_whatever_the_batch_holds() -> None:
    conditioner, layout, _, sizes = make()
    empty = replace(layout, objects=Objects.none(layout.size))
    features = conditioner.prepare(empty, sizes).conditions[-1].parts.features
    assert features is not None and features.requires_grad


@torch.no_grad()
def test_no_class_stands_beside_the_noise_as_class_0() -> None:
    conditioner, layout, style, sizes = make()
    assert (layout.class_ids == 5).any(), "no class occurs"
    changed = replace(layout, class_ids=layout.class_ids % 5)
    noise = [conditioner.bind(conditioner.prepare(x, sizes), style)[0].parts.noise for x in (layout, changed)]
    assert torch.equal(*noise)


@torch.no_grad()
def test_inference_alone_is_what_preparing_finds() -> None:
    conditioner, layout, _, sizes = make()
    assert torch.equal(conditioner.infer(layout).part_map, conditioner.prepare(layout, sizes).extras["parts"].part_map)


def test_what_is_missing_is_named() -> None:
    conditioner, layout, style, sizes = make()
    bare = replace(layout, objects=None)
    for run in (lambda: conditioner.prepare(bare, sizes), lambda: conditioner.infer(bare)):
        with pytest.raises(InputError, match="needs \\['objects'\\] in the layout"):
            run()
    prepared = conditioner.prepare(layout, sizes)
    with pytest.raises(InputError, match="reads codes 'parts', which the style lacks"):
        conditioner.bind(prepared, Style({"noise": style["noise"]}))
    narrow = Codes(table=style["parts"].table[..., :1], per="pixel")
    with pytest.raises(InputError, match=r"codes 'parts' must be maps of \(2, 2\), found \(2, 1\)"):
        conditioner.bind(prepared, Style({**style, "parts": narrow}))


def test_it_stands_before_any_other_conditioner() -> None:
    with_noise, without = make()[0], make("ipose-wide")[0]
    assert with_noise.writes == ("class_ids", "planes", "regions", "parts")
    assert with_noise.drawn == ("planes", "parts")
    assert [spec.name for spec in with_noise.codes] == ["noise", "parts"]
    assert [spec.name for spec in without.codes] == ["parts"]
    assert "planes" not in without.writes and without.drawn == ("parts",)
    assert with_noise.requires == without.requires == ("objects",)
