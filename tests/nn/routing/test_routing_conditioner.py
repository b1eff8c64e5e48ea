from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.models import SCGANConfig
from semsyn.nn import PositionMaps, SemanticVectorNetwork, activate_routing
from semsyn.nn.conditioning.conditioner import Prepared
from semsyn.nn.routing.routing_conditioner import RoutingConditioner
from semsyn.nn.routing.semantic_vectors import SemanticVectors
from semsyn.records.layout import Layout
from semsyn.records.style import Style

CLASSES = 5
NORMAL = ((2, 3), (4, 6), (4, 6), (8, 12), (16, 24), (32, 48), (64, 96))
MORE = ((1, 2), (2, 4), (4, 8), (8, 16), (16, 32), (32, 64), (64, 128))


def make(sizes: tuple[tuple[int, int], ...] = NORMAL, **options: Any) -> tuple[RoutingConditioner, Layout]:
    """A conditioner, and blocks of classes, "no class" among them, with what it requires."""
    torch.manual_seed(0)
    names = ("has_edges", "num_planes", "positions", "has_preview", "norm_experts", "num_classes")
    own = {name: value for name, value in options.items() if name not in names}
    network = SemanticVectorNetwork(
        **{
            "num_classes": CLASSES,
            "width": 3,
            "levels": 6 if sizes is NORMAL else 7,
            "norm_experts": 4,
            **{name: options[name] for name in names if name in options},
        }
    )
    conditioner = RoutingConditioner(network, **{"temperature": 0.5, **own})
    label_map = torch.randint(CLASSES + 1, (2, 8, 8))
    rows, columns = ((torch.arange(side) * 8) // side for side in sizes[-1])
    planes = torch.randn(2, 3, *sizes[-1]) if "planes" in conditioner.requires else None
    layout = Layout.of(
        label_map[:, rows[:, None], columns], space=CLASSES, requires=conditioner.requires, planes=planes
    )
    return conditioner.eval(), layout


def vectors_of(prepared: Prepared) -> SemanticVectors:
    return prepared.extras["routing"]


@torch.no_grad()
@pytest.mark.parametrize(
    ("sizes", "places"), [(NORMAL, (0, 1, 1, 2, 3, 4, 5)), (MORE, (0, 1, 2, 3, 4, 5, 6))], ids=["normal", "more"]
)
def test_every_stage_has_the_level_of_its_size(sizes: tuple[tuple[int, int], ...], places: tuple[int, ...]) -> None:
    conditioner, layout = make(sizes)
    prepared = conditioner.prepare(layout, sizes)
    expected = conditioner.network(layout.class_ids)
    for cond, size, level in zip(prepared.conditions, sizes, places, strict=True):
        assert cond.size == size and not cond.missing(conditioner.writes[:1]) and cond.routing is not None
        assert torch.equal(cond.routing.conv, activate_routing(expected.conv[level], 0.5))
        assert torch.equal(cond.routing.norm, activate_routing(expected.norm[level], 0.5))
        assert torch.equal(cond.class_ids, resize_ids(layout.class_ids, size))
    for ours, theirs in zip(vectors_of(prepared).conv, expected.conv, strict=True):
        assert torch.equal(ours, theirs), "the logits are found beside, without temperature and activation"


@torch.no_grad()
@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "hardtanh", "identity"])
def test_the_activation_is_the_one_asked_for(activation: Any) -> None:
    conditioner, layout = make(activation=activation, temperature=3.0)
    prepared = conditioner.prepare(layout, NORMAL)
    routing = prepared.conditions[-1].routing
    assert routing is not None
    assert torch.equal(routing.norm, activate_routing(vectors_of(prepared).norm[-1], 3.0, activation))


@torch.no_grad()
def test_all_is_done_once_per_layout() -> None:
    conditioner, layout = make(norm_experts=3)
    runs: list[int] = []
    for module in (conditioner.network, conditioner.network.preview):
        assert module is not None
        module.register_forward_hook(lambda module, args, output: runs.append(id(module)))
    prepared = conditioner.prepare(layout, NORMAL)
    assert runs == [id(conditioner.network)], "the network runs once, the preview not at all"
    assert conditioner.bind(prepared, Style({})) is prepared.conditions
    routing = [cond.routing for cond in prepared.conditions]
    assert routing[1] is routing[2], "stages of one size share it"
    assert all(r is not None and r.conv is r.norm for r in routing), "as do experts, where both kinds are as many"
    assert conditioner.drawn == ()


@pytest.mark.parametrize(
    "options",
    [{}, {"positions": PositionMaps(levels=4)}, {"has_edges": True}, {"num_planes": 3, "num_classes": 0}],
    ids=["labels", "positions", "edges", "planes"],
)
def test_it_writes_what_it_says(options: dict[str, Any]) -> None:
    conditioner, layout = make(**options)
    assert conditioner.requires == tuple(name for name in ("edges", "planes") if name in conditioner.writes)
    for cond in conditioner.prepare(layout, NORMAL).conditions:
        assert not cond.missing(tuple(name for name in conditioner.writes if name != "regions"))
        for name in conditioner.requires:
            assert torch.equal(getattr(cond, name), resize_ids(getattr(layout, name), cond.size))
    assert ("regions" in conditioner.writes) == ("num_planes" not in options)


