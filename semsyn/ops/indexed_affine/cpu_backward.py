"""The backward of `semsyn.ops.indexed_affine.cpu` in training, chunk by chunk."""

import torch
from torch import Tensor

from semsyn.ops.add_by_id import add_by_id

Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


def indexed_affine_backward_chunked(
    grad_y: Tensor,
    x: Tensor,
    ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    slope: float | None,
    needs_x: bool,
    needs_tables: bool,
    *,
    chunk: int,
) -> Gradients:
    """Gradients of x and of both tables, those that are wanted; ``chunk`` numbers are looked up at a time."""
    if not x.is_contiguous(memory_format=torch.channels_last):
        x = x.contiguous()
    of_x = torch.empty_like(x) if needs_x else None
    of_gamma, of_beta = torch.zeros(gamma.shape, dtype=x.dtype), torch.zeros(beta.shape, dtype=x.dtype)
    length = max(1, chunk // max(x.shape[1], 1))
    for image in range(len(x)):
        tables = [t[image] if t.ndim == 3 else t for t in (gamma, beta, of_gamma, of_beta)]
        scales, shifts, *sums = [t.contiguous() for t in tables]  # of the gradients these are views
        rows, sent, given = ids[image].flatten(), _pixels(grad_y[image]), _pixels(x[image])
        found = torch.empty_like(given)
        for start in range(0, len(rows), length):
            part = slice(start, start + length)
            at, grad, pixels = rows[part], sent[part], given[part]
            scale = scales.index_select(0, at)
            if slope is not None:
                y = torch.addcmul(shifts.index_select(0, at), pixels, scale)
                grad = torch.ops.aten.leaky_relu_backward(grad, y, slope, False)
            if needs_tables:
                add_by_id(sums, at[:, None], (pixels * grad, grad))
            torch.mul(grad, scale, out=found[part])
        if of_x is not None:
            of_x[image].flatten(1).copy_(found.T)
    return of_x, of_gamma, of_beta


def _pixels(features: Tensor) -> Tensor:
    """c h w as (h w) c. It is turned as a whole, which torch does faster than pieces of it."""
    return features.flatten(1).T.contiguous()
