"""Modulations for inference: with a norm's statistics in them, in place, in pieces that stay in the cache."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.functional.checks import are_known
from semsyn.nn.conditional import Modulation
from semsyn.nn.routing.mixture_modulation import MixtureModulation
from semsyn.ops.indexed_affine.cpu import indexed_affine_chunked, is_chunkable
from semsyn.ops.known_ids import with_zero_row
from semsyn.ops.mixture_affine.cpu import is_chunkable as is_mixable
from semsyn.ops.mixture_affine.cpu import mixture_affine_chunked


@dataclass(frozen=True, kw_only=True)
class FastModulation(Modulation):
    """A modulation of features as they are before the norm.

    Attributes:
        statistics: scale and shift (c each) of x before all that, where gamma and beta cannot take them in; or None.
        mixture: what mixes gamma and beta from a few rows, in place of the tables; or None.
    """

    statistics: tuple[Tensor, Tensor] | None = None
    mixture: MixtureModulation | None = None

    @classmethod
    def of(cls, modulation: Modulation, statistics: tuple[Tensor, Tensor] | None = None) -> "FastModulation":
        """The modulation of x · scale + shift (c each), as one of x."""
        if isinstance(modulation, MixtureModulation):
            mixture = modulation if statistics is None else _mix_after(modulation, *statistics)
            return cls(gamma=mixture.gamma, beta=mixture.beta, mixture=mixture)
        made = cls(**vars(modulation))
        if statistics is None:
            return made
        scale, shift = statistics
        is_shared = made.ids is None and made.gamma.shape[1] < len(scale)  # one channel for all
        if is_shared or made.gamma_gain is not None or made.beta_gain is not None:
            return replace(made, statistics=statistics)
        if made.ids is None:
            scale, shift = scale[:, None, None], shift[:, None, None]
        return replace(made, gamma=made.gamma * scale, beta=torch.addcmul(made.beta, made.gamma, shift))

    def __call__(self, x: Tensor, slope: float | None = None, *, inplace: bool = False) -> Tensor:
        """Apply it to x, n c h w, and a leaky ReLU behind it. With ``inplace`` x may be overwritten."""
        inplace = inplace and not torch.is_grad_enabled() and not torch.compiler.is_compiling()
        if self.mixture is not None:
            return self._mixed(self.mixture, x, slope, inplace)
        if self.ids is not None and is_chunkable(x, self.gamma, self.beta):
            return self._chunked(x, self.ids, slope, inplace=inplace)
        inplace = inplace and x.dtype == torch.promote_types(self.gamma.dtype, self.beta.dtype)
        if self.statistics is not None:
            scale, shift = self.statistics
            x = torch.addcmul(shift[:, None, None], x, scale[:, None, None], out=x if inplace else None)
        if self.ids is not None:
            return super().__call__(x, slope)
        y = torch.addcmul(self.beta, x, self.gamma, out=x if inplace else None)
        return y if slope is None else F.leaky_relu(y, slope, inplace=inplace)

    def project(self, x: Tensor, conv: nn.Conv2d) -> Tensor:
        """``conv(self(x))`` for a 1 x 1 convolution without bias; on CPU self(x) is never stored."""
        if self.mixture is None and self.ids is not None and is_chunkable(x, self.gamma, self.beta):
            return self._chunked(x, self.ids, projection=conv.weight)
        return conv(self(x))

    def _chunked(
        self,
        x: Tensor,
        ids: Tensor,
        slope: float | None = None,
        *,
        projection: Tensor | None = None,
        inplace: bool = False,
    ) -> Tensor:
        gamma, beta = self.gamma, self.beta
        if not are_known(ids):
            ids, gamma, beta = with_zero_row(ids, gamma, beta)
        return indexed_affine_chunked(
            x,
            ids,
            gamma,
            beta,
            slope,
            self.gamma_gain,
            self.beta_gain,
            statistics=self.statistics,
            projection=projection,
            inplace=inplace,
        )

    def _mixed(self, mixture: MixtureModulation, x: Tensor, slope: float | None, inplace: bool) -> Tensor:
        if not is_mixable(x, mixture.gamma, mixture.beta):
            return mixture(x, slope)
        tables = (mixture.routing, mixture.gamma, mixture.beta, mixture.gamma_bias, mixture.beta_bias)
        return mixture_affine_chunked(x, *tables, slope, inplace=inplace)


def _mix_after(mixture: MixtureModulation, scale: Tensor, shift: Tensor) -> MixtureModulation:
    """Exact for any weights, whatever they sum up to."""
    gamma_bias, beta_bias = scale, shift
    if mixture.gamma_bias is not None:
        gamma_bias, beta_bias = mixture.gamma_bias * scale, mixture.gamma_bias * shift
    return replace(
        mixture,
        gamma=mixture.gamma * scale,
        beta=torch.addcmul(mixture.beta, mixture.gamma, shift),
        gamma_bias=gamma_bias,
        beta_bias=beta_bias if mixture.beta_bias is None else mixture.beta_bias + beta_bias,
    )
