"""Instance normalisation and modulation by region, in one operation."""

from torch import Tensor

from semsyn.functional.backend import Backend
from semsyn.functional.checks import trusted
from semsyn.functional.indexed_affine import check_regions, check_tables, ignoring, indexed_affine
from semsyn.functional.kernel_trials import wants_kernel
from semsyn.ops.normalized_affine.op import normalized_affine_op
from semsyn.ops.normalized_affine.reference import instance_norm
from semsyn.signature import checked


@checked(floats="x gamma beta")
def normalized_affine(
    x: Tensor,
    region_ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    *,
    eps: float = 1e-5,
    negative_slope: float | None = None,
    ignore_index: int | None = None,
    backend: Backend = "auto",
) -> Tensor:
    r"""Normalise every channel of every image, then scale and shift every pixel by the table rows of its region.

    .. math:: y_{nchw} = \gamma_{rc}\,\frac{x_{nchw} - \mu_{nc}}{\sqrt{\sigma^2_{nc} + \epsilon}} + \beta_{rc},
        \qquad r = \text{region\_ids}_{nhw}

    with mean and biased variance over the pixels. It is `indexed_affine` of an instance norm without affine parameters
    (Ulyanov et al., arXiv:1607.08022, eq. 5); the kernel neither writes nor reads the normalised features.

    Args:
        x: n c h w, any float dtype. One pixel alone is normalised to zero.
        region_ids: n h w, integers in [0, r). Others are an error, or where nobody looks (`semsyn.checks`) have gamma
            and beta 0.
        gamma, beta: tables, r c for the whole batch or n r c, one per image.
        eps: added to the variance.
        negative_slope: of a leaky ReLU that follows, in the same pass; left out, none follows.
        ignore_index: an id of pixels without a region, whose gamma and beta are 0; None: there is none.
        backend: "reference" (plain PyTorch), "triton" (kernels; on a GPU, fp32, fp16 or bf16; statistics and arithmetic
            are fp32), or "auto": the kernels where they can run, but not under export nor with deterministic algorithms
            asked for; else a group norm of c groups, then what `indexed_affine` picks.

    Returns:
        n c h w, the dtype that x and the tables promote to. Differentiable in everything but the ids, to any order.

    Raises:
        InputError: if shapes do not fit, an id is outside of [0, r) (see `semsyn.checks`), or the backend asked for by
            name cannot run this.
        InputTypeError: unless region_ids are integers; if backend="triton" and the dtype has no kernel.
        MissingExtraError: if backend="triton" and Triton is not installed.
    """
    check_regions(region_ids, gamma, ignore_index)
    check_tables(x, region_ids, gamma, beta)
    if wants_kernel("normalized_affine", backend, x, gamma, beta):
        y, _, _ = normalized_affine_op(x, ignoring(region_ids, ignore_index), gamma, beta, eps, negative_slope)
        return y
    with trusted():
        return indexed_affine(
            instance_norm(x, eps),
            region_ids,
            gamma,
            beta,
            negative_slope=negative_slope,
            ignore_index=ignore_index,
            backend=backend,
        )
