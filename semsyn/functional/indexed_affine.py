"""Modulation by region: one (gamma, beta) row per region, looked up at every pixel."""

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.backend import Backend
from semsyn.functional.checks import are_checked, are_known, check_ids
from semsyn.functional.kernel_trials import wants_kernel
from semsyn.ops.indexed_affine.cpu import (
    LearnedIndexedAffine,
    indexed_affine_chunked,
    indexed_affine_planes,
    is_eager_on_cpu,
    is_learnable,
)
from semsyn.ops.indexed_affine.op import indexed_affine_op
from semsyn.ops.indexed_affine.reference import indexed_affine_reference
from semsyn.ops.known_ids import with_zero_row
from semsyn.ops.modes import learns_on_cpu
from semsyn.signature import checked


@checked(floats="x gamma beta gamma_gain beta_gain")
def indexed_affine(
    x: Tensor,
    region_ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    *,
    gamma_gain: Tensor | None = None,
    beta_gain: Tensor | None = None,
    negative_slope: float | None = None,
    ignore_index: int | None = None,
    backend: Backend = "auto",
) -> Tensor:
    r"""Scale and shift every pixel by the table rows of its region.

    .. math:: y_{nchw} = \gamma_{rc}\,g_{nhw}\,x_{nchw} + \beta_{rc}\,b_{nhw}, \qquad r = \text{region\_ids}_{nhw}

    Args:
        x: n c h w, any float dtype.
        region_ids: n h w, integers in [0, r). Others are an error, or where nobody looks (`semsyn.checks`) have gamma
            and beta 0.
        gamma, beta: tables, r c for the whole batch or n r c, one per image.
        gamma_gain, beta_gain: n 1 h w, factors of each pixel (CLADE-ICPE); left out, they are 1.
        negative_slope: of a leaky ReLU that follows, in the same pass; left out, none follows.
        ignore_index: an id of pixels without a region, whose gamma and beta are 0; None: there is none.
        backend: "reference" (plain PyTorch), "triton" (one kernel each way; on a GPU, fp32, fp16 or bf16, no gains), or
            "auto": the kernel where it can run, but not under export nor with deterministic algorithms asked for; for
            inference on CPU a form that works in the cache.

    Returns:
        n c h w, the dtype that x and the tables promote to. Differentiable in everything but the ids, to any order.

    Raises:
        InputError: if shapes do not fit, an id is outside of [0, r) (see `semsyn.checks`), or the backend asked for by
            name cannot run this.
        InputTypeError: unless region_ids are integers; if backend="triton" and the dtype has no kernel.
        MissingExtraError: if backend="triton" and Triton is not installed.
    """
    check_regions(region_ids, gamma, ignore_index)
    n, c, h, w = x.shape if x.ndim == 4 else (-1, -1, -1, -1)
    if region_ids.shape != (n, h, w) or gamma.shape[-1] != c or gamma.shape != beta.shape or gamma.ndim != 2:
        check_tables(x, region_ids, gamma, beta)
    are_rows = rows_are_known(region_ids, gamma, beta) and ignore_index is None
    region_ids = ignoring(region_ids, ignore_index)
    has_gains = gamma_gain is not None or beta_gain is not None
    if has_gains:
        check_gains(x, gamma_gain, beta_gain)
        if backend == "triton":
            raise InputError("no kernel takes gamma_gain or beta_gain: use backend='auto' or 'reference'.")
    if (backend != "auto" or (x.is_cuda and not has_gains)) and wants_kernel("indexed_affine", backend, x, gamma, beta):
        return indexed_affine_op(x, region_ids, gamma, beta, negative_slope)
    region_ids, gamma, beta = (region_ids.long(), gamma, beta) if are_rows else with_zero_row(region_ids, gamma, beta)
    arguments = (x, region_ids, gamma, beta, negative_slope, gamma_gain, beta_gain)
    if backend == "auto" and not torch.is_grad_enabled() and is_eager_on_cpu(x, gamma, beta):
        is_last = x.is_contiguous(memory_format=torch.channels_last)
        return indexed_affine_chunked(*arguments) if is_last else indexed_affine_planes(*arguments)
    if backend == "auto" and not has_gains and is_learnable(x, gamma, beta):
        return LearnedIndexedAffine.apply(x, region_ids, gamma, beta, negative_slope)
    y = indexed_affine_reference(*arguments, are_rows=True)
    return y.contiguous() if learns_on_cpu(y) and x.is_contiguous() else y  # what is looked up is channels-last


def check_gains(x: Tensor, *gains: Tensor | None) -> None:
    """Check the factors of each pixel.

    Raises:
        InputError: if they do not fit x.
    """
    n, _, h, w = x.shape
    for gain, name in zip(gains, ("gamma_gain", "beta_gain"), strict=True):
        if gain is not None:
            check_shape(gain, "n 1 h w", n=n, h=h, w=w, **{"1": 1}, name=name)


def check_regions(region_ids: Tensor, table: Tensor, ignore_index: int | None) -> None:
    """Check that ids are rows of a table (… r c), see `check_ids`."""
    last = table.shape[-2] - 1 if table.ndim > 1 else 0
    check_ids(region_ids, last, name="region_ids", ignore_index=ignore_index, has_no_class=False)


def rows_are_known(region_ids: Tensor, gamma: Tensor, beta: Tensor) -> bool:
    """Whether ids are known to be rows of the tables. Where every image has its own, trust does not do: what one lacks
    another one has."""
    return are_known(region_ids) if gamma.ndim == beta.ndim == 2 else are_checked(region_ids)


def ignoring(region_ids: Tensor, ignore_index: int | None) -> Tensor:
    """The ids with one that is no row of any table in place of ``ignore_index``."""
    return region_ids if ignore_index is None else region_ids.long().where(region_ids != ignore_index, -1)


def check_tables(x: Tensor, region_ids: Tensor, gamma: Tensor, beta: Tensor) -> None:
    """Check that ids and tables fit x: shapes alone.

    Raises:
        InputError: if they do not.
    """
    check_shape(x, "n c h w", name="x")
    n, c, h, w = x.shape
    check_shape(region_ids, "n h w", n=n, h=h, w=w, name="region_ids")
    for table, name in ((gamma, "gamma"), (beta, "beta")):
        if table.ndim == 3:
            check_shape(table, "n r c", n=n, c=c, name=name)
        else:
            check_shape(table, "r c", c=c, name=name)
    if gamma.shape[-2] != beta.shape[-2]:
        raise InputError(f"gamma has {gamma.shape[-2]} rows, but beta has {beta.shape[-2]}.")
