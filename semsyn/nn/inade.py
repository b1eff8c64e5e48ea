"""Instance-adaptive denormalisation."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.functional.checks import without
from semsyn.nn.conditional import ConditionalNorm, Modulation
from semsyn.nn.features import make_module
from semsyn.nn.norms import BatchNorm, NormFactory
from semsyn.nn.plain_child import dtype_of
from semsyn.nn.tail import SketchTail
from semsyn.records.condition import Condition
from semsyn.records.regions import Regions
from semsyn.signature import checked


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
        ignore_index: a class id that means "no class", as k does; None: there is no other.
        norm: makes the module that normalises c channels without affine parameters.
        device, dtype: of parameters and statistics, as torch's layers take them.

    Shape: x is n c h w; cond.regions holds the pairs (class k, "no class", gives zeros) and their codes (2 d each),
        cond.planes n 1 h w with a sketch; the result n c h w.
    ``Condition.of(class_ids=…, instance_ids=…, instance_codes=…)`` makes one.

    Reference: Tan et al., "Diverse Semantic Image Synthesis via Probability Distribution Modeling", arXiv:2103.06878,
        eq. 3 to 5.
    """

    num_classes: int

    @checked(channels=1, num_classes=1, code_dim=1)
    def __init__(
        self,
        channels: int,
        num_classes: int,
        code_dim: int,
        *,
        has_sketch: bool = False,
        ignore_index: int | None = None,
        norm: NormFactory = BatchNorm,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.reads = ("regions", "planes") if has_sketch else ("regions",)
        super().__init__()
        self.out_channels = channels
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.norm = make_module(norm, "norm", channels)
        self.weight = nn.Parameter(torch.empty(num_classes, channels, 2))
        self.bias = nn.Parameter(torch.empty(num_classes, channels, 2))
        self.code_dim = code_dim
        self.code_to_channels = nn.Linear(code_dim, channels)
        self.tail = SketchTail(channels) if has_sketch else None
        self.place(device, dtype)
        self._reset_tables()

    def _reset_tables(self) -> None:
        nn.init.uniform_(self.weight)
        nn.init.zeros_(self.bias)

    def reset_parameters(self) -> None:
        """Draw the classes' factors from [0, 1) and the linear layer of the codes anew."""
        self._reset_tables()
        self.code_to_channels.reset_parameters()
        if self.tail is not None:
            self.tail.reset_parameters()

    def extra_repr(self) -> str:
        return f"{self.out_channels}, num_classes={self.num_classes}, reads={self.reads}"

    def tables(self, regions: Regions) -> tuple[Tensor, Tensor]:
        """gamma and beta of each pair, r c."""
        if regions.codes is None or regions.code_ids is None:
            raise InputError("INADE reads the codes of regions, which these lack: Condition.of(..., instance_codes=).")
        if regions.codes.ndim != 3 or tuple(regions.codes.shape[1:]) != (2, self.code_dim):
            raise InputError(
                f"codes must be 2 {self.code_dim} of each instance, found shape {tuple(regions.codes.shape)}."
            )
        drawn = self.code_to_channels(regions.codes.to(dtype_of(self.code_to_channels)))[regions.code_ids]
        class_ids = without(regions.class_ids, self.ignore_index, self.num_classes)
        with_no_class = (F.pad(table, (0, 0, 0, 0, 0, 1)) for table in (self.weight, self.bias))  # row k is zero
        weight, bias = (rearrange(table[class_ids], "r c two -> r two c") for table in with_no_class)
        gamma, beta = (weight * drawn + bias).unbind(1)
        return gamma, beta

    def modulate(self, cond: Condition, earlier: Modulation | None = None) -> Modulation:
        assert cond.regions is not None
        gamma, beta = self.tables(cond.regions)
        return Modulation(gamma=gamma, beta=beta, ids=cond.regions.ids)
