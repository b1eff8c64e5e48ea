"""Modulation by a mixture: gamma and beta of a pixel are weighted sums of a few table rows."""

from torch import Tensor

from semsyn.errors import check_shape
from semsyn.ops.mixture_affine.chunked import is_chunkable, mixture_affine_chunked
from semsyn.ops.mixture_affine.reference import mixture_affine_reference


def mixture_affine(
    x: Tensor,
    routing: Tensor,
    gamma: Tensor,
    beta: Tensor,
    *,
    gamma_bias: Tensor | None = None,
    beta_bias: Tensor | None = None,
    negative_slope: float | None = None,
) -> Tensor:
    r"""Scale and shift every pixel by the rows it mixes from e of them.

    .. math:: y_{nchw} = x_{nchw}\,\Bigl(1 + \sum_e w_{nehw}\,\gamma_{ec}\Bigr) + \sum_e w_{nehw}\,\beta_{ec}

    Args:
        x: n c h w, any float dtype.
        routing: n e h w, any float dtype.
        gamma, beta: tables, e c.
        gamma_bias, beta_bias: c, in place of the 1 and of a 0 that is added to the shift.
        negative_slope: of a leaky ReLU that follows, in the same pass; left out, none follows.

    Returns:
        n c h w, the dtype that x and the tables promote to. Differentiable in everything.

    Raises:
        InputError: if shapes do not fit.

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
    mix = mixture_affine_chunked if is_chunkable(x, gamma, beta) else mixture_affine_reference
    return mix(x, routing, gamma, beta, gamma_bias, beta_bias, negative_slope)
