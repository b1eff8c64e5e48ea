"""Ids of every size and type, from -2^63 to 2^63 - 1, in every operation and layer that indexes with ids.

Called eagerly an id that is none is refused. Where nobody looks (checks turned off, compiled, exported) the result is
defined: a class id that is none is "no class", a region that is none has rows of zeros. Nothing of another image, class
or tap is ever read.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from semsyn.errors import SemsynError
from semsyn.functional.backend import Backend, is_interpreting
from semsyn.functional.checks import checks
from semsyn.functional.indexed_affine import indexed_affine
from semsyn.functional.label_conv2d import label_conv2d
from semsyn.functional.normalized_affine import normalized_affine
from semsyn.functional.region_pool import region_pool
from semsyn.losses.label_mix import label_mix_mask
from semsyn.losses.segmentation import segmentation_loss
from semsyn.nn.clade import CLADE
from semsyn.nn.inade import INADE
from semsyn.nn.label_conv import LabelConv2d
from semsyn.nn.routing.semantic_vectors import SemanticVectorNetwork
from semsyn.nn.spade import SPADE
from semsyn.records.condition import Condition
from semsyn.records.regions import Regions
from semsyn.testing.attack.attempt import Attack, WrongAnswer

Call = Callable[[Tensor], Tensor]

N, K, C, H, W = 2, 3, 2, 4, 6
SLOPE = 0.2
DTYPES = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32)
EDGES = (-(2**63), 2**63 - 1, -(2**31), 2**31, 2**32, 2**32 + 1, -1, -2, K, K + 1, 2 * K, 254, 255, 256, 65535)


@dataclass(frozen=True)
class Case:
    """Something that indexes with ids, n h w.

    Attributes:
        call: it.
        last: ids in [0, last] are fine.
        expected: what any ids give where nobody looks.
    """

    call: Call
    last: int
    expected: Call


def _draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _table_of(tables: Tensor, image: int, region: int) -> Tensor:
    table = tables[image] if tables.ndim == 3 else tables
    return table[region] if 0 <= region < len(table) else torch.zeros(C)


def _affine_by_pixel(x: Tensor, ids: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """The equation, one pixel after the other."""
    y = torch.empty_like(x)
    for n, image in enumerate(ids.tolist()):
        for h, row in enumerate(image):
            for w, region in enumerate(row):
                y[n, :, h, w] = x[n, :, h, w] * _table_of(gamma, n, region) + _table_of(beta, n, region)
    return nn.functional.leaky_relu(y, SLOPE)


def _affine(per_image: bool, is_normalized: bool, backend: Backend = "auto") -> Case:
    x = _draw(N, C, H, W, seed=1)
    gamma, beta = (_draw(*((N,) if per_image else ()), K, C, seed=seed) for seed in (2, 3))
    op = normalized_affine if is_normalized else indexed_affine
    given = nn.functional.instance_norm(x) if is_normalized else x
    return Case(
        lambda ids: op(x, ids, gamma, beta, negative_slope=SLOPE, backend=backend),
        K - 1,
        lambda ids: _affine_by_pixel(given, ids, gamma, beta),
    )


def _pool() -> Case:
    x = _draw(N, C, H, W, seed=4)

    def expected(ids: Tensor) -> Tensor:
        sums, counts = torch.zeros(N, K, C), torch.zeros(N, K, 1)
        for n, image in enumerate(ids.tolist()):
            for h, row in enumerate(image):
                for w, region in enumerate(row):
                    if 0 <= region < K:
                        sums[n, region] += x[n, :, h, w]
                        counts[n, region] += 1
        return torch.cat([sums / counts.clamp(min=1), counts], dim=2)

    def call(ids: Tensor) -> Tensor:
        means, counts = region_pool(x, ids, K)
        return torch.cat([means, counts[..., None]], dim=2)

    return Case(call, K - 1, expected)


def _convolution() -> Case:
    weight = _draw(C, K, 3, 3, seed=5)

    def expected(ids: Tensor) -> Tensor:
        planes = torch.stack([ids == k for k in range(K)], dim=1).float()
        return nn.functional.conv2d(planes, weight, padding=1)

    return Case(lambda ids: label_conv2d(ids, weight, padding=1), K, expected)


def _class_ids(call: Call) -> Case:
    """Where an id that is none is "no class"."""
    return Case(call, K, lambda ids: call(torch.where((ids >= 0) & (ids < K), ids, K)))


def _layers() -> dict[str, Case]:
    x, logits = _draw(N, C, H, W, seed=6), _draw(N, K + 1, H, W, seed=7)
    codes, is_real = _draw(N, K, 2, 3, seed=8), torch.tensor([True, False, True])
    clade, spade, conv = CLADE(C, K).eval(), SPADE(C, K, hidden=2).eval(), LabelConv2d(K, C)
    inade = INADE(C, K, 3).eval()
    network = SemanticVectorNetwork(K, width=2, levels=2).eval()
    zeros = torch.zeros(N, H, W, dtype=torch.int64)
    padded = nn.functional.pad(codes, (0, 0, 0, 0, 0, 1))

    def of_instances(ids: Tensor, codes: Tensor) -> Tensor:
        return inade(x, Condition.of(class_ids=zeros, instance_ids=ids, instance_codes=codes))

    def instances(ids: Tensor) -> Tensor:
        return of_instances(ids, codes)

    def expected_instances(ids: Tensor) -> Tensor:
        if bool((ids < 0).any()):  # found eagerly, by the regions themselves
            return instances(ids)
        return of_instances(torch.where((ids >= 0) & (ids < K), ids, K), padded)

    def pixels(ids: Tensor, codes: Tensor) -> Tensor:
        """As a compiled generator makes it: every pixel is a region."""
        regions = Regions.of_pixels(zeros, ids.long()).with_codes(codes)
        return inade(x, Condition(class_ids=zeros, regions=regions))

    return {
        "clade": _class_ids(lambda ids: clade(x, ids)),
        "spade": _class_ids(lambda ids: spade(x, ids)),
        "label-conv": _class_ids(conv),
        "semantic-vectors": _class_ids(lambda ids: torch.cat([t.flatten() for t in network(ids).conv])),
        "segmentation-loss": _class_ids(lambda ids: segmentation_loss(logits, ids)),
        "label-mix": _class_ids(lambda ids: label_mix_mask(ids, is_real)),
        "inade-instances": Case(instances, K - 1, expected_instances),
        "inade-pixels": Case(
            lambda ids: pixels(ids, codes),
            K - 1,
            lambda ids: pixels(torch.where((ids >= 0) & (ids < K), ids, K), padded),
        ),
    }


@cache
def cases() -> dict[str, Case]:
    """All of them by name; kernels where Triton interprets."""
    found = {
        f"{'normalized' if is_normalized else 'indexed'}-affine{'-per-image' * per_image}": _affine(
            per_image, is_normalized
        )
        for is_normalized in (False, True)
        for per_image in (False, True)
    }
    if is_interpreting():
        found |= {
            f"{'normalized' if is_normalized else 'indexed'}-affine-kernel": _affine(True, is_normalized, "triton")
            for is_normalized in (False, True)
        }
    return {**found, "region-pool": _pool(), "label-conv2d": _convolution(), **_layers()}


def traceable() -> list[str]:
    """Names of those that one graph can hold: regions of instances have shapes that depend on the data."""
    return [name for name in cases() if name != "inade-instances" and "kernel" not in name]


def draw_ids(rng: random.Random) -> Tensor:
    """Ids n h w of any integer type: most of them fit, some are as odd as their type allows."""
    dtype = rng.choice(DTYPES)
    info, oddity = torch.iinfo(dtype), rng.choice((0.0, 0.02, 0.3, 1.0))
    odd = [i for i in (*EDGES, info.min, info.max, rng.randint(info.min, info.max)) if info.min <= i <= info.max]
    values = [rng.choice(odd) if rng.random() < oddity else rng.randrange(K) for _ in range(N * H * W)]
    return torch.tensor(values, dtype=dtype).view(N, H, W)


class _Module(nn.Module):
    def __init__(self, call: Call) -> None:
        super().__init__()
        self.call = call

    def forward(self, ids: Tensor) -> Tensor:
        return self.call(ids)


@cache
def compiled(name: str) -> Call:
    """A case as one compiled graph."""
    return torch.compile(cases()[name].call, backend="eager", fullgraph=True)


@cache
def exported(name: str) -> Call:
    """A case as an exported graph."""
    ids = torch.zeros(N, H, W, dtype=torch.int64)
    module: Call = torch.export.export(_Module(cases()[name].call), (ids,)).module()
    return module


def compare(name: str, call: Call, ids: Tensor, how: str) -> None:
    """Raise WrongAnswer unless a call gives what is expected of these ids where nobody looks."""
    with torch.no_grad():
        found = call(ids)
        with checks(False):
            expected = cases()[name].expected(ids.long())
    if not torch.allclose(found, expected, rtol=1e-4, atol=1e-5):
        raise WrongAnswer(
            f"{name} {how}: {float((found - expected).abs().max()):.3g} off for {ids.dtype} {ids.tolist()}"
        )


def eager(rng: random.Random, folder: Path) -> None:
    """Refused if an id is none, else right."""
    name, ids = rng.choice(list(cases())), draw_ids(rng)
    case, wide = cases()[name], ids.long()
    fits = int(wide.min()) >= 0 and int(wide.max()) <= case.last
    try:
        case.call(ids)
    except SemsynError:
        if fits:
            raise WrongAnswer(f"{name} refuses {ids.tolist()}") from None
        raise
    if not fits:
        raise WrongAnswer(f"{name} takes {ids.dtype} {ids.tolist()}")
    compare(name, case.call, ids, "eager")


def unchecked(rng: random.Random, folder: Path) -> None:
    """Defined."""
    name, ids = rng.choice(list(cases())), draw_ids(rng)
    with checks(False):
        compare(name, cases()[name].call, ids, "unchecked")


def traced(rng: random.Random, folder: Path) -> None:
    """Defined, by the graph alone."""
    name, ids = rng.choice(traceable()), draw_ids(rng).long()
    how = rng.choice((compiled, exported))
    compare(name, how(name), ids, how.__name__)


ATTACKS: tuple[Attack, ...] = (eager, unchecked, traced)
