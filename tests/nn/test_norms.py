import functools
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn

from semsyn.errors import UnknownNameError
from semsyn.nn import BatchNorm, InstanceNorm, SyncBatchNorm
from semsyn.nn.norms import make_norm

SPLITS = (2, 3)  # images per process, not the same number


def make_batch() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(sum(SPLITS), 4, 5, 6, generator=rng)
    x = x * torch.tensor([1.0, 0.01, 30, 1])[:, None, None] + torch.tensor([0.0, 1, -500, 1000])[:, None, None]
    return x, torch.randn(x.shape, generator=rng)


@pytest.mark.parametrize("kind", [BatchNorm, SyncBatchNorm])
def test_batch_norms_are_torchs(kind: type[nn.Module]) -> None:
    x, weights = make_batch()
    ours, torchs = kind(4), nn.BatchNorm2d(4, affine=False)
    results = []
    for norm in (ours, torchs):
        leaf = x.clone().requires_grad_()
        y = norm.train()(leaf)
        (y * weights).sum().backward()
        results.append([y.detach(), leaf.grad, norm.eval()(x), norm.running_mean, norm.running_var])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)
    assert not list(ours.parameters())
    assert set(ours.state_dict()) == {"running_mean", "running_var", "num_batches_tracked"}
    assert ours.num_batches_tracked == (1 if kind is BatchNorm else 0), "as released, only plain batch norm counts"


@pytest.mark.parametrize("momentum", [0.0, 0.3, 1.0])
def test_statistics_move_by_the_momentum(momentum: float) -> None:
    x, _ = make_batch()
    ours, torchs = SyncBatchNorm(4, momentum=momentum), nn.BatchNorm2d(4, affine=False, momentum=momentum)
    ours(x), torchs(x)
    torch.testing.assert_close(ours.running_mean, torchs.running_mean)
    torch.testing.assert_close(ours.running_var, torchs.running_var)


def test_instance_norm_is_torchs() -> None:
    x, _ = make_batch()
    for mode in (True, False):
        torch.testing.assert_close(InstanceNorm(4).train(mode)(x), nn.InstanceNorm2d(4)(x), rtol=1e-4, atol=1e-4)
    assert not InstanceNorm(4).state_dict()


@pytest.mark.parametrize("kind", [BatchNorm, SyncBatchNorm, InstanceNorm])
def test_half_precision_is_kept(kind: type[nn.Module]) -> None:
    x = make_batch()[0][:, :1].bfloat16()
    for mode in (True, False):
        assert kind(1).train(mode)(x).dtype == torch.bfloat16


def test_norms_by_name() -> None:
    assert [type(make_norm(name)(3)) for name in ("batch", "sync_batch", "instance")] == [
        BatchNorm,
        SyncBatchNorm,
        InstanceNorm,
    ]
    with pytest.raises(UnknownNameError, match="unknown norm 'syncbatch'; did you mean sync_batch"):
        make_norm("syncbatch")


def run_process(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=len(SPLITS))
    x, weights = (t.split(SPLITS)[rank] for t in make_batch())
    for as_released in (False, True):
        norm = SyncBatchNorm(4, as_released=as_released)
        leaf = x.clone().requires_grad_()
        y = norm(leaf)
        (y * weights).sum().backward()
        state = (norm.running_mean, norm.running_var, norm.num_batches_tracked)
        torch.save([y.detach(), leaf.grad, *state, norm.eval()(x)], f"{folder}/{rank}-{as_released}.pt")
    dist.destroy_process_group()


def test_two_processes_share_statistics_and_gradients(tmp_path: Path) -> None:
    mp.spawn(run_process, args=(str(tmp_path),), nprocs=len(SPLITS))
    per_rank = [torch.load(tmp_path / f"{rank}-False.pt") for rank in range(len(SPLITS))]

    x, weights = make_batch()
    norm, leaf = nn.BatchNorm2d(4, affine=False), x.clone().requires_grad_()
    y = norm(leaf)
    (y * weights).sum().backward()
    close = functools.partial(torch.testing.assert_close, rtol=1e-4, atol=1e-4)
    close(torch.cat([results[0] for results in per_rank]), y.detach())
    scale = leaf.grad.abs().amax((0, 2, 3), keepdim=True)  # channels differ by orders of magnitude
    close(torch.cat([results[1] for results in per_rank]) / scale, leaf.grad / scale)
    for results in per_rank:
        torch.testing.assert_close(results[2], norm.running_mean)
        torch.testing.assert_close(results[3], norm.running_var, rtol=1e-5, atol=1e-5)
        assert results[4] == 0
    close(torch.cat([results[5] for results in per_rank]), norm.eval()(x))

    whole = SyncBatchNorm(4, as_released=True)
    y = whole.normalise(leaf := x.clone().requires_grad_())
    (y * weights).sum().backward()
    per_rank = [torch.load(tmp_path / f"{rank}-True.pt") for rank in range(len(SPLITS))]
    for place, expected in ((0, y.detach()), (1, leaf.grad)):
        scale = expected.abs().amax((0, 2, 3), keepdim=True)
        close(torch.cat([results[place] for results in per_rank]) / scale, expected / scale, rtol=1e-3, atol=1e-3)
    for results in per_rank:
        torch.testing.assert_close(results[2:4], [whole.running_mean, whole.running_var])


def test_as_released_the_variance_is_clamped() -> None:
    x = make_batch()[0][:, :2]
    x = (x - x.mean((0, 2, 3), keepdim=True)).contiguous()
    norm = SyncBatchNorm(2, eps=2e-4, as_released=True)  # the second channel's variance is half of it
    expected = x / x.var((0, 2, 3), unbiased=False).clamp(min=2e-4).sqrt()[:, None, None]
    torch.testing.assert_close(norm.normalise(x), expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(SyncBatchNorm(2, eps=2e-4).normalise(x), expected, rtol=0.1)
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * x.var((0, 2, 3)))
    alone, plain = SyncBatchNorm(2, as_released=True), nn.BatchNorm2d(2, affine=False)
    torch.testing.assert_close(alone(x), plain(x), msg="in one process it is plain batch norm")
