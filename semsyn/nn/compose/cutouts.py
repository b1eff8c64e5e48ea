"""Pieces of a frame, each in its own window: masks or pictures that are empty elsewhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from einops import repeat
from torch import Tensor

from semsyn.errors import InputError

Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Cutouts:
    """r pieces of one frame: full-frame pictures of which only a window is kept.

    Attributes:
        size: h w of the frame.
        boxes: r 4, int64: top, left, bottom, right of each window; bottom and right are the first that lie outside.
        windows: r tensors ... h' w', each as large as its box; the frame is 0 outside of it.
    """

    size: Size
    boxes: Tensor
    windows: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        if self.boxes.shape != (len(self.windows), 4):
            raise InputError(f"{len(self.windows)} windows need boxes r 4, found shape {tuple(self.boxes.shape)}.")
        for (top, left, bottom, right), window in zip(self.boxes.tolist(), self.windows, strict=True):
            if window.shape[-2:] != (bottom - top, right - left):
                raise InputError(f"a window is {tuple(window.shape)}, but its box {bottom - top} x {right - left}.")

    @classmethod
    def of(cls, frames: Tensor) -> "Cutouts":
        """Cut each frame to what is in it.

        Args:
            frames: r h w, or r c h w; anything that is not 0 counts.
        """
        filled = frames != 0 if frames.ndim == 3 else (frames != 0).any(dim=1)
        boxes = find_boxes(filled)
        windows = tuple(f[..., t:b, l:r].clone() for f, (t, l, b, r) in zip(frames, boxes.tolist(), strict=True))
        return cls((frames.shape[-2], frames.shape[-1]), boxes, windows)

    @classmethod
    def cat(cls, several: Sequence["Cutouts"]) -> "Cutouts":
        """All of several, one after another; at least one, and all of one frame."""
        if len({cutouts.size for cutouts in several}) != 1:
            raise InputError(f"cutouts of one frame are needed, found frames {sorted({c.size for c in several})}.")
        boxes = torch.cat([cutouts.boxes for cutouts in several])
        return cls(several[0].size, boxes, tuple(w for cutouts in several for w in cutouts.windows))

    def __len__(self) -> int:
        return len(self.windows)

    def select(self, indices: Iterable[Any]) -> "Cutouts":
        """Some of them, in the order given."""
        chosen = [int(i) for i in indices]
        return Cutouts(self.size, self.boxes[chosen], tuple(self.windows[i] for i in chosen))

    def frame(self, index: int) -> Tensor:
        """One of them in the full frame: ... h w."""
        window = self.windows[index]
        top, left, bottom, right = self.boxes[index].tolist()
        frame = window.new_zeros(*window.shape[:-2], *self.size)
        frame[..., top:bottom, left:right] = window
        return frame

    def frames(self) -> Tensor:
        """All of them in full frames: r ... h w."""
        if not self.windows:
            return torch.zeros(0, *self.size)
        return torch.stack([self.frame(i) for i in range(len(self))])

    def view(self, index: int, box: Sequence[int]) -> Tensor:
        """What the frame of one of them shows in a box inside the frame, which may lie anywhere: ... h' w'."""
        window = self.windows[index]
        top, left, bottom, right = self.boxes[index].tolist()
        seen = window.new_zeros(*window.shape[:-2], box[2] - box[0], box[3] - box[1])
        t, l, b, r = max(top, box[0]), max(left, box[1]), min(bottom, box[2]), min(right, box[3])
        if t < b and l < r:
            seen[..., t - box[0] : b - box[0], l - box[1] : r - box[1]] = window[
                ..., t - top : b - top, l - left : r - left
            ]
        return seen

    def enlarge(self, factor: int) -> "Cutouts":
        """The same in a frame that is larger by a whole factor; every pixel is repeated."""
        size = (self.size[0] * factor, self.size[1] * factor)
        windows = tuple(repeat(w, "... h w -> ... (h a) (w b)", a=factor, b=factor) for w in self.windows)
        return Cutouts(size, self.boxes * factor, windows)

    def contents(self) -> "Cutouts":
        """Where pictures c h w show anything: bool windows, true where the sum of the channels is above 0."""
        return Cutouts(self.size, self.boxes, tuple(w.sum(dim=0) > 0 for w in self.windows))

    def to(self, device: torch.device | str) -> "Cutouts":
        """The same on another device; boxes stay where they are, since they are read one by one."""
        return Cutouts(self.size, self.boxes, tuple(w.to(device) for w in self.windows))


def find_boxes(masks: Tensor) -> Tensor:
    """The smallest box around each mask.

    Args:
        masks: r h w, bool.

    Returns:
        r 4, int64, on the CPU: top, left, bottom, right (exclusive); zeros for an empty mask.
    """
    sides = []
    for filled in (masks.any(dim=2), masks.any(dim=1)):  # rows, columns
        length = filled.shape[1]
        places = torch.arange(length, device=masks.device)
        first = torch.where(filled, places, length).amin(dim=1)
        last = torch.where(filled, places + 1, 0).amax(dim=1)
        sides.append((first.minimum(last), last))
    (top, bottom), (left, right) = sides
    return torch.stack([top, left, bottom, right], dim=1).cpu()


def widen(box: Sequence[int], by: int, size: Size) -> tuple[int, int, int, int]:
    """A box that reaches further on all sides, as far as the frame goes."""
    return max(0, box[0] - by), max(0, box[1] - by), min(size[0], box[2] + by), min(size[1], box[3] + by)
