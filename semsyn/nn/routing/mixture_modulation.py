"""Scale and shift that every pixel mixes from a few table rows."""

from dataclasses import dataclass

from torch import Tensor

from semsyn.functional.mixture_affine import mixture_affine
from semsyn.nn.conditional import Modulation


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

    def __call__(self, x: Tensor, slope: float | None = None) -> Tensor:
        return mixture_affine(
            x,
            self.routing,
            self.gamma,
            self.beta,
            gamma_bias=self.gamma_bias,
            beta_bias=self.beta_bias,
            negative_slope=slope,
        )
