"""PartNet is what it would be with nothing shared, whatever is shared; and stays exact where parts are absent."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from semsyn.errors import InputError
from semsyn.nn import PartNet, PartSupports
from semsyn.nn.parts.object_parts import ObjectParts
from semsyn.nn.parts.part_supports import SupportEncoding
from semsyn.testing.plain.ipose import plain_part_net

WIDTHS = (4, 6, 8, 10)
CATEGORIES = (24, 7, 36)


def make_maps(count: int, parts: int, seed: int = 0) -> Tensor:
    """Ellipses in bands: part maps with parts 0 to ``parts``."""
    rng = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    maps = []
    for _ in range(count):
        a, b, turn, lift = (torch.rand(4, generator=rng) * torch.tensor([0.5, 0.5, 1.0, 0.4])).tolist()
        along = y + (turn - 0.5) * x
        band = ((along + 1) / 2 * parts).floor().clamp(0, parts - 1) + 1
        maps.append(band * ((x / (0.4 + a)) ** 2 + ((y - lift) / (0.4 + b)) ** 2 < 1))
    return torch.stack(maps).to(torch.uint8)


def make_supports() -> PartSupports:
    """The categories have 2, 8 and 5 parts; one support of the last lacks some."""
    maps = [make_maps(3, parts, seed) for seed, parts in enumerate((2, 8, 5))]
    maps[2][1] = (maps[2][1] > 0) * 4
    return PartSupports.of(torch.stack(maps), CATEGORIES)


def make_net(dtype: torch.dtype = torch.float32, seed: int = 0, **options: int) -> PartNet:
    torch.manual_seed(seed)
    net = PartNet(WIDTHS, **options)
    for parameter in net.parameters():
        if parameter.ndim > 1:
            torch.nn.init.xavier_normal_(parameter)
        else:
            parameter.data.add_(torch.randn_like(parameter) * 0.1)
    return net.to(dtype).eval()


def make_objects(count: int = 5) -> tuple[Tensor, Tensor]:
    categories = torch.tensor(CATEGORIES).repeat(2)[:count]
    return make_maps(count, 1, seed=9)[:, None] > 0, categories


def maps_of(categories: Tensor) -> Tensor:
    """The support maps of each object: m n h w."""
    return make_supports().select(categories.tolist()).part_ids


def assert_same(found: ObjectParts, wanted: ObjectParts, **tolerance: float) -> None:
    torch.testing.assert_close(found.logits, wanted.logits, **tolerance)
    torch.testing.assert_close(found.features, wanted.features, **tolerance)


@pytest.mark.parametrize("count", [1, 5])
@torch.no_grad()
def test_sharing_changes_nothing(count: int) -> None:
    net = make_net(torch.float64)
    silhouettes, categories = make_objects(count)
    parts = net(silhouettes, net.encode_supports(make_supports()), categories)
    logits, features = plain_part_net(net, silhouettes.double(), maps_of(categories))
    torch.testing.assert_close(parts.logits, logits, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(parts.features, features, atol=1e-9, rtol=1e-9)
    assert parts.features.shape == (count, 9, WIDTHS[0], 64, 64)


def test_sharing_changes_no_gradient() -> None:
    net = make_net(torch.float64)
    silhouettes, categories = make_objects(3)
    ours = net(silhouettes, net.encode_supports(make_supports()), categories).logits
    plain, _ = plain_part_net(net, silhouettes.double(), maps_of(categories))
    weights = torch.linspace(-1, 1, ours.numel(), dtype=torch.float64).view_as(ours)
    # Biases in front of an instance norm have no gradient but rounding noise.
    leaves = {name: p for name, p in net.named_parameters() if not name.endswith("conv.bias") or "layers" in name}
    found, wanted = (torch.autograd.grad((y * weights).sum(), list(leaves.values())) for y in (ours, plain))
    for name, a, b in zip(leaves, found, wanted, strict=True):
        torch.testing.assert_close(a, b, atol=1e-7, rtol=1e-6, msg=name)


@torch.no_grad()
def test_single_precision_agrees_with_double() -> None:
    silhouettes, categories = make_objects()
    results = []
    for dtype in (torch.float32, torch.float64):
        net = make_net(dtype)
        results.append(net(silhouettes, net.encode_supports(make_supports()), categories))
    single, double = results
    torch.testing.assert_close(single.logits.double(), double.logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(single.features.double(), double.features, atol=1e-4, rtol=0)


@torch.no_grad()
def test_only_distinct_parts_are_computed() -> None:
    net = make_net()
    silhouettes, categories = make_objects(3)
    parts = net(silhouettes, net.encode_supports(make_supports()), categories)
    present = [len(maps.unique()) for maps in make_supports().part_ids]
    assert present[0] == 3 and len(set(present)) == 3
    assert len(parts.stream_logits) == sum(present) + 3, "one more for the parts that are absent"
    assert all(torch.equal(parts.logits[0, 3], parts.logits[0, part]) for part in range(4, 9))
    assert not torch.equal(parts.logits[0, 2], parts.logits[0, 3])


@torch.no_grad()
def test_parts_that_are_absent_are_the_same_in_every_category() -> None:
    net = make_net()
    supports = net.encode_supports(make_supports())
    silhouette = make_objects(1)[0].expand(2, -1, -1, -1)
    parts = net(silhouette, supports, torch.tensor([24, 36]))
    torch.testing.assert_close(parts.logits[0, 8], parts.logits[1, 8], atol=1e-6, rtol=0)


@torch.no_grad()
def test_an_object_does_not_depend_on_its_batch() -> None:
    net = make_net()
    supports = net.encode_supports(make_supports())
    silhouettes, categories = make_objects(5)
    together = net(silhouettes, supports, categories)
    for chunk in (1, 2):
        assert_same(net(silhouettes, supports, categories, chunk=chunk), together, atol=1e-5, rtol=1e-5)
    alone = net(silhouettes[3:4], supports.select(categories[3:4]), categories[3:4])
    torch.testing.assert_close(alone.logits[0], together.logits[3], atol=1e-5, rtol=1e-5)
    assert torch.equal(net(silhouettes, supports, categories).logits, together.logits)


@torch.no_grad()
def test_no_objects_and_empty_silhouettes() -> None:
    net = make_net()
    supports = net.encode_supports(make_supports())
    none = net(torch.zeros(0, 1, 64, 64), supports, torch.zeros(0, dtype=torch.int64))
    assert none.logits.shape == (0, 9, 64, 64) and none.features.shape == (0, 9, WIDTHS[0], 64, 64)
    assert none.part_ids.shape == (0, 64, 64)
    assert net(torch.zeros(1, 1, 64, 64), supports, torch.tensor([7])).logits.isfinite().all()


@torch.no_grad()
def test_any_size_and_number_of_parts_and_layers() -> None:
    net = make_net(num_parts=4, num_layers=2)
    supports = net.encode_supports(PartSupports.of({1: make_maps(2, 3)[:, ::2]}))
    parts = net(make_objects(1)[0][:, :, ::2], supports, torch.tensor([1]))
    assert parts.logits.shape == (1, 4, 32, 64)


@torch.no_grad()
def test_an_edited_part_map_stands_for_a_support() -> None:
    net = make_net(torch.float64)
    supports = net.encode_supports(make_supports())
    silhouettes, categories = make_objects(4)
    edited = torch.full((4, 64, 64), -1)
    edited[1] = silhouettes[1, 0] * make_maps(1, 3, seed=5)[0]
    edited[3] = silhouettes[3, 0] * (make_maps(1, 7, seed=6)[0] > 3) * 7
    for replaced in (0, 2):
        parts = net(silhouettes, supports, categories, edited=edited, replaced=replaced, chunk=3)
        maps = maps_of(categories).long()
        maps[1, replaced], maps[3, replaced] = edited[1], edited[3]
        # Where an edit leaves pixels of the object as background, its key is the silhouette all the same.
        logits, _ = plain_part_net(net, silhouettes.double(), maps)
        same = ((edited > 0) == silhouettes[:, 0]).flatten(1).all(1) | (edited < 0).flatten(1).all(1)
        assert same.tolist() == [True, False, True, False]
        torch.testing.assert_close(parts.logits[same], logits[same], atol=1e-9, rtol=1e-9)
        whole = edited.clone()
        whole[1] = silhouettes[1, 0] * (make_maps(1, 3, seed=5)[0].clamp(min=1))
        maps[1, replaced] = whole[1]
        logits, _ = plain_part_net(net, silhouettes.double(), maps)
        parts = net(silhouettes, supports, categories, edited=whole, replaced=replaced)
        torch.testing.assert_close(parts.logits[1], logits[1], atol=1e-9, rtol=1e-9)


@torch.no_grad()
def test_edited_maps_that_change_nothing_in_others() -> None:
    net = make_net()
    supports = net.encode_supports(make_supports())
    silhouettes, categories = make_objects(3)
    nothing = net(silhouettes, supports, categories, edited=torch.full((3, 64, 64), -1))
    assert_same(nothing, net(silhouettes, supports, categories), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("cast", [lambda n: n.half(), lambda n: n.bfloat16(), lambda n: n.to(torch.bfloat16)])
@torch.no_grad()
def test_half_precision_leaves_it_as_it_is(cast: Callable[[PartNet], PartNet]) -> None:
    net = make_net()
    silhouettes, categories = make_objects(2)
    wanted = net(silhouettes, net.encode_supports(make_supports()), categories)
    network = torch.nn.Sequential(cast(copy.deepcopy(net)), cast(torch.nn.Conv2d(1, 1, 1)))
    network.to(torch.bfloat16)
    assert {p.dtype for p in network[0].parameters()} == {torch.float32}
    assert network[1].weight.dtype == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        found = network[0](silhouettes.half(), network[0].encode_supports(make_supports()), categories)
    assert torch.equal(found.logits, wanted.logits) and torch.equal(found.features, wanted.features)


def test_it_compiles_into_one_graph() -> None:
    net = make_net().requires_grad_(False)
    supports = net.encode_supports(make_supports())
    silhouettes, categories = make_objects(3)
    compiled = torch.compile(net, fullgraph=True, backend="aot_eager")
    parts = compiled(silhouettes, supports, categories)
    assert len(parts.stream_logits) == 27, "fixed shapes: no streams merged"
    assert_same(parts, net(silhouettes, supports, categories), atol=1e-4, rtol=1e-4)


class Logits(torch.nn.Module):
    def __init__(self, net: PartNet, supports: SupportEncoding) -> None:
        super().__init__()
        self.net, self.supports = net, supports

    def forward(self, silhouettes: Tensor, categories: Tensor) -> Tensor:
        logits: Tensor = self.net(silhouettes, self.supports, categories).logits
        return logits


def test_it_exports() -> None:
    net = make_net().requires_grad_(False)
    supports = net.encode_supports(make_supports())
    objects = make_objects(3)
    module = Logits(net, supports)
    count = torch.export.Dim("count", min=2, max=64)
    program = torch.export.export(module, objects, dynamic_shapes=({0: count}, {0: count}))
    others = make_objects(5)
    torch.testing.assert_close(program.module()(*others), module(*others), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_an_object_costs_less_than_asked_for() -> None:
    net = PartNet()
    assert sum(p.numel() for p in net.parameters()) == 5_133_825 and len(net.state_dict()) == 86
    costs = {}
    for parts in (3, 5, 8):
        supports = net.encode_supports(PartSupports.of({1: make_maps(3, parts)}))
        with FlopCounterMode(display=False) as counter:
            net(make_objects(1)[0], supports, torch.tensor([1]))
        costs[parts] = counter.get_total_flops() / 2e9
    assert costs[3] < 1.2 and costs[5] < 1.65 and costs[8] < 2.1, costs


def make_call(**changes: object) -> Callable[[], object]:
    net = make_net()
    silhouettes, categories = make_objects(2)
    arguments = {"silhouettes": silhouettes, "categories": categories, **changes}
    return lambda: net(supports=net.encode_supports(make_supports()), **arguments)


BAD = {
    "category": (make_call(categories=torch.tensor([24, 15])), "no support maps for category 15; there are some for"),
    "silhouettes": (make_call(silhouettes=torch.zeros(2, 64, 64)), "silhouettes must be m 1 h w"),
    "sides": (make_call(silhouettes=torch.zeros(2, 1, 48, 64)), "48 x 64: sides must be multiples of 32"),
    "size": (make_call(silhouettes=torch.zeros(2, 1, 32, 32)), "the support maps have another size"),
    "count": (make_call(categories=torch.tensor([24])), "categories must be m"),
    "edited-size": (make_call(edited=torch.zeros(2, 32, 32).long()), "edited must be m h w"),
    "edited-ids": (make_call(edited=torch.full((2, 64, 64), 9)), "ids from 9 to 9, but PartNet has parts 0 to 8"),
    "edited-gap": (make_call(edited=torch.eye(64).long().expand(2, 64, 64) - 1), "-1 throughout"),
    "replaced": (make_call(edited=torch.zeros(2, 64, 64).long(), replaced=3), "a category has supports 0 to 2"),
}


@pytest.mark.parametrize(("call", "message"), BAD.values(), ids=BAD)
def test_bad_input(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_support_maps_with_parts_that_there_are_not() -> None:
    with pytest.raises(InputError, match="hold part 9, but PartNet has parts 0 to 8"):
        make_net().encode_supports(PartSupports.of({1: torch.full((1, 64, 64), 9)}))
