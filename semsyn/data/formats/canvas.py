"""A picture of numbers that shapes are painted on, one over the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from semsyn.errors import InputError

FAR = 1e6  # pixels from the origin that no point of a shape is away
MIN_POINTS = 3


class Canvas:
    """Numbers of shapes, 0 where there is none; later shapes cover earlier ones. Outlines count.

    Args:
        size: (h, w).
        where: for messages.

    Raises:
        InputError: for a size that no picture has.
    """

    def __init__(self, size: tuple[int, int], where: str) -> None:
        limit = Image.MAX_IMAGE_PIXELS or 2**31
        if min(size) < 1 or size[0] * size[1] > limit:
            raise InputError(f"{where}: a picture of {size[0]} x {size[1]} pixels cannot be; they may be {limit:,}.")
        self.image = Image.new("I", (size[1], size[0]))
        self.draw = ImageDraw.Draw(self.image)

    def paint_polygon(self, points: np.ndarray, number: int) -> None:
        """Paint what lies inside points n 2."""
        self.draw.polygon([(float(x), float(y)) for x, y in points], fill=number, outline=number)

    def paint_rectangle(self, corners: np.ndarray, number: int) -> None:
        """Paint a rectangle between two opposite corners, 2 2."""
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        self.draw.rectangle((float(left), float(top), float(right), float(bottom)), fill=number, outline=number)

    def paint_circle(self, points: np.ndarray, number: int) -> None:
        """Paint a circle given by its centre and a point on it, 2 2."""
        (x, y), radius = points[0], float(np.hypot(*(points[1] - points[0])))
        self.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=number, outline=number)

    def paint_mask(self, mask: np.ndarray, number: int) -> None:
        """Paint where a mask h w is true."""
        self.image.paste(number, (0, 0, *self.image.size), Image.fromarray(mask))

    def numbers(self) -> np.ndarray:
        """int32 h w."""
        return np.array(self.image)


def check_points(points: Sequence[Any], where: str, *, at_least: int = MIN_POINTS) -> np.ndarray:
    """Points [[x, y], …] as floats n 2.

    Raises:
        InputError: for too few points, or others than pairs of finite numbers near the picture.
    """
    try:
        array = np.array(points, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.ndim != 2 or array.shape[1] != 2 or len(array) < at_least or not (np.abs(array) < FAR).all():
        raise InputError(
            f"{where}: a shape needs at least {at_least} points [x, y] of numbers below {FAR:,.0f}; draw it again."
        )
    return array
