"""Instance-adaptive denormalisation."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.nn.conditional import ConditionalNorm, Modulation
from semsyn.nn.norms import BatchNorm, NormFactory
from semsyn.nn.tail import SketchTail
from semsyn.records.condition import Condition
from semsyn.records.regions import Regions


class INADE(ConditionalNorm):
    r"""Instance-adaptive denormalisation: every class owns a distribution of modulations, every instance a draw from
    it.

    .. math:: \gamma_{kic} = W^0_{kc}\,f(z^0_i)_c + B^0_{kc}, \quad \beta_{kic} = W^1_{kc}\,f(z^1_i)_c + B^1_{kc}, \quad
        y_{nchw} = \gamma_{kic}\,\hat{x}_{nchw} + \beta_{kic}

    with k, i the class and instance at a pixel, z their codes and f one linear layer shared by scale and shift. The
    rows of all (class, instance) pairs of an image are made first, then looked up.

    Args:
        channels: c.
        num_classes: k.
        code_dim: d, of the instance codes.
        has_sketch: merge a line drawing (one plane) into the result.
        norm: makes the module that normalises c channels without affine parameters.

    Shape: x is n c h w; cond.regions holds the pairs (class k, "no class", gives zeros) and their codes (2 d each),
        cond.planes n 1 h w with a sketch; the result n c h w.
    ``Condition.of(class_ids=…, instance_ids=…, instance_codes=…)`` makes one.

    Reference: Tan et al., "Diverse Semantic Image Synthesis via Probability Distribution Modeling", arXiv:2103.06878,
        eq. 3 to 5.
    """

    def __init__(
        self,
        channels: int,
        num_classes: int,
        code_dim: int,
        *,
        has_sketch: bool = False,
        norm: NormFactory = BatchNorm,
    ) -> None:
        self.reads = ("regions", "planes") if has_sketch else ("regions",)
        super().__init__()
        self.out_channels = channels
        self.norm = norm(channels)
        self.weight = nn.Parameter(torch.rand(num_classes, channels, 2))
        self.bias = nn.Parameter(torch.zeros(num_classes, channels, 2))
        self.code_to_channels = nn.Linear(code_dim, channels)
        self.tail = SketchTail(channels) if has_sketch else None

    def tables(self, regions: Regions) -> tuple[Tensor, Tensor]:
        """gamma and beta of each pair, r c."""
        if regions.codes is None or regions.code_ids is None:
            raise InputError("INADE reads the codes of regions, which these lack: Condition.of(..., instance_codes=).")
        drawn = self.code_to_channels(regions.codes)[regions.code_ids]
        with_no_class = (F.pad(table, (0, 0, 0, 0, 0, 1)) for table in (self.weight, self.bias))  # row k is zero
        weight, bias = (rearrange(table[regions.class_ids], "r c two -> r two c") for table in with_no_class)
        gamma, beta = (weight * drawn + bias).unbind(1)
        return gamma, beta

    def modulate(self, cond: Condition, earlier: Modulation | None = None) -> Modulation:
        assert cond.regions is not None
        gamma, beta = self.tables(cond.regions)
        return Modulation(gamma=gamma, beta=beta, ids=cond.regions.ids)
