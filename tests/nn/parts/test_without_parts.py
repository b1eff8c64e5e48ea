"""Neither objects, nor parts, nor supports in use: ordinary input."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from semsyn.nn import PartNet, PartSupports
from semsyn.nn.parts.part_conditioner import PartConditioner
from semsyn.nn.parts.scene_parts import SceneInference
from semsyn.nn.parts.support_memory import SupportMemory
from semsyn.records.objects import Objects
from tests.models.cases import make_generator, make_layout, make_supports

NO_SUPPORTS = torch.zeros(0, 3, 64, 64, dtype=torch.uint8)
NO_IDS = torch.zeros(0, dtype=torch.int64)


def make_network(*, is_trained: bool = False) -> PartNet:
    torch.manual_seed(0)
    return PartNet((4, 4, 4, 6), num_parts=4).requires_grad_(is_trained)


def make_memory(supports: PartSupports) -> SupportMemory:
    memory = SupportMemory()
    memory.attach(supports)
    return memory


def test_no_supports() -> None:
    supports = PartSupports.of(NO_SUPPORTS, [])
    assert len(supports) == 0 and supports.count == 3 and supports.last_part == 0
    again = PartSupports.from_tensors(supports.tensors())
    assert again.part_ids.shape == NO_SUPPORTS.shape and not len(again.select([]))
    assert not len(make_supports().select([]))


@pytest.mark.parametrize("is_trained", [False, True])
@pytest.mark.parametrize("supports", [make_supports(), PartSupports.of(NO_SUPPORTS, [])], ids=["some", "none"])
def test_no_objects(supports: PartSupports, is_trained: bool) -> None:
    network, memory = make_network(is_trained=is_trained), make_memory(supports)
    for encoding in (memory.encode(network, NO_IDS), network.encode_supports(supports)):
        edited = torch.zeros(0, 64, 64, dtype=torch.int64)
        for known in (None, edited):
            found = network(torch.zeros(0, 1, 64, 64), encoding, NO_IDS, edited=known)
            assert found.logits.shape == found.part_ids[:, None].expand(-1, 4, -1, -1).shape == (0, 4, 64, 64)
            assert found.features.shape == (0, 4, 4, 64, 64)


def test_what_was_asked_for_nothing_first_knows_categories_later() -> None:
    network, late, soon = make_network(), make_memory(make_supports()), make_memory(make_supports())
    assert not len(late.encode(network, NO_IDS))
    first, second = (memory.encode(network, torch.tensor([9])) for memory in (late, soon))
    silhouette = torch.zeros(1, 1, 64, 64)
    silhouette[..., 10:50, 20:40] = 1
    logits = [network(silhouette, encoding, torch.tensor([9])).logits for encoding in (first, second)]
    assert torch.equal(*logits)


@torch.no_grad()
def test_an_image_without_objects_is_as_it_would_be_alone() -> None:
    generator = make_generator("ipose")
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    assert layout.objects is not None
    some = replace(layout, objects=layout.objects[layout.objects.images != 1])
    alone = replace(layout[1:2], objects=Objects.none(layout.size))
    parts = generator.inspect(some)["parts"]
    assert parts.part_map[[0, 2]].flatten(1).any(1).all() and not parts.part_map[1].any()
    together, single = generator(some, style), generator(alone, style.images(slice(1, 2)))
    torch.testing.assert_close(together[1:2], single, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together[[0, 2]], generator(layout, style)[[0, 2]], atol=1e-5, rtol=1e-4)
    fused = generator.fuse()
    for scene in (some, replace(layout, objects=Objects.none(layout.size))):
        torch.testing.assert_close(fused(scene, style), generator(scene, style), atol=1e-4, rtol=1e-3)


@torch.no_grad()
def test_a_generator_without_supports_infers_nothing() -> None:
    generator = make_generator("ipose")
    layout = make_layout(generator)
    generator.attach("supports", PartSupports.of(NO_SUPPORTS, []))
    assert generator.config.num_supported == 0 and generator.lacks() == ("supports",)
    parts = generator.inspect(layout)["parts"]
    assert len(parts.objects) and (parts.part_ids == -1).all() and not parts.part_map.any()
    twin = generator.config.build()
    twin.load_state_dict(generator.state_dict())
    style = generator.sample_style(layout, seeds=range(3))
    assert torch.equal(twin.eval()(layout, style), generator(layout, style))


@pytest.mark.parametrize("supports", [make_supports(), PartSupports.of(NO_SUPPORTS, [])], ids=["some", "none"])
def test_a_convolution_of_no_features(supports: PartSupports) -> None:
    scene = SceneInference(make_network(), make_memory(supports))
    conv = nn.Conv2d(16, 6, 3, padding=1)
    found, features = scene(Objects.none((48, 56)), 2, conv)
    assert found.part_logits.shape == (2, 4, 48, 56) and not found.part_logits.any()
    assert conv.bias is not None
    assert torch.equal(features, conv.bias[:, None, None].expand(2, -1, 48, 56))
    features.sum().backward()
    assert conv.weight.grad is not None and not conv.weight.grad.any(), "a gradient of zeros, not none"
    assert conv.bias.grad is not None and (conv.bias.grad == 2 * 48 * 56).all()


def test_a_step_without_objects_reaches_every_weight() -> None:
    generator = make_generator("ipose").train()
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    assert isinstance(generator.conditioner, PartConditioner)
    generator(replace(layout, objects=Objects.none(layout.size)), style).sum().backward()
    assert [name for name, p in generator.named_parameters() if p.requires_grad and p.grad is None] == []
    assert not generator.conditioner.part_conv.weight.grad.any()
