"""Parameter-free normalisation, the first half of every modulation."""

from collections.abc import Callable

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import UnknownNameError
from semsyn.nn.features import check_batch, check_features
from semsyn.signature import checked

NormFactory = Callable[[int], nn.Module]


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation without affine parameters (n c h w)."""

    _check_input_dim = check_batch  # type: ignore[assignment]  # what torch calls first

    @checked(channels=1)
    def __init__(
        self,
        channels: int,
        *,
        eps: float = 1e-5,
        momentum: float = 0.1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(channels, eps=eps, momentum=momentum, affine=False, device=device, dtype=dtype)


class SyncBatchNorm(BatchNorm):
    """Batch normalisation whose training statistics are taken over all processes of `torch.distributed`.

    Sums travel by a differentiable all-reduce, so any backend works (torch's own `SyncBatchNorm` needs GPUs). In one
    process, or in evaluation, it is plain batch normalisation. ``num_batches_tracked`` stays as it is, as in the
    released checkpoints, unless momentum is None: then the running statistics are the averages of all batches.

    Args:
        channels: c.
        eps: added to the variance.
        momentum: share of the new statistics in the running ones.
        as_released: statistics of several processes as the released code of SPADE and its heirs takes them over its
            replicas: one reduction of sums and squares, and the variance clamped to at least eps in place of eps added.
        device, dtype: of the running statistics.
    """

    @checked(channels=1)
    def __init__(
        self,
        channels: int,
        *,
        eps: float = 1e-5,
        momentum: float = 0.1,
        as_released: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(channels, eps=eps, momentum=momentum, device=device, dtype=dtype)
        self.as_released = as_released

    def _pace(self) -> float:
        """Share of the statistics to come. Of torch's None, a cumulative average (`update_bn` sets it), it counts."""
        if self.momentum is not None:
            return self.momentum
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        return 1 / int(self.num_batches_tracked)

    def forward(self, x: Tensor) -> Tensor:
        self._check_input_dim(x)
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_var, eps=self.eps)
        if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
            return F.batch_norm(
                x, self.running_mean, self.running_var, training=True, momentum=self._pace(), eps=self.eps
            )
        from torch.distributed.nn.functional import all_reduce

        return self.normalise(x, all_reduce)

    def normalise(self, x: Tensor, reduce: Callable[[Tensor], Tensor] = lambda sums: sums) -> Tensor:
        """What training gives for one part of a batch; running statistics follow.

        Args:
            x: the part, n c h w.
            reduce: sums up what all parts call it with. By default x is the whole batch.
        """
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        count = wide.new_full((1,), wide.numel() / wide.shape[1])
        if self.as_released:
            sums, squares, total = reduce(torch.cat([wide.sum((0, 2, 3)), wide.square().sum((0, 2, 3)), count])).split(
                [wide.shape[1], wide.shape[1], 1]
            )
            mean = sums / total
            var = (squares - sums * mean) / total
            centred, spread = wide - mean[:, None, None], var.clamp(min=self.eps)
        else:
            # Two reductions: the squares are taken around the global mean, which keeps fp32 exact for large means.
            sums, total = reduce(torch.cat([wide.sum((0, 2, 3)), count])).split([wide.shape[1], 1])
            mean = sums / total
            centred = wide - mean[:, None, None]
            var = reduce(centred.square().sum((0, 2, 3))) / total
            spread = var + self.eps
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None
            pace = self._pace()
            unbiased = var * (total / (total - 1).clamp(min=1))
            self.running_mean.lerp_(mean.to(self.running_mean), pace)
            self.running_var.lerp_(unbiased.to(self.running_var), pace)
        return (centred * torch.rsqrt(spread)[:, None, None]).to(x.dtype)


class InstanceNorm(nn.Module):
    """Instance normalisation without parameters or running statistics (n c h w).

    Computed as a group norm with one channel per group: same numbers, several times faster on CPU.
    """

    @checked(channels=1)
    def __init__(self, channels: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels = channels
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        check_features(x, channels=self.channels, least=0)
        return F.group_norm(x, self.channels, eps=self.eps)

    def extra_repr(self) -> str:
        return f"{self.channels}, eps={self.eps}"


NORMS: dict[str, NormFactory] = {"batch": BatchNorm, "sync_batch": SyncBatchNorm, "instance": InstanceNorm}


def make_norm(name: str) -> NormFactory:
    """The factory of a parameter-free norm: ``batch``, ``sync_batch`` or ``instance``."""
    if name not in NORMS:
        raise UnknownNameError("norm", name, list(NORMS))
    return NORMS[name]
