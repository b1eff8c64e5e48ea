"""Part semantic modulation."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.nn.conditional import ConditionalNorm, Modulation
from semsyn.nn.features import make_module
from semsyn.nn.norms import BatchNorm, NormFactory
from semsyn.nn.plain_child import is_plain
from semsyn.records.condition import Condition
from semsyn.signature import checked


class PartModulation(ConditionalNorm):
    r"""Part semantic modulation: one scale and one shift per pixel, from part features where there is a part, from
    noise elsewhere.

    .. math:: y = \hat{x} \odot (1 + G) + B, \qquad (G, B) = m \odot f_\text{parts}(e) + (1 - m) \odot f_\text{noise}(q)

    where :math:`\hat{x}` is x normalised without affine parameters, m the mask of parts, e the part features, q the
    noise, and each f two convolutions in a row. G and B have one channel, which all channels of x share.

    Args:
        channels: c.
        part_channels: p, of features and noise.
        hidden: channels between the convolutions; None: p.
        norm: makes the module that normalises c channels.
        device, dtype: of parameters and statistics, as torch's layers take them.

    Shape: x is n c h w, cond.parts holds noise and features n p h w and mask n 1 h w; the result is n c h w.

    Reference: Wei et al., "Inferring and Leveraging Parts from Object Shape for Improving Semantic Image Synthesis",
        arXiv:2305.19547.
    """

    reads = ("parts",)

    @checked(channels=1, part_channels=1, hidden=1)
    def __init__(
        self,
        channels: int,
        part_channels: int,
        *,
        hidden: int | None = None,
        norm: NormFactory = BatchNorm,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.out_channels = channels
        self.norm = make_module(norm, "norm", channels)
        self.of_parts = PartAffine(part_channels, hidden or part_channels)
        self.of_noise = PartAffine(part_channels, hidden or part_channels)
        self.place(device, dtype)

    def reset_parameters(self) -> None:
        """Draw the weights of all convolutions anew."""
        for affine in (self.of_parts, self.of_noise):
            for conv in (affine.shared, affine.gamma, affine.beta):
                conv.reset_parameters()

    def extra_repr(self) -> str:
        return f"{self.out_channels}, part_channels={self.of_parts.shared.in_channels}"

    def modulate(self, cond: Condition, earlier: Modulation | None = None) -> Modulation:
        assert cond.parts is not None
        if cond.parts.noise is None:
            raise InputError("PartModulation reads the noise of parts, which these lack: Parts(noise=...), n p h w.")
        gamma, beta = self.of_noise(cond.parts.noise)
        features, mask = cond.parts.features, cond.parts.mask
        if features is not None and mask is not None:
            of_parts = self.of_parts(features)
            gamma, beta = (torch.where(mask, part, noise) for part, noise in zip(of_parts, (gamma, beta), strict=True))
        return Modulation(gamma=1 + gamma, beta=beta)


class PartAffine(nn.Module):
    """Two convolutions from p channels to a scale and a shift: n p h w to two tensors n 1 h w."""

    def __init__(self, in_channels: int, hidden: int) -> None:
        super().__init__()
        self.shared = nn.Conv2d(in_channels, hidden, 3, padding=1)
        self.gamma = nn.Conv2d(hidden, 1, 3, padding=1)
        self.beta = nn.Conv2d(hidden, 1, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = F.relu(self.shared(x))
        if not all(is_plain(conv, nn.Conv2d) and conv.bias is not None for conv in (self.gamma, self.beta)):
            return self.gamma(hidden), self.beta(hidden)
        assert self.gamma.bias is not None and self.beta.bias is not None
        weight = torch.cat([self.gamma.weight, self.beta.weight])  # one pass over the hidden units, not two
        gamma, beta = F.conv2d(hidden, weight, torch.cat([self.gamma.bias, self.beta.bias]), padding=1).split(1, dim=1)
        return gamma, beta
