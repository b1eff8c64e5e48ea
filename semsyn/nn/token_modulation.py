"""Adaptive normalisation of tokens that have different conditions."""

import torch
from torch import Tensor, nn

from semsyn.errors import check_shape
from semsyn.functional.modulate_tokens import TokenNorm, modulate_tokens, token_norm
from semsyn.signature import checked


class TokenModulation(nn.Module):
    r"""Layer or RMS norm of tokens, scaled and shifted by what a linear layer makes of the code of each token's id.

    .. math:: y_{nlc} = (1 + s_{rc})\,\hat{x}_{nlc} + t_{rc}, \qquad (s, t)_r = W\,\text{code}_r + b, \quad
        r = \text{ids}_{nl}

    The linear layer sees each code once, not once per token. It starts at zero: then this is the norm alone.

    Args:
        channels: c.
        code_dim: d.
        norm: "layer", "rms", or "none" where tokens are normalised already.
        eps: of the norm.
        device, dtype: of the parameters, as torch's layers take them.

    Shape: x is n l c, ids n l in [0, r), codes r d or n r d (one set per sequence); the result n l c. Codes are what
        conditions have in common: prompts of regions, noise levels of frames, or rows that are learned
        (``nn.Embedding(r, d).weight``). A diffusion transformer activates them first (SiLU).

    Reference: Peebles and Xie, "Scalable Diffusion Models with Transformers", arXiv:2212.09748, section 3.2.
    """

    @checked(channels=1, code_dim=1)
    def __init__(
        self,
        channels: int,
        code_dim: int,
        *,
        norm: TokenNorm = "layer",
        eps: float = 1e-6,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        token_norm(norm)  # one that is unknown shows now
        self.channels, self.norm, self.eps = channels, norm, eps
        self.linear = nn.Linear(code_dim, 2 * channels, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Let it be the norm alone again."""
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def extra_repr(self) -> str:
        return f"{self.channels}, norm={self.norm!r}, eps={self.eps:g}"

    @checked(floats="codes")
    def modulate(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """The tables gamma and beta (r c, or n r c), for `semsyn.functional.modulate_tokens`: once for many calls."""
        check_shape(codes, "n r d" if codes.ndim == 3 else "r d", d=self.linear.in_features, name="codes")
        scale, beta = self.linear(codes).chunk(2, dim=-1)
        return 1 + scale, beta

    def forward(self, x: Tensor, ids: Tensor, codes: Tensor) -> Tensor:
        """The layer.

        Raises:
            InputTypeError: unless ids are integers.
            InputError: for shapes that do not fit, or ids outside of [0, r).
        """
        gamma, beta = self.modulate(codes)
        return modulate_tokens(x, ids, gamma, beta, norm=self.norm, eps=self.eps)
