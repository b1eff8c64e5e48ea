"""What torch's own layers take, ours do: dtypes, autocast, empty batches, derivatives, mistakes."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn
from torch.utils.checkpoint import checkpoint

from semsyn.errors import InputError, InputTypeError
from semsyn.nn import (
    CLADE,
    INADE,
    SPADE,
    BatchNorm,
    ConditionalNorm,
    InstanceConv2d,
    InstanceNorm,
    LabelConv2d,
    ModulatedResBlock,
    PartModulation,
    SpatiallyConditionalConv2d,
    SpatiallyConditionalNorm,
    SyncBatchNorm,
    spectral_norm,
)
from semsyn.nn.spectral_norm import SpectralNorm
from semsyn.records.condition import Condition, Parts, Routing
from semsyn.records.layout import Layout

K, C, H, W = 5, 4, 8, 8
NORMS: dict[str, Callable[[], ConditionalNorm]] = {
    "clade": lambda: CLADE(C, K),
    "clade-icpe": lambda: CLADE(C, K, has_edges=True, has_offsets=True),
    "inade": lambda: INADE(C, K, 3),
    "inade-sketch": lambda: INADE(C, K, 3, has_sketch=True),
    "spade": lambda: SPADE(C, K, hidden=6),
    "spade-all": lambda: SPADE(C, K, hidden=6, has_edges=True, num_planes=2),
    "part": lambda: PartModulation(C, 3),
    "scgan": lambda: SpatiallyConditionalNorm(C),
}
EVERY = pytest.mark.parametrize("name", NORMS)


def make_condition(name: str, n: int = 2, *, dtype: torch.dtype = torch.float32) -> Condition:
    rng = torch.Generator().manual_seed(1)
    ids = torch.randint(K + 1, (n, H, W), generator=rng)
    given: dict[str, Any] = {"class_ids": ids}
    if name.startswith("inade"):
        codes = torch.randn(n, 3, 2, 3, generator=rng, dtype=dtype)
        given |= {"instance_ids": torch.randint(3, (n, H, W), generator=rng), "instance_codes": codes}
    given |= {"edges": ids > 2} if name in ("clade-icpe", "spade-all") else {}
    given |= {"offsets": torch.rand(n, 2, H, W, generator=rng)} if name == "clade-icpe" else {}
    planes = {"inade-sketch": 1, "spade-all": 2}.get(name)
    given |= {"planes": torch.rand(n, planes, H, W, generator=rng)} if planes else {}
    if name == "part":
        maps = [torch.rand(n, 3, H, W, generator=rng, dtype=dtype) for _ in range(2)]
        given |= {"parts": Parts(noise=maps[0], features=maps[1], mask=(ids > 2)[:, None])}
    if name == "scgan":
        weights = torch.rand(n, 3, H, W, generator=rng, dtype=dtype)
        given |= {"routing": Routing(conv=weights, norm=weights)}
    return Condition.of(**given)


def make_layer(name: str) -> ConditionalNorm:
    torch.manual_seed(0)
    layer = NORMS[name]()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, 0, 0.5)
    return layer


def features(n: int = 2, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(n, C, H, W, generator=torch.Generator().manual_seed(2), dtype=dtype)


@EVERY
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_a_layer_of_any_dtype_takes_conditions_in_single_precision(name: str, dtype: torch.dtype) -> None:
    if name == "part" and dtype == torch.bfloat16:
        pytest.skip("parts come from the conditioner, in the layer's own dtype")
    layer, cond = make_layer(name).eval(), make_condition(name, dtype=dtype if name == "part" else torch.float32)
    with torch.no_grad():
        found = copy.deepcopy(layer).to(dtype)(features(dtype=dtype), cond)
        wanted = layer(features(dtype=dtype).float(), make_condition(name, dtype=torch.float32))
    assert found.dtype == dtype
    if name != "part":
        limit = 0.2 if dtype == torch.bfloat16 else 1e-4
        torch.testing.assert_close(found.double(), wanted.double(), atol=limit, rtol=limit)


@EVERY
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_autocast_gives_the_dtype_of_torchs_norm(name: str, dtype: torch.dtype) -> None:
    x, layer = features(dtype=dtype), make_layer(name).eval()
    theirs = nn.BatchNorm2d(C).eval()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        found = layer(x, make_condition(name))
        if layer.tail is None:
            assert found.dtype == theirs(x).dtype
        fused = ModulatedResBlock(C, C, lambda _: copy.deepcopy(layer))
        assert fused(x, make_condition(name)).shape == (2, C, H, W)


@EVERY
@pytest.mark.parametrize("is_training", [False, True])
def test_an_empty_batch_gives_an_empty_result(name: str, is_training: bool) -> None:
    layer = make_layer(name).train(is_training)
    found = layer(features(0), make_condition(name, 0))
    assert found.shape == (0, layer.out_channels, H, W)
    found.sum().backward()


@EVERY
def test_second_and_forward_derivatives(name: str) -> None:
    layer, cond = make_layer(name).double().eval(), make_condition(name, dtype=torch.float64)
    names, tensors = zip(*layer.named_parameters(), strict=True)

    def call(x: Tensor, *parameters: Tensor) -> Tensor:
        given = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(layer, given, (x[:, :, :3, :3], small))  # type: ignore[no-any-return]

    small = cond.resized((3, 3))
    if small.parts is not None and small.parts.noise is not None:
        noise = small.parts.noise[..., :3, :3]
        small = Condition(
            class_ids=small.class_ids, parts=Parts(noise=noise, features=noise + 1, mask=small.parts.mask)
        )
    inputs = (features(dtype=torch.float64).requires_grad_(), *(t.detach().requires_grad_() for t in tensors))
    assert torch.autograd.gradcheck(call, inputs, fast_mode=True, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(call, inputs, fast_mode=True)


@pytest.mark.parametrize("kernel", ["label", "instance", "mixture"])
def test_derivatives_of_convolutions(kernel: str) -> None:
    ids = make_condition("clade").class_ids
    assert ids is not None
    ids = ids[:, :4, :4]
    if kernel == "label":
        conv: nn.Module = LabelConv2d(K, 2, num_planes=1)
        args: Callable[[Tensor], tuple[Any, ...]] = lambda x: (ids, x[:, :1])  # noqa: E731
    elif kernel == "instance":
        conv, args = InstanceConv2d(C, 2), lambda x: (x, ids)
    else:
        weights = torch.rand(2, 3, 4, 4, dtype=torch.float64)
        conv, args = SpatiallyConditionalConv2d(C, 2, 3, padding=1).eval(), lambda x: (x, weights)
    conv = conv.double()
    names, tensors = zip(*conv.named_parameters(), strict=True)

    def call(x: Tensor, *parameters: Tensor) -> Tensor:
        return torch.func.functional_call(conv, dict(zip(names, parameters, strict=True)), args(x))  # type: ignore[no-any-return]

    x = features(dtype=torch.float64)[:, :, :4, :4].clone().requires_grad_()
    inputs = (x, *(t.detach().requires_grad_() for t in tensors))
    assert torch.autograd.gradcheck(call, inputs, fast_mode=True, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(call, inputs, fast_mode=True)


@pytest.mark.parametrize("kind", [BatchNorm, SyncBatchNorm])
def test_update_bn_finds_the_norms(kind: type[BatchNorm]) -> None:
    layer = CLADE(C, K, norm=kind)
    batches = [features() * i + i for i in (1, 2, 3)]
    network = nn.ModuleList([layer])
    network.forward = lambda x: layer(x, make_condition("clade"))  # type: ignore[method-assign, assignment]
    update_bn(batches, network)  # type: ignore[arg-type]
    running = layer.norm
    assert isinstance(running, BatchNorm) and running.running_mean is not None and running.running_var is not None
    means = torch.stack([b.mean((0, 2, 3)) for b in batches]).mean(0)
    torch.testing.assert_close(running.running_mean, means)
    torch.testing.assert_close(running.running_var, torch.stack([b.var((0, 2, 3)) for b in batches]).mean(0))
    assert running.momentum == 0.1


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_checkpointing_moves_u_and_v_once(use_reentrant: bool) -> None:
    torch.manual_seed(0)
    plain = spectral_norm(nn.Conv2d(C, C, 3, padding=1))
    recomputed = copy.deepcopy(plain)
    x, y = features().requires_grad_(), features().requires_grad_()
    plain(x).square().sum().backward()
    checkpoint(recomputed, y, use_reentrant=use_reentrant).square().sum().backward()
    for key, tensor in plain.state_dict().items():
        assert torch.equal(tensor, recomputed.state_dict()[key]), key
    assert x.grad is not None and y.grad is not None
    torch.testing.assert_close(x.grad, y.grad)
    for mine, theirs in zip(plain.parameters(), recomputed.parameters(), strict=True):
        assert mine.grad is not None and theirs.grad is not None
        torch.testing.assert_close(mine.grad, theirs.grad)


@pytest.mark.parametrize("what", ["weight", "vectors"])
def test_spectral_norm_where_one_alone_is_cast(what: str) -> None:
    torch.manual_seed(0)
    weight = torch.randn(6, 4, 3, 3)
    norm = SpectralNorm(weight)
    wanted = copy.deepcopy(norm)(weight)
    if what == "weight":
        weight = weight.bfloat16()
    else:
        norm.bfloat16()
    found = norm(weight)
    assert found.dtype == weight.dtype and norm.u.dtype == (torch.float32 if what == "weight" else torch.bfloat16)
    torch.testing.assert_close(found.float(), wanted, atol=2e-2, rtol=2e-2)


@EVERY
def test_what_is_no_condition(name: str) -> None:
    layer, x = make_layer(name), features()
    layout = Layout(class_ids=torch.zeros(2, H, W, dtype=torch.int64))
    for wrong in (None, layout, np.zeros((2, H, W), dtype=np.int64), {"class_ids": 1}):
        with pytest.raises(InputTypeError, match=f"takes a Condition.* found {type(wrong).__name__}"):
            layer(x, wrong)  # type: ignore[arg-type]
        with pytest.raises(InputTypeError, match="takes a Condition"):
            ModulatedResBlock(C, C, lambda _: make_layer(name))(x, wrong)  # type: ignore[arg-type]
    for bad in (x[0], np.zeros((2, C, H, W)), None):
        with pytest.raises((InputError, InputTypeError), match="n c h w"):
            layer(bad, make_condition(name))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["clade", "spade"])
def test_what_is_no_map_of_ids(name: str) -> None:
    layer, x = make_layer(name), features()
    ids = torch.arange(2 * H * W).view(2, H, W) % (K + 1)
    for wrong, said in (
        (ids.float(), "must hold integers"),
        (ids[0], r"ids\[None\]"),
        (ids[0, ..., None], r"ids\[None, ..., 0\]"),
        (ids[:, None], r"ids\[:, 0\]"),
        (ids[..., None], r"ids\[..., 0\]"),
        (nn.functional.one_hot(ids).movedim(3, 1), r"one_hot.argmax\(1\)"),
        (ids.where(ids != 2, 255), r"class_ids holds 255 in 21 pixels.* num_classes is 5.* ignore_index=255"),
        (ids.where(ids != 2, -1), "class_ids holds -1 in 21 pixels"),
    ):
        with pytest.raises((InputError, InputTypeError), match=said):
            layer(x, wrong)
    for wrong in (ids.where(ids != 2, 255), ids.float()):
        with pytest.raises((InputError, InputTypeError), match="class_ids"):
            layer(x, Condition(class_ids=wrong))


@pytest.mark.parametrize("name", ["clade", "spade", "inade"])
@pytest.mark.parametrize("has_windows", [False, True])
def test_an_ignored_id_is_no_class(name: str, has_windows: bool) -> None:
    makers = {"clade": lambda **kw: CLADE(C, K, **kw), "spade": lambda **kw: SPADE(C, K, hidden=6, **kw)}
    make = makers.get(name, lambda **kw: INADE(C, K, 3, **kw))
    torch.manual_seed(0)
    layer = make(ignore_index=255)
    cond = make_condition(name)
    assert cond.class_ids is not None

    def changed(to: int) -> Condition:
        assert cond.class_ids is not None
        ids = cond.class_ids.where(cond.class_ids != 2, to)
        if cond.regions is None:
            made = Condition.of(class_ids=ids)
        else:
            instances = torch.zeros_like(ids)
            made = Condition.of(class_ids=ids, instance_ids=instances, instance_codes=torch.ones(2, 1, 2, 3))
        if not has_windows or name == "inade":
            return made
        from semsyn.records.regions import Regions

        return Condition(class_ids=ids, regions=Regions.of(ids).with_windows())

    torch.testing.assert_close(layer(features(), changed(255)), layer(features(), changed(K)))
    with pytest.raises(InputError, match="class_ids holds 254 in"):
        layer(features(), changed(254))


def test_codes_of_instances_that_there_are_not() -> None:
    cond = make_condition("inade")
    assert cond.class_ids is not None
    fours, codes = torch.full_like(cond.class_ids, 4), torch.ones(2, 3, 2, 3)
    with pytest.raises(InputError, match=r"instance_ids holds 4 in .* must lie in \[0, 2\]"):
        Condition.of(class_ids=cond.class_ids, instance_ids=fours, instance_codes=codes)


def test_parts_without_noise_and_regions_of_what_is_no_id() -> None:
    with pytest.raises(InputError, match="reads the noise of parts"):
        make_layer("part").modulate(Condition(class_ids=torch.zeros(2, H, W, dtype=torch.int64), parts=Parts()))
    ids = torch.zeros(2, H, W, dtype=torch.int64)
    many = torch.arange(2 * H * W).view(2, H, W) % 100
    wide, narrow = (Condition.of(class_ids=t, instance_ids=t).regions for t in (many, many.to(torch.uint8)))
    assert wide is not None and narrow is not None and torch.equal(wide.ids, narrow.ids)  # no overflow
    for wrong, said in ((ids - 1, "class_ids holds -1, but ids start at 0"), (ids.float(), "must hold integers")):
        with pytest.raises((InputError, InputTypeError), match=said):
            Condition.of(class_ids=wrong, instance_ids=ids)
        with pytest.raises((InputError, InputTypeError), match=said.replace("class", "instance")):
            Condition.of(class_ids=ids, instance_ids=wrong)


def test_planes_and_classes_of_a_label_convolution() -> None:
    conv, ids = LabelConv2d(K, 2, num_planes=1), torch.zeros(1, H, W, dtype=torch.int64)
    with pytest.raises(InputError, match=r"reads 1 planes \(n p h w\), found none"):
        conv(ids)
    with pytest.raises(InputError, match="reads 1 planes"):
        conv(ids, torch.zeros(1, 2, H, W))
    with pytest.raises(InputError, match="reads class_ids"):
        conv(None, torch.zeros(1, 1, H, W))


def test_a_block_takes_ids_alone() -> None:
    block = ModulatedResBlock(C, C, lambda c: CLADE(c, K)).eval()
    ids = torch.arange(2 * H * W).view(2, H, W) % K
    with torch.no_grad():
        assert torch.equal(block(features(), ids), block(features(), Condition(class_ids=ids)))


def test_norms_in_double_precision_stay_there() -> None:
    x = features(dtype=torch.float64)
    for norm in (SyncBatchNorm(C).double(), InstanceNorm(C), BatchNorm(C).double()):
        assert norm(x).dtype == torch.float64
    torch.testing.assert_close(SyncBatchNorm(C).double().normalise(x), BatchNorm(C).double()(x), rtol=1e-12, atol=1e-12)
