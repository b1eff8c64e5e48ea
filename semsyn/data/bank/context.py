"""The surroundings of a segment: how far two maps agree in its box and around it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semsyn.data.bank.packing import Grid
from semsyn.data.bank.part import Part

MARGIN = 0.25  # of the box's sides, on each side


class ContextQuery:
    """A map around one of its segments.

    Args:
        layout: h w class ids in [0, k].
        box: top, left, bottom, right of the segment; it is enlarged by a quarter on each side.
        grid: of the bank.
        num_classes: k, which is no class.
    """

    def __init__(self, layout: NDArray[np.integer], box: Sequence[int], grid: Grid, num_classes: int) -> None:
        top, left, bottom, right = box
        down, across = round(MARGIN * (bottom - top)), round(MARGIN * (right - left))
        top, left = max(0, top - down), max(0, left - across)
        self.box = (top, left, min(grid.size[0], bottom + down), min(grid.size[1], right + across))
        self.window = layout[self.box[0] : self.box[2], self.box[1] : self.box[3]]
        self.num_classes = num_classes
        self.pixels = int((self.window < num_classes).sum())
        rows = slice(*grid.touch(self.box)[::2]), slice(*grid.touch(self.box)[1::2])
        self.blocks = np.arange(grid.blocks).reshape(grid.shape)[rows].flatten()
        tiles = grid.tiles(self.window.astype(np.int64), self.box, outside=num_classes)
        at = np.arange(len(tiles))[:, None] * (num_classes + 1) + tiles
        self.counts = np.bincount(at.ravel(), minlength=len(tiles) * (num_classes + 1)).reshape(len(tiles), -1)

    def bound(self, part: Part) -> NDArray[np.float64]:
        """No image of a part scores more: n."""
        histograms = part["histograms"]
        agreed, void = np.zeros((2, histograms.shape[2]), np.int64)
        for block, counts in zip(self.blocks.tolist(), self.counts, strict=True):
            void += histograms[block, self.num_classes]
            for class_id in counts[: self.num_classes].nonzero()[0].tolist():
                agreed += np.minimum(histograms[block, class_id], np.uint16(counts[class_id]))
        agreed = np.minimum(agreed, self.pixels)
        known = np.maximum(self.window.size - void, agreed)  # the image's pixels in the box, or fewer
        return agreed / np.maximum(self.pixels + known - agreed, 1)

    def score(self, part: Part, images: NDArray[np.integer]) -> NDArray[np.float64]:
        """Sum over the classes of the pixels in which both maps have them, over those in which one has: n.

        Args:
            part: of the bank.
            images: of the part, in any order.
        """
        top, left, bottom, right = self.box
        distinct, inverse = np.unique(images, return_inverse=True)
        scores = np.zeros(len(distinct))
        for place, image in enumerate(distinct.tolist()):
            other = part["layouts"][image, top:bottom, left:right]
            agreed = int(((other == self.window) & (self.window < self.num_classes)).sum())
            union = self.pixels + int((other < self.num_classes).sum()) - agreed
            scores[place] = agreed / max(union, 1)
        return scores[inverse]