@torch.no_grad()
def test_windows_are_those_of_labels_and_edges() -> None:
    conditioner, layout = make(has_edges=True)
    layout = replace(layout, class_ids=layout.class_ids // 4, edges=torch.zeros_like(layout.edges))
    found = [cond.has_windows for cond in conditioner.prepare(layout, NORMAL).conditions]
    assert found[-1] and not found[0]
    bare = RoutingConditioner(conditioner.network, window=None)
    assert not any(cond.has_windows for cond in bare.prepare(layout, NORMAL).conditions)


@torch.no_grad()
def test_maps_of_any_size_are_brought_to_the_pictures() -> None:
    conditioner, layout = make()
    large = replace(layout, class_ids=layout.class_ids.repeat_interleave(3, 1).repeat_interleave(2, 2))
    for ours, theirs in zip(
        conditioner.prepare(large, NORMAL).conditions, conditioner.prepare(layout, NORMAL).conditions, strict=True
    ):
        assert torch.equal(ours.routing.conv, theirs.routing.conv)


def test_what_does_not_fit_is_named() -> None:
    conditioner, layout = make()
    with pytest.raises(InputError, match="no level .* has the size 24 x 36: its 6 levels halve 64 x 96"):
        conditioner.prepare(layout, ((24, 36), (64, 96)))
    with pytest.raises(InputError, match="48 x 80 .*multiples of 32"):
        conditioner.prepare(layout, ((24, 40), (48, 80)))
    with pytest.raises(InputError, match="no level .* has the size 1 x 2"):
        conditioner.prepare(layout, MORE)
    with pytest.raises(InputError, match="needs \\['edges'\\] in the layout"):
        make(has_edges=True)[0].prepare(layout, NORMAL)


def gradients(conditioner: RoutingConditioner, layout: Layout, kind: str) -> list[Tensor | None]:
    routing = [getattr(cond.routing, kind) for cond in conditioner.prepare(layout, NORMAL).conditions]
    total = torch.stack([(t * torch.arange(t.shape[1])[:, None, None]).mean() for t in routing]).sum()
    if not total.requires_grad:
        return []
    return list(torch.autograd.grad(total, list(conditioner.network.levels.parameters()), allow_unused=True))


@pytest.mark.parametrize("kind", ["conv", "norm"])
@pytest.mark.parametrize("norm_experts", [3, 4])
def test_both_kinds_of_experts_teach_every_level(kind: str, norm_experts: int) -> None:
    found = gradients(*make(norm_experts=norm_experts), kind)
    assert found and all(grad is not None and grad.any() for grad in found)


@pytest.mark.parametrize("norm_experts", [3, 4])
def test_gradients_of_convolutions_can_be_stopped(norm_experts: int) -> None:
    conditioner, layout = make(norm_experts=norm_experts, is_conv_detached=True)
    assert gradients(conditioner, layout, "conv") == []
    assert all(grad is not None and grad.any() for grad in gradients(conditioner, layout, "norm"))
    with torch.no_grad():
        stopped = conditioner.prepare(layout, NORMAL).conditions[-1].routing
        routing = make(norm_experts=norm_experts)[0].prepare(layout, NORMAL).conditions[-1].routing
    assert torch.equal(stopped.conv, routing.conv) and torch.equal(stopped.norm, routing.norm)


def test_the_preview_is_painted_on_request() -> None:
    conditioner, layout = make()
    network = conditioner.network
    assert network.preview is not None
    recorded = conditioner.inspect(conditioner.prepare(layout, NORMAL))
    assert recorded["preview"].shape == (2, 3, 64, 96)
    grads = torch.autograd.grad(recorded["preview"].mean(), [network.levels[0].conv_0.bias, network.preview[0].bias])
    assert all(grad.any() for grad in grads)
    with torch.no_grad():
        prepared = conditioner.prepare(layout, NORMAL)
        assert vectors_of(prepared).features is None and "preview" not in prepared.extras
        torch.testing.assert_close(conditioner.inspect(prepared)["preview"], recorded["preview"])
    without, _ = make(has_preview=False)
    assert set(without.inspect(without.prepare(layout, NORMAL))) == {"routing"}


@torch.no_grad()
def test_weights_have_the_type_of_the_network() -> None:
    conditioner, layout = make(positions=PositionMaps(levels=4))
    expected = conditioner.prepare(layout, NORMAL).conditions[-1].routing.conv
    prepared = conditioner.half().prepare(layout, NORMAL)
    routing = prepared.conditions[-1].routing
    assert routing.conv.dtype == routing.norm.dtype == torch.float16
    assert vectors_of(prepared).conv[-1].dtype == torch.float32
    torch.testing.assert_close(routing.conv.float(), expected, rtol=0, atol=5e-2)


def test_a_generator_trains_its_routing_by_picture_and_preview() -> None:
    config = SCGANConfig(num_classes=CLASSES, image_size=(64, 64), width=1, stem_width=1, routing_width=2, hidden=4)
    torch.manual_seed(0)
    generator = config.build()
    layout = Layout.of(torch.randint(CLASSES, (2, 64, 64)), space=CLASSES)
    network = generator.conditioner.network
    first = network.levels[0].conv_1.parametrizations.weight.original
    synthesis = generator.synthesize(layout)
    for picture in (synthesis.image, synthesis["preview"]):
        assert torch.autograd.grad(picture.sum(), first, retain_graph=True)[0].any()
    assert len(synthesis["routing"].conv) == 6


@torch.no_grad()
def test_a_fused_generator_has_the_same_picture_and_preview() -> None:
    config = SCGANConfig(num_classes=CLASSES, image_size=(64, 64), width=1, stem_width=1, routing_width=2, hidden=4)
    torch.manual_seed(0)
    generator = config.build().eval()
    layout = Layout.of(torch.randint(CLASSES, (2, 64, 64)), space=CLASSES)
    before = generator.synthesize(layout)
    fused = generator.fuse()
    after = fused.synthesize(layout)
    assert not hasattr(fused.conditioner.network.levels[1].conv_0, "weight"), "it was not folded"
    torch.testing.assert_close(after.image, before.image, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(after["preview"], before["preview"], rtol=1e-4, atol=1e-4)
