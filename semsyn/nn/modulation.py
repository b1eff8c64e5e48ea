"""Scale and shift of normalised features: what a conditional norm makes of its condition, before it sees features."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.functional import indexed_affine
from semsyn.ops.indexed_affine.chunked import indexed_affine_chunked, is_chunkable


@dataclass(frozen=True, kw_only=True)
class Modulation:
    """y = gamma · x + beta, with gamma and beta looked up by region, or dense.

    Attributes:
        gamma, beta: tables r c (or n r c, one per image) where there are ids, else n c h w or n 1 h w.
        ids: n h w, the region of each pixel; None: gamma and beta are dense.
        gamma_gain, beta_gain: n 1 h w, factors of each pixel, for tables only; or None.
        statistics: scale and shift (c each) of x before all that, where gamma and beta cannot take them in; or None.
    """

    gamma: Tensor
    beta: Tensor
    ids: Tensor | None = None
    gamma_gain: Tensor | None = None
    beta_gain: Tensor | None = None
    statistics: tuple[Tensor, Tensor] | None = None

    @property
    def is_plain_table(self) -> bool:
        """Whether it is a look-up and nothing else."""
        return self.ids is not None and self.gamma_gain is None and self.beta_gain is None and self.statistics is None

    def __call__(self, x: Tensor, negative_slope: float | None = None, *, inplace: bool = False) -> Tensor:
        """Apply it, and a leaky ReLU of that slope behind it.

        Args:
            x: n c h w.
            negative_slope: None: no leaky ReLU.
            inplace: x may be overwritten; what needs no gradients then allocates nothing.
        """
        inplace = inplace and not torch.is_grad_enabled() and not torch.compiler.is_compiling()
        if self.ids is not None and is_chunkable(x, self.gamma, self.beta):
            return self._chunked(x, self.ids, negative_slope, inplace=inplace)
        inplace = inplace and x.dtype == torch.promote_types(self.gamma.dtype, self.beta.dtype)
        if self.statistics is not None:
            scale, shift = self.statistics
            x = torch.addcmul(shift[:, None, None], x, scale[:, None, None], out=x if inplace else None)
        if self.ids is None:
            y = torch.addcmul(self.beta, x, self.gamma, out=x if inplace else None)
            return y if negative_slope is None else F.leaky_relu(y, negative_slope, inplace=inplace)
        return indexed_affine(
            x,
            self.ids,
            self.gamma,
            self.beta,
            gamma_gain=self.gamma_gain,
            beta_gain=self.beta_gain,
            negative_slope=negative_slope,
        )

    def project(self, x: Tensor, conv: nn.Conv2d) -> Tensor:
        """``conv(self(x))`` for a 1 x 1 convolution without bias; for inference on CPU self(x) is never stored."""
        assert conv.kernel_size == (1, 1) and conv.bias is None
        if self.ids is not None and is_chunkable(x, self.gamma, self.beta):
            return self._chunked(x, self.ids, projection=conv.weight)
        return conv(self(x))

    def _chunked(
        self,
        x: Tensor,
        ids: Tensor,
        negative_slope: float | None = None,
        *,
        projection: Tensor | None = None,
        inplace: bool = False,
    ) -> Tensor:
        return indexed_affine_chunked(
            x,
            ids,
            self.gamma,
            self.beta,
            negative_slope,
            self.gamma_gain,
            self.beta_gain,
            statistics=self.statistics,
            projection=projection,
            inplace=inplace,
        )

    def after(self, scale: Tensor, shift: Tensor) -> "Modulation":
        """The modulation of x · scale + shift (c each), as one of x."""
        is_shared = self.ids is None and self.gamma.shape[1] < len(scale)  # one channel for all
        if is_shared or self.gamma_gain is not None or self.beta_gain is not None:
            return replace(self, statistics=(scale, shift))
        if self.ids is None:
            scale, shift = scale[:, None, None], shift[:, None, None]
        return replace(self, gamma=self.gamma * scale, beta=torch.addcmul(self.beta, self.gamma, shift))
