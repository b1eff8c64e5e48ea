"""Convolution of a label map as a module."""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import without
from semsyn.functional.label_conv2d import label_conv2d
from semsyn.ops.sum_rows import sum_rows
from semsyn.records.regions import Regions
from semsyn.signature import checked


class LabelConv2d(nn.Module):
    """A same-size convolution over class ids (gathered) and dense planes (convolved); either may be absent.

    Args:
        num_classes: k; 0 for planes alone.
        out_channels: o.
        kernel_size: odd.
        num_planes: p.
        ignore_index: an id that adds nothing, as k does; None: there is no other.
        device, dtype: of the parameters, as torch's layers take them.

    Shape: class_ids n h w in [0, k] (k adds nothing), planes n p h w, the result n o h w.
    """

    @checked(num_classes=0, out_channels=1, kernel_size=1, num_planes=0)
    def __init__(
        self,
        num_classes: int,
        out_channels: int,
        kernel_size: int = 3,
        *,
        num_planes: int = 0,
        ignore_index: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not num_classes + num_planes:
            raise InputError("num_classes and num_planes are 0: there is nothing to convolve.")
        self.ignore_index = ignore_index
        self.num_classes = num_classes
        self.num_planes = num_planes
        self.padding = kernel_size // 2
        self.weight = nn.Parameter(
            torch.empty(out_channels, num_classes + num_planes, kernel_size, kernel_size, device=device, dtype=dtype)
        )
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, as `torch.nn.Conv2d` does."""
        bound = 1 / math.sqrt(self.weight[0].numel())
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, class_ids: Tensor | None, planes: Tensor | None = None) -> Tensor:
        """The convolution.

        Raises:
            InputTypeError: unless class_ids are integers.
            InputError: for ids outside of [0, k], or if what is given is not what the convolution reads.
        """
        if planes is not None:
            check_shape(planes, "n p h w", name="planes")
        if (0 if planes is None else planes.shape[1]) != self.num_planes:
            found = "none" if planes is None else f"shape {tuple(planes.shape)}"
            raise InputError(f"this convolution reads {self.num_planes} planes (n p h w), found {found}.")
        if self.num_classes and class_ids is None:
            raise InputError(f"this convolution reads class_ids (n h w) of {self.num_classes} classes, found none.")
        return label_conv2d(
            class_ids if self.num_classes else None,
            self.weight,
            self.bias,
            planes=planes,
            padding=self.padding,
            ignore_index=self.ignore_index,
        )

    def of_windows(self, regions: Regions, *, has_codes: bool = False) -> Tensor:
        """The convolution once per distinct window: s o. Its planes are the edges of regions, or their codes (p)."""
        assert regions.windows is not None
        weight = rearrange(self.weight, "o k kh kw -> (kh kw) k o")
        class_ids = without(regions.class_ids, self.ignore_index, self.num_classes)
        class_ids = class_ids.clamp(max=self.num_classes)  # a convolution of planes alone reads no classes
        table = F.pad(weight[:, : self.num_classes], (0, 0, 0, 1))[:, class_ids]  # "no class" adds nothing
        if self.num_planes:
            planes = regions.edges
            if has_codes:
                assert regions.codes is not None and regions.code_ids is not None
                planes = regions.codes[regions.code_ids]
            assert planes is not None
            table = table + planes.view(len(planes), -1).to(weight.dtype) @ weight[:, self.num_classes :]
        table = F.pad(table, (0, 0, 0, 1))  # nor does what is outside
        rows = regions.windows.symbols + table.shape[1] * torch.arange(len(table), device=table.device)
        return sum_rows(rearrange(table, "t s o -> (t s) o"), rows) + self.bias

    def extra_repr(self) -> str:
        channels, _, kernel_size, _ = self.weight.shape
        return f"{self.num_classes} classes + {self.num_planes} planes, {channels}, kernel_size={kernel_size}"


def stack_planes(edges: Tensor | None, planes: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """Edges (n h w) and other planes (n p h w) as one n p' h w tensor, edges first; None if there are neither."""
    parts = [t.to(dtype) for t in (None if edges is None else edges[:, None], planes) if t is not None]
    return torch.cat(parts, dim=1) if parts else None
