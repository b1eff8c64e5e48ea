"""Codes of regions: a vector for each part of a picture."""

from dataclasses import dataclass

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.maps import resize_ids


@dataclass(frozen=True, kw_only=True)
class RegionCodes:
    """A code for each region of a partition of the picture, such as noise per class.

    Attributes:
        table: n r d, the codes.
        ids: n h w, int64 in [0, r), the region of each pixel.

    Raises:
        InputError: if the shapes do not fit.
    """

    table: Tensor
    ids: Tensor

    def __post_init__(self) -> None:
        check_shape(self.ids, "n h w", name="ids")
        check_shape(self.table, "n r d", n=len(self.ids), name="table")

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "RegionCodes":
        """The same on another device, or the codes in another dtype."""
        return RegionCodes(table=self.table.to(device=device, dtype=dtype), ids=self.ids.to(device=device))

    def __mul__(self, factor: float) -> "RegionCodes":
        """Every code times a factor."""
        return RegionCodes(table=self.table * factor, ids=self.ids)

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) of the map."""
        return self.ids.shape[1], self.ids.shape[2]

    def expand(self, images: int) -> "RegionCodes":
        """A batch of one, for every picture of a batch."""
        return RegionCodes(table=self.table.expand(images, -1, -1), ids=self.ids.expand(images, -1, -1))

    def dense(self, size: tuple[int, int] | None = None) -> Tensor:
        """The code of each pixel: n d h w, at another size by the nearest rule (torch's floor rule)."""
        ids = self.ids if size is None else resize_ids(self.ids, size)
        rows = ids.flatten(1)[..., None].expand(-1, -1, self.table.shape[2])
        return self.table.gather(1, rows).mT.unflatten(2, ids.shape[1:])

    def replaced(self, pixels: Tensor, other: "RegionCodes") -> "RegionCodes":
        """The codes of ``other`` in some pixels, these ones everywhere else; both stay what they are, number by number.

        Args:
            pixels: n h w, bool.
            other: codes of the same pictures, at the same size.

        Returns:
            a table of the regions that are left; its length depends on the data.

        Raises:
            InputError: if the sizes differ.
        """
        if not self.size == other.size == tuple(pixels.shape[1:]):
            raise InputError(
                f"the regions are maps of {self.size} and {other.size}, the pixels of {tuple(pixels.shape[1:])} "
                "(height, width): give codes that were drawn for this layout."
            )
        table = torch.cat([self.table, other.table.to(self.table)], dim=1)
        ids = torch.where(pixels, other.ids + self.table.shape[1], self.ids)
        used = torch.bincount(ids.flatten(), minlength=table.shape[1]) > 0
        return RegionCodes(table=table[:, used], ids=(used.cumsum(0) - 1)[ids])
