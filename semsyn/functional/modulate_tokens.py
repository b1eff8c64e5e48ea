"""Modulation of tokens: normalise each, then scale and shift it by the table row that its id names."""

from collections.abc import Callable
from typing import Literal

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from semsyn.errors import InputError, UnknownNameError, check_shape
from semsyn.functional.backend import Backend
from semsyn.functional.indexed_affine import check_regions, indexed_affine
from semsyn.signature import checked

TokenNorm = Literal["layer", "rms", "none"]

NORMS: dict[TokenNorm, Callable[..., Tensor] | None] = {"layer": F.layer_norm, "rms": F.rms_norm, "none": None}


def token_norm(name: TokenNorm) -> Callable[..., Tensor] | None:
    """The function of (x, shape, eps=); None: there is nothing to do.

    Raises:
        UnknownNameError: for another name.
    """
    if name not in NORMS:
        raise UnknownNameError("norm", name, list(NORMS))
    return NORMS[name]


@checked(floats="x gamma beta")
def modulate_tokens(
    x: Tensor,
    ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    *,
    norm: TokenNorm = "layer",
    eps: float = 1e-6,
    ignore_index: int | None = None,
    backend: Backend = "auto",
) -> Tensor:
    r"""Normalise every token over its channels, then scale and shift it by the table rows of its id.

    .. math:: y_{nlc} = \gamma_{rc}\,\hat{x}_{nlc} + \beta_{rc}, \qquad r = \text{ids}_{nl}

    It is the adaptive layer norm of diffusion transformers where tokens of one sequence have different conditions:
    prompts of regions, noise levels of frames. The tables have a row per condition; no gamma or beta of the size of x
    is made, on the way forth or back.

    Args:
        x: n l c, any float dtype.
        ids: n l, integers in [0, r). Others are an error, or where nobody looks (`semsyn.checks`) have gamma and beta
            0.
        gamma, beta: tables, r c for the whole batch or n r c, one per sequence. A transformer's "scale" is gamma - 1.
        norm: "layer", "rms" (no mean is subtracted), or "none" where x is normalised already.
        eps: added to the variance, or to the mean square.
        ignore_index: an id of tokens without a row, whose gamma and beta are 0; None: there is none.
        backend: as in `indexed_affine`, whose operator and kernels this runs.

    Returns:
        n l c, the dtype that x and the tables promote to. Differentiable in everything but the ids, to any order.

    Raises:
        InputError: if shapes do not fit, eps is not positive, an id is outside of [0, r) (see `semsyn.checks`), or the
            backend asked for by name cannot run this.
        UnknownNameError: for another norm.
        InputTypeError: unless ids are integers; if backend="triton" and the dtype has no kernel.
        MissingExtraError: if backend="triton" and Triton is not installed.

    Reference: Peebles and Xie, "Scalable Diffusion Models with Transformers", arXiv:2212.09748, section 3.2.
    """
    check_shape(x, "n l c", name="x")
    n, length, c = x.shape
    check_regions(ids, gamma, ignore_index)
    check_shape(ids, "n l", n=n, l=length, name="ids")
    for table, name in ((gamma, "gamma"), (beta, "beta")):
        axes = {"n": n, "c": c} if table.ndim == 3 else {"c": c}
        check_shape(table, "n r c" if table.ndim == 3 else "r c", **axes, name=name)
    if not eps > 0:
        raise InputError(f"eps must be positive, found {eps}.")
    normalise = token_norm(norm)
    normalised = x if normalise is None else normalise(x, (c,), eps=eps)
    y = indexed_affine(
        rearrange(normalised, "n l c -> n c l 1"),  # a view: channels-last pixels are tokens
        rearrange(ids, "n l -> n l 1"),
        gamma,
        beta,
        ignore_index=ignore_index,
        backend=backend,
    )
    return rearrange(y, "n c l 1 -> n l c")
