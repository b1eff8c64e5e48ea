"""Modulation by a mixture: gamma and beta of a pixel are weighted sums of a few table rows."""

from torch import Tensor

from semsyn.errors import check_shape
from semsyn.functional.backend import Backend
from semsyn.functional.kernel_trials import wants_kernel
from semsyn.ops.mixture_affine.cpu import is_chunkable, mixture_affine_chunked
from semsyn.ops.mixture_affine.op import mixture_affine_op
from semsyn.ops.mixture_affine.reference import mixture_affine_reference
from semsyn.signature import checked


@checked(floats="x routing gamma beta gamma_bias beta_bias")
def mixture_affine(
    x: Tensor,
    routing: Tensor,
    gamma: Tensor,
    beta: Tensor,
    *,
    gamma_bias: Tensor | None = None,
    beta_bias: Tensor | None = None,
    negative_slope: float | None = None,
    backend: Backend = "auto",
) -> Tensor:
    r"""Scale and shift every pixel by the rows it mixes from e of them.

    .. math:: y_{nchw} = x_{nchw}\,\Bigl(1 + \sum_e w_{nehw}\,\gamma_{ec}\Bigr) + \sum_e w_{nehw}\,\beta_{ec}

    Args:
        x: n c h w, any float dtype.
        routing: n e h w, any float dtype.
        gamma, beta: tables, e c.
        gamma_bias, beta_bias: c, in place of the 1 and of a 0 that is added to the shift.
        negative_slope: of a leaky ReLU that follows, in the same pass; left out, none follows.
        backend: "reference" (plain PyTorch), "triton" (a kernel; backward is plain PyTorch; on a GPU, fp32, fp16 or
            bf16), or "auto": the kernel where it can run, but not under export nor with deterministic algorithms asked
            for; for inference on CPU a form that works in the cache.

    Returns:
        n c h w, the dtype that x and the tables promote to. Differentiable in everything.

    Raises:
        InputError: if shapes do not fit, or the backend asked for by name cannot run this.
        InputTypeError: if backend="triton" and the dtype has no kernel.
        MissingExtraError: if backend="triton" and Triton is not installed.

    Reference: Wang et al., "Image Synthesis via Semantic Composition", arXiv:2109.07053.
    """
    check_shape(x, "n c h w", name="x")
    n, c, h, w = x.shape
    check_shape(gamma, "e c", c=c, name="gamma")
    check_shape(beta, "e c", e=gamma.shape[0], c=c, name="beta")
    check_shape(routing, "n e h w", n=n, e=gamma.shape[0], h=h, w=w, name="routing")
    for bias, name in ((gamma_bias, "gamma_bias"), (beta_bias, "beta_bias")):
        if bias is not None:
            check_shape(bias, "c", c=c, name=name)
    tensors = (x, routing, gamma, beta, gamma_bias, beta_bias)
    if wants_kernel("mixture_affine", backend, x, routing, gamma, beta):
        return mixture_affine_op(*tensors, negative_slope)
    if backend == "auto" and is_chunkable(x, gamma, beta):
        return mixture_affine_chunked(*tensors, negative_slope)
    return mixture_affine_reference(*tensors, negative_slope)
