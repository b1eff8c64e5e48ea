"""Scale and shift of normalised features: what a conditional norm makes of its condition, before it sees features."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.functional import indexed_affine


@dataclass(frozen=True, kw_only=True)
class Modulation:
    """y = gamma · x + beta, with gamma and beta looked up by region, or dense.

    Attributes:
        gamma, beta: tables r c (or n r c, one per image) where there are ids, else n c h w.
        ids: n h w, the region of each pixel; None: gamma and beta are dense.
        gamma_gain, beta_gain: n 1 h w, factors of each pixel, for tables only; or None.
    """

    gamma: Tensor
    beta: Tensor
    ids: Tensor | None = None
    gamma_gain: Tensor | None = None
    beta_gain: Tensor | None = None

    def __call__(self, x: Tensor, negative_slope: float | None = None) -> Tensor:
        """Apply it, and a leaky ReLU of that slope behind it."""
        if self.ids is None:
            y = torch.addcmul(self.beta, x, self.gamma)
            return y if negative_slope is None else F.leaky_relu(y, negative_slope)
        return indexed_affine(
            x,
            self.ids,
            self.gamma,
            self.beta,
            gamma_gain=self.gamma_gain,
            beta_gain=self.beta_gain,
            negative_slope=negative_slope,
        )

    def after(self, scale: Tensor, shift: Tensor) -> "Modulation":
        """The modulation of x · scale + shift (c each), as one of x. Not with gains: they weigh both apart."""
        assert self.gamma_gain is None and self.beta_gain is None
        if self.ids is None:
            scale, shift = scale[:, None, None], shift[:, None, None]
        return replace(self, gamma=self.gamma * scale, beta=torch.addcmul(self.beta, self.gamma, shift))
