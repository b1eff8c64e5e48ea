"""Masks as a grid of counts, and bits only of the blocks that an outline crosses: how a bank stores and compares them.

A frame is a grid of square blocks. Of each block a mask has a count, from 0 to all pixels; a block that is neither
empty nor full is *mixed*, and has its bits. Sums over the smaller counts are a bound of how many pixels two masks have
in common, and exact wherever one of the two blocks is not mixed; bits are needed only where both are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from einops import rearrange
from numpy.typing import NDArray

from semsyn.errors import InputError
from semsyn.nn.compose.cutouts import Cutouts, Size

Bits: TypeAlias = NDArray[np.uint64]
Counts: TypeAlias = NDArray[np.uint16]
SIDES = (64, 32, 16, 8)
FEWEST = 8  # blocks along a side of a frame, where it has as many times 8 pixels
LARGEST = 2**15  # pixels of a side: boxes are kept in 16 bits


@dataclass(frozen=True)
class Grid:
    """The blocks of a frame.

    Attributes:
        size: h w of the frame.
        side: of a block: 8, 16, 32 or 64, so that its bits are whole words of 64.
    """

    size: Size
    side: int

    @classmethod
    def of(cls, size: Size) -> "Grid":
        """About 8 x 16 blocks, or more where the frame is large."""
        if not 1 <= min(size) <= max(size) < LARGEST:
            raise InputError(f"a frame has sides from 1 to {LARGEST - 1}, found {size[0]} x {size[1]}.")
        return cls(size, next((side for side in SIDES if min(size) >= FEWEST * side), SIDES[-1]))

    @property
    def shape(self) -> Size:
        """Rows and columns of blocks; those at the end may reach beyond the frame."""
        return -(-self.size[0] // self.side), -(-self.size[1] // self.side)

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return self.shape[0] * self.shape[1]

    @property
    def pixels(self) -> int:
        """Of a block."""
        return self.side**2

    @property
    def words(self) -> int:
        """Of a block's bits."""
        return self.pixels // 64

    def touch(self, box: Sequence[int]) -> tuple[int, int, int, int]:
        """The blocks that a box touches: first row, first column, and those behind the last."""
        top, left, bottom, right = box
        return top // self.side, left // self.side, -(-bottom // self.side), -(-right // self.side)

    def tiles(self, window: NDArray[Any], box: Sequence[int], outside: int = 0) -> NDArray[Any]:
        """A window of the frame in the blocks that it touches: blocks pixels, row by row; ``outside`` around it."""
        top, left, bottom, right = self.touch(box)
        rows, columns, side = bottom - top, right - left, self.side
        area = np.full((rows * side, columns * side), outside, window.dtype)
        y, x = box[0] - top * self.side, box[1] - left * self.side
        area[y : y + window.shape[0], x : x + window.shape[1]] = window
        return rearrange(area, "(r a) (c b) -> (r c) (a b)", r=rows, a=side, c=columns, b=side)


@dataclass(frozen=True)
class PackedMasks:
    """r masks.

    Attributes:
        counts: r blocks.
        starts: r + 1 places in ``bits``.
        bits: the mixed blocks of all masks, one mask after another, each row by row: m words.
    """

    counts: Counts
    starts: NDArray[np.int64]
    bits: Bits


def pack_masks(masks: Cutouts, grid: Grid) -> PackedMasks:
    """Pack masks that have the grid's frame."""
    if masks.size != grid.size:
        raise InputError(f"masks of {masks.size[0]} x {masks.size[1]} do not fit a frame of {grid.size}.")
    counts = np.zeros((len(masks), *grid.shape), np.uint16)
    bits = [np.zeros((0, grid.words), np.uint64)]
    for index, (window, box) in enumerate(zip(masks.windows, masks.boxes.tolist(), strict=True)):
        top, left, bottom, right = grid.touch(box)
        tiles = grid.tiles(window.numpy(force=True), box)
        found = tiles.sum(axis=1, dtype=np.uint16)
        counts[index, top:bottom, left:right] = found.reshape(bottom - top, right - left)
        bits.append(np.packbits(tiles[is_mixed(found, grid)].astype(bool), axis=1).view(np.uint64))
    starts = np.cumsum([0, *map(len, bits[1:])])
    return PackedMasks(counts.reshape(len(masks), grid.blocks), starts, np.concatenate(bits))


def unpack_mask(counts: Counts, bits: Bits, box: Sequence[int], grid: Grid) -> NDArray[np.bool_]:
    """The window of one mask; ``counts`` of all blocks of the grid, ``bits`` of its mixed ones."""
    top, left, bottom, right = grid.touch(box)
    found = counts.reshape(grid.shape)[top:bottom, left:right].flatten()
    tiles = np.repeat(found[:, None] == grid.pixels, grid.pixels, axis=1)
    tiles[is_mixed(found, grid)] = np.unpackbits(np.ascontiguousarray(bits).view(np.uint8), axis=1).astype(bool)
    area = rearrange(tiles, "(r c) (a b) -> (r a) (c b)", r=bottom - top, c=right - left, a=grid.side, b=grid.side)
    y, x = box[0] - top * grid.side, box[1] - left * grid.side
    return np.ascontiguousarray(area[y : y + box[2] - box[0], x : x + box[3] - box[1]])


def is_mixed(counts: NDArray[np.integer], grid: Grid) -> NDArray[np.bool_]:
    """Which blocks have bits."""
    return (counts > 0) & (counts < grid.pixels)
