"""Dye: a norm whose shift is a colour that its class drew."""

import torch
from torch import nn

from semsyn.errors import InputError
from semsyn.nn.conditional import ConditionalNorm, Modulation
from semsyn.nn.norms import BatchNorm, NormFactory
from semsyn.records.condition import Condition


class Dye(ConditionalNorm):
    r"""One scale per channel, and a shift that is a linear map of the code of the pixel's class.

    .. math:: y_{nchw} = \gamma_c\,\hat{x}_{nchw} + (W z_k + b)_c

    Args:
        channels: c.
        code_dim: d, of the codes.
        norm: makes the module that normalises c channels without affine parameters.

    Shape: x is n c h w; cond.regions holds the classes and their codes (d each); the result n c h w.
    """

    reads = ("regions",)

    def __init__(self, channels: int, code_dim: int, *, norm: NormFactory = BatchNorm) -> None:
        super().__init__()
        self.out_channels = channels
        self.norm = norm(channels)
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Linear(code_dim, channels)

    def modulate(self, cond: Condition, earlier: Modulation | None = None) -> Modulation:
        regions = cond.regions
        if regions is None or regions.codes is None or regions.code_ids is None:
            raise InputError("Dye reads the codes of regions, which these lack.")
        beta = self.shift(regions.codes)[regions.code_ids]
        return Modulation(gamma=self.scale.expand_as(beta), beta=beta, ids=regions.ids)
