"""PartNet's attention from an object's shape to support maps."""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.nn.plain_child import is_plain

Role = Literal["query", "key", "value"]


class CrossAttention(nn.Module):
    r"""Attend from query tokens to support tokens, one head, then a feed-forward layer; both residual.

    .. math::
        A = \operatorname{softmax}(Q K^\top / \sqrt d), \quad r = q + \operatorname{LN}(A V W_o^\top + b_o), \quad
        y = r + W_2\, g(W_1 \operatorname{LN}(r) + b_1) + b_2, \quad g(x) = x\,\sigma(1.702\,x)

    where Q, K and V are two linear maps (a 1 × 1 convolution, then the attention's own projection) of query, key and
    value features. Supports stay while objects change, so both maps of the query are multiplied into the keys, and the
    output projection into the values: exact, and an object pays for :math:`q K'^\top` and :math:`A V'` alone.

    Args:
        channels: d.

    Shape: see `project_keys`, `project_values`, `weigh` and `forward`; tokens are b t d, rows of the map in order.
    All that reads its own parameters can be had by `forward`, so that a call brings hooks and offloaded weights in.

    Reference: Wei et al., arXiv:2305.19547.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.query_conv, self.key_conv, self.value_conv = (nn.Conv2d(channels, channels, 1) for _ in range(3))
        self.in_proj_weight = nn.Parameter(torch.empty(3 * channels, channels))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * channels))
        self.out_proj = nn.Linear(channels, channels)
        self.norm_1, self.norm_2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.widen, self.narrow = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def _project(self, conv: nn.Conv2d, part: int, tokens: Tensor) -> Tensor:
        weight, bias = self.in_proj_weight.chunk(3)[part], self.in_proj_bias.chunk(3)[part]
        return F.linear(_convolve(conv, tokens), weight, bias)

    @property
    def is_folded(self) -> bool:
        """Whether keys take the query's convolution in: where reading its weight is the same as calling it."""
        return is_plain(self.query_conv, nn.Conv2d)

    def project_keys(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        """What of the keys an object needs.

        Args:
            keys: ... t d, shape features of supports.

        Returns:
            keys with the query's projections in them, ... t d, and what its biases add to their scores, ... t.
        """
        keys = self._project(self.key_conv, 1, keys) * self.channels**-0.5
        weight, bias = self.in_proj_weight.chunk(3)[0], self.in_proj_bias.chunk(3)[0]
        if not self.is_folded:  # then `weigh` calls it
            return keys @ weight, keys @ bias
        assert self.query_conv.bias is not None
        return keys @ (weight @ self.query_conv.weight.flatten(1)), keys @ F.linear(self.query_conv.bias, weight, bias)

    def project_values(self, values: Tensor) -> Tensor:
        """What of the values an object needs: ... t d to ... t d, the output projection done."""
        return self.out_proj(self._project(self.value_conv, 2, values))

    def weigh(self, query: Tensor, keys: Tensor, bias: Tensor) -> Tensor:
        """Attention weights.

        Args:
            query: b t d, the raw query features.
            keys, bias: b s d and b s, from `project_keys`.

        Returns:
            b t s; each row sums up to one.
        """
        if not self.is_folded:
            query = _convolve(self.query_conv, query)
        return torch.baddbmm(bias[:, None], query, keys.mT).softmax(dim=-1)

    def forward(self, query: Tensor, attended: Tensor | None = None, *, role: Role = "query") -> Any:
        """All that follows the attention.

        Args:
            query: b t d, the raw query features. In another role: what `project_keys` or `project_values` takes; the
                result is what these give.
            attended: b t d: `weigh` times values from `project_values`. Where all values of an object are the same
                vector, it is that vector.
            role: of the tokens.

        Returns:
            b t d.
        """
        if role != "query":
            return self.project_keys(query) if role == "key" else self.project_values(query)
        x = query + self.norm_1(attended)
        hidden = self.widen(self.norm_2(x))
        return x + self.narrow(hidden * torch.sigmoid(1.702 * hidden))


def _convolve(conv: nn.Conv2d, tokens: Tensor) -> Tensor:
    """A 1 x 1 convolution of tokens, ... t d."""
    if is_plain(conv, nn.Conv2d):
        return F.linear(tokens, conv.weight.flatten(1), conv.bias)
    y = conv(rearrange(tokens.flatten(0, -3), "b t d -> b d t 1"))
    return rearrange(y, "b d t 1 -> b t d").view(*tokens.shape[:-1], -1)
