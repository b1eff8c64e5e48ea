"""Networks under FSDP, sharded layer by layer or block by block, in one process."""

from collections.abc import Iterator

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

from semsyn import Generator
from semsyn.nn import LabelConv2d, ModulatedResBlock
from tests.models.cases import make_generator, make_layout

EVERY = pytest.mark.parametrize("case", ["spade-edges", "clade-icpe", "scgan"])
LAYERS, BLOCKS = (nn.Conv2d, nn.Linear, LabelConv2d), (ModulatedResBlock,)


@pytest.fixture(scope="module")
def mesh() -> Iterator[DeviceMesh]:
    if not dist.is_available():
        pytest.skip("this torch has no torch.distributed")
    dist.init_process_group("gloo", rank=0, world_size=1, store=dist.HashStore())
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


def shard(generator: Generator, mesh: DeviceMesh, kinds: tuple[type[nn.Module], ...], dtype: torch.dtype) -> None:
    policy = MixedPrecisionPolicy(param_dtype=dtype)
    for module in reversed([m for m in generator.painter.modules() if isinstance(m, kinds)]):
        fully_shard(module, mesh=mesh, mp_policy=policy)
    fully_shard(generator, mesh=mesh, mp_policy=policy)


@EVERY
@pytest.mark.parametrize("kinds", [LAYERS, BLOCKS], ids=["layers", "blocks"])
def test_pictures_stay(case: str, kinds: tuple[type[nn.Module], ...], mesh: DeviceMesh) -> None:
    generator = make_generator(case)
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    with torch.no_grad():
        wanted = generator(layout, style)
        shard(generator, mesh, kinds, torch.float32)
        torch.testing.assert_close(generator(layout, style), wanted, atol=1e-5, rtol=1e-5)


@EVERY
def test_a_step_in_bfloat16(case: str, mesh: DeviceMesh) -> None:
    generator = make_generator(case).train()
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    shard(generator, mesh, BLOCKS, torch.bfloat16)
    picture = generator(layout, style)
    assert picture.dtype == torch.bfloat16
    picture.float().square().sum().backward()
    grads = [p.grad for p in generator.painter.parameters()]
    assert all(g is not None and g.full_tensor().isfinite().all() for g in grads)  # type: ignore[attr-defined]
