"""Scale and shift that every pixel mixes from a few table rows."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from semsyn.functional import mixture_affine
from semsyn.nn.modulation import Modulation
from semsyn.ops.mixture_affine.chunked import is_chunkable, mixture_affine_chunked


@dataclass(frozen=True, kw_only=True)
class MixtureModulation(Modulation):
    """y = (gamma_bias + routing · gamma) x + beta_bias + routing · beta.

    Attributes:
        gamma, beta: tables e c.
        routing: n e h w, the weights of their rows at every pixel.
        gamma_bias, beta_bias: c, what all pixels have; None: one and zero.
    """

    routing: Tensor
    gamma_bias: Tensor | None = None
    beta_bias: Tensor | None = None

    def __call__(self, x: Tensor, negative_slope: float | None = None, *, inplace: bool = False) -> Tensor:
        """As every modulation's; for inference on CPU gamma and beta are never held at full size."""
        if is_chunkable(x, self.gamma, self.beta):
            tensors = (x, self.routing, self.gamma, self.beta, self.gamma_bias, self.beta_bias)
            return mixture_affine_chunked(*tensors, negative_slope, inplace=inplace)
        return mixture_affine(
            x,
            self.routing,
            self.gamma,
            self.beta,
            gamma_bias=self.gamma_bias,
            beta_bias=self.beta_bias,
            negative_slope=negative_slope,
        )

    def after(self, scale: Tensor, shift: Tensor) -> "MixtureModulation":
        """The modulation of x · scale + shift (c each), as one of x; exact for any weights, whatever they sum up to."""
        if self.gamma_bias is None:
            gamma_bias, beta_bias = scale, shift
        else:
            gamma_bias, beta_bias = self.gamma_bias * scale, self.gamma_bias * shift
        return replace(
            self,
            gamma=self.gamma * scale,
            beta=torch.addcmul(self.beta, self.gamma, shift),
            gamma_bias=gamma_bias,
            beta_bias=beta_bias if self.beta_bias is None else self.beta_bias + beta_bias,
        )
