import threading

import pytest
import torch
from torch import Tensor

import semsyn
from semsyn.errors import InputError, InputTypeError
from semsyn.functional import (
    connected_components,
    dense_ids,
    edges,
    indexed_affine,
    label_conv2d,
    normalized_affine,
    region_offsets,
    region_pool,
)
from semsyn.functional.checks import are_checked, checks, trusted

N, K, C, H, W = 2, 5, 3, 4, 6
X = torch.randn(N, C, H, W, generator=torch.Generator().manual_seed(0))
IDS = torch.arange(N * H * W).view(N, H, W) % K
TABLE = torch.randn(K, C, generator=torch.Generator().manual_seed(1))
WEIGHT = torch.randn(C, K, 3, 3, generator=torch.Generator().manual_seed(2))
OPS = {  # of ids; the last id that they take
    "indexed_affine": (lambda ids, **kw: indexed_affine(X, ids, TABLE, TABLE, **kw), K - 1),
    "normalized_affine": (lambda ids, **kw: normalized_affine(X, ids, TABLE, TABLE, **kw), K - 1),
    "label_conv2d": (lambda ids, **kw: label_conv2d(ids, WEIGHT, padding=1, **kw), K),
    "region_pool": (lambda ids, **kw: region_pool(X, ids, K, **kw)[0], K - 1),
}
EVERY = pytest.mark.parametrize("op", OPS)


@EVERY
def test_ids_outside_are_an_error_that_names_them(op: str) -> None:
    call, last = OPS[op]
    call(IDS.where(IDS != 3, last))
    for wrong in (last + 1, 255, -1):
        with pytest.raises(InputError, match=rf"holds {wrong} in 9 pixels|holds {wrong} in 10 pixels"):
            call(IDS.where(IDS != 3, wrong))


@EVERY
def test_ids_are_integers(op: str) -> None:
    call, _ = OPS[op]
    for wrong in (IDS.float(), IDS.half(), IDS.bool()):
        with pytest.raises(InputTypeError, match="must hold integers, found torch"):
            call(wrong)
    for wrong, hint in ((IDS.numpy(), "from_numpy"), (None, "NoneType"), ([1], "list")):
        if op != "label_conv2d" or wrong is not None:
            with pytest.raises(InputTypeError, match=hint):
                call(wrong)
    for dtype in (torch.uint8, torch.int16, torch.int32, torch.uint16):
        assert torch.equal(call(IDS.to(dtype)), call(IDS))


@EVERY
def test_an_ignored_id_belongs_to_nothing(op: str) -> None:
    call, last = OPS[op]
    ids = IDS.where(IDS != 3, 255)
    found = call(ids, ignore_index=255)
    if op == "label_conv2d":
        assert torch.equal(found, call(IDS.where(IDS != 3, last)))
    elif op == "region_pool":
        wanted = call(IDS)
        wanted[:, 3] = 0
        assert torch.equal(found, wanted)
    else:
        assert torch.equal(found, call(IDS).where((IDS != 3)[:, None], 0))
    with pytest.raises(InputError, match="holds 254 in"):
        call(ids.where(IDS != 2, 254), ignore_index=255)


@pytest.mark.parametrize("op", [connected_components, dense_ids, edges, region_offsets])
def test_maps_of_ids_are_integers(op: object) -> None:
    with pytest.raises(InputTypeError, match=r"must hold integers, found torch\.float32"):
        op(IDS.float())  # type: ignore[operator]


def test_checks_are_switched_as_a_function_a_context_and_a_decorator() -> None:
    assert are_checked(IDS)
    with semsyn.checks(False):
        assert not are_checked(IDS)
        with semsyn.checks(True):
            assert are_checked(IDS)
        seen: list[bool] = []
        other = threading.Thread(target=lambda: seen.append(are_checked(IDS)))
        other.start()
        other.join()
        assert seen == [True]  # a context is of its own thread
    assert are_checked(IDS)

    @semsyn.checks(False)
    def look() -> bool:
        return are_checked(IDS)

    assert not look() and not look() and are_checked(IDS)
    try:
        semsyn.checks(False)
        assert not are_checked(IDS)
        seen = []
        other = threading.Thread(target=lambda: seen.append(are_checked(IDS)))
        other.start()
        other.join()
        assert seen == [False]
    finally:
        semsyn.checks(True)
    assert are_checked(IDS)
    with pytest.raises(RuntimeError, match="own"), checks(False):
        raise RuntimeError("own")
    assert are_checked(IDS)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning", "ignore:There is a perf")
def test_nothing_is_looked_at_where_that_would_break_a_trace() -> None:
    def call(ids: Tensor) -> Tensor:
        return label_conv2d(ids, WEIGHT, padding=1)

    wrong = torch.full_like(IDS, 255)
    with trusted():
        assert not are_checked(IDS)
    assert not are_checked(IDS.to("meta"))
    assert torch.equal(torch.compile(call, backend="eager", fullgraph=True)(IDS), call(IDS))
    torch.jit.trace(call, (IDS,))
    many = torch.stack([IDS, IDS])
    assert torch.equal(torch.func.vmap(call)(many), torch.stack([call(IDS), call(IDS)]))
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode() as mode:
        assert label_conv2d(mode.from_tensor(wrong), mode.from_tensor(WEIGHT), padding=1).shape == (N, C, H, W)


def test_checks_cost_one_look() -> None:
    """The smallest and the largest id in one pass: no mask, no count, unless something is wrong."""
    from torch.utils._python_dispatch import TorchDispatchMode

    calls: list[str] = []

    class Listen(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            calls.append(str(func))
            return func(*args, **(kwargs or {}))

    with Listen():
        indexed_affine(X, IDS, TABLE, TABLE)
    assert calls.count("aten.aminmax.default") == 1 and not any("nonzero" in c or "unique" in c for c in calls)
    assert calls.count("aten._local_scalar_dense.default") <= 2
