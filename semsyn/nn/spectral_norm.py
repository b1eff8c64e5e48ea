"""Spectral normalisation with the update order of the released checkpoints (v before u)."""

from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from semsyn.nn.pickle_parametrized import let_pickle
from semsyn.nn.untouched import is_untouched
from semsyn.ops.modes import is_repeated
from semsyn.signature import checked

M = TypeVar("M", bound=nn.Module)


class SpectralNorm(nn.Module):
    r"""Divide a weight by its largest singular value, estimated by one power iteration per training forward.

    .. math:: v \leftarrow W^\top u / \|W^\top u\|, \quad u \leftarrow W v / \|W v\|, \quad \hat{W} = W / (u^\top W v)

    A parametrization for `torch.nn.utils.parametrize`; `spectral_norm(module)` registers it. In evaluation u and v stay
    as they are; so they do where activation checkpointing computes a forward again.
    `torch.nn.utils.parametrizations.spectral_norm` iterates u first and so gives other numbers for released weights.

    Args:
        weight: the weight to normalise, out first.
        dim: its output axis (1 for transposed convolutions).
        eps: smallest norm to divide by.

    Reference: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", arXiv:1802.05957.
    """

    u: Tensor
    v: Tensor

    @checked()
    def __init__(self, weight: Tensor, *, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps
        rows, columns = self._matrix(weight).shape
        self.register_buffer(
            "u", F.normalize(torch.randn(rows, device=weight.device, dtype=weight.dtype), dim=0, eps=eps)
        )
        self.register_buffer(
            "v", F.normalize(torch.randn(columns, device=weight.device, dtype=weight.dtype), dim=0, eps=eps)
        )

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)

    def forward(self, weight: Tensor) -> Tensor:
        wide = torch.promote_types(weight.dtype, self.u.dtype)  # they differ where one of them alone is cast (FSDP)
        matrix = self._matrix(weight).to(wide)
        if self.training and not is_repeated():
            with torch.no_grad():
                still = matrix.detach()  # without a forward derivative, too
                self.v.copy_(F.normalize(torch.mv(still.mT, self.u.to(wide)), dim=0, eps=self.eps))
                self.u.copy_(F.normalize(torch.mv(still, self.v.to(wide)), dim=0, eps=self.eps))
        u, v = (t.to(wide, copy=True) for t in (self.u, self.v))  # a second forward before backward moves the buffers
        return weight / torch.dot(u, torch.mv(matrix, v))


@checked()
def spectral_norm(module: M, *, eps: float = 1e-12) -> M:
    """Put `SpectralNorm` on ``module.weight`` (of a convolution, transposed or not, or linear layer) and return it."""
    transposed = isinstance(module, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)
    assert isinstance(module.weight, Tensor)
    parametrize.register_parametrization(module, "weight", SpectralNorm(module.weight, dim=int(transposed), eps=eps))
    let_pickle(module)
    return module


def fold_spectral_norm(module: M) -> M:
    """Bake every spectral normalisation inside ``module`` into plain weights, in place (exact; evaluation only).

    The norm is computed in single precision at least, whatever the weights' dtype. Copies of the module are left alone:
    ``parametrize.remove_parametrizations`` would take the weight from them too, since deep copies share the class it
    edits.
    """
    for child in list(module.modules()):
        if not parametrize.is_parametrized(child, "weight"):
            continue
        chains: Any = child.parametrizations
        norm, original = chains.weight[0], chains.weight.original
        if not isinstance(norm, SpectralNorm) or len(chains) > 1 or len(chains.weight) > 1:
            continue
        if not (is_untouched(child) and is_untouched(chains.weight)):  # its weight comes with a call
            continue
        wide = torch.promote_types(original.dtype, torch.float32)
        with torch.no_grad():
            matrix = norm._matrix(original.to(wide))
            sigma = torch.dot(norm.u.to(wide), torch.mv(matrix, norm.v.to(wide)))
            weight = (original.to(wide) / sigma).to(original.dtype)
        del child._modules["parametrizations"]
        child.__class__ = type(child).__mro__[1]
        child.weight = nn.Parameter(weight, requires_grad=original.requires_grad)
    return module
