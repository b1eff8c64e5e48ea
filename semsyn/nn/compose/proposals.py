"""What was found for the segments of a layout: pieces of photographs, in the order in which they are pasted."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.nn.compose.cutouts import Cutouts, Size
from semsyn.nn.compose.segments import Segments


@dataclass(frozen=True, eq=False)
class Matches:
    """For each segment of a layout up to c segments of a bank, best first (as released: in the order of the slots).

    Attributes:
        segments: r c, int64; -1 where there are fewer.
        images: r c, int64, of the bank; -1 where there are fewer.
        scores: r c, float64, what they were chosen by; 0 where there are fewer.
        overlaps: r c, float64, intersection over union of the masks.
    """

    segments: Tensor
    images: Tensor
    scores: Tensor
    overlaps: Tensor

    @property
    def is_found(self) -> Tensor:
        """Which segments have any: r bool."""
        return (self.segments >= 0).any(dim=1)

    def pick(self, picks: Tensor | None = None) -> Tensor:
        """One of the places of each segment: r, int64.

        Args:
            picks: r in [0, 1): 0 is the best one, and all that there are have equal shares. None: the best of each.

        Raises:
            InputError: for another number of picks, or such as lie outside.
        """
        order = self.scores.argsort(dim=1, descending=True, stable=True)
        if picks is None:
            return order[:, 0]
        check_shape(picks, "r", name="picks", r=len(self.segments))
        if bool(((picks < 0) | (picks >= 1)).any()):
            raise InputError(f"picks lie in [0, 1), found {float(picks.min()):.4g} to {float(picks.max()):.4g}.")
        places = (picks.double().cpu() * (self.segments >= 0).sum(dim=1)).long()
        return order.gather(1, places[:, None])[:, 0]


@dataclass(frozen=True, eq=False)
class Proposals:
    """The segments of a layout from back to front at the size of the canvas, with the picture proposed for each.

    Attributes:
        class_ids: r, int64.
        numbers: r, int64, see `semsyn.nn.compose.segments.Segments`.
        masks: r masks h w of the layout's segments.
        pictures: r pictures 3 h w in [0, 1], 0 beside what was found; empty windows where nothing was.
        joined: r masks h w of what was found, with the thin things that hold it together.
        casters: r masks h w: where the photograph of a shaded class has what casts shadows.
        segments: r, int64, numbers in the bank; -1 where nothing was found.
        overlaps: r, intersection over union of the masks.
        images: r, int64, of the bank; -1 where nothing was found.
    """

    class_ids: Tensor
    numbers: Tensor
    masks: Cutouts
    pictures: Cutouts
    joined: Cutouts
    casters: Cutouts
    segments: Tensor
    overlaps: Tensor
    images: Tensor

    def __len__(self) -> int:
        return len(self.class_ids)

    @property
    def size(self) -> Size:
        """h w of the canvas."""
        return self.masks.size

    @property
    def pieces(self) -> tuple[Cutouts, Cutouts, Cutouts]:
        """What a bank fills in: pictures, joined, casters."""
        return self.pictures, self.joined, self.casters

    @property
    def is_found(self) -> Tensor:
        """Which segments have a picture: r bool."""
        return torch.tensor([bool(w.any()) for w in self.pictures.windows], dtype=torch.bool)

    @classmethod
    def cat(cls, several: Sequence["Proposals"]) -> "Proposals":
        """All of several, one after another; at least one."""
        lists = {field.name: [getattr(proposals, field.name) for proposals in several] for field in fields(cls)}
        joined: dict[str, Any] = {
            name: Cutouts.cat(values) if isinstance(values[0], Cutouts) else torch.cat(values)
            for name, values in lists.items()
        }
        return cls(**joined)

    def with_pictures(self, pictures: Cutouts) -> "Proposals":
        """The same with other pictures, as a transformation moved them."""
        if len(pictures) != len(self) or pictures.size != self.size:
            raise InputError(
                f"{len(self)} proposals of {self.size} need as many pictures, found {len(pictures)} of {pictures.size}."
            )
        return replace(self, pictures=pictures)

    def in_order(self, order: Tensor) -> "Proposals":
        """The same in another order: r indices, back to front."""
        changed: dict[str, Any] = {
            name: value.select(order) if isinstance(value, Cutouts) else value[order]
            for name, value in vars(self).items()
        }
        return Proposals(**changed)


def no_windows(count: int, size: Size, channels: int | None = None) -> Cutouts:
    """Cutouts that hold nothing: masks, or pictures of so many channels."""
    window = torch.zeros(0, 0, dtype=torch.bool) if channels is None else torch.zeros(channels, 0, 0)
    return Cutouts(size, torch.zeros(count, 4, dtype=torch.int64), (window,) * count)


def nothing_found(segments: Segments) -> Proposals:
    """Proposals for segments, at their own size, of which nothing was found."""
    count, size = len(segments), segments.size
    missing = torch.full((count,), -1)
    return Proposals(
        segments.class_ids,
        segments.numbers,
        segments.masks,
        no_windows(count, size, 3),
        no_windows(count, size),
        no_windows(count, size),
        missing,
        torch.zeros(count, dtype=torch.float64),
        missing,
    )
