"""The picture under work: colours, owners and parts of every pixel."""

import numpy as np

from semsyn.data.toyscenes.classes import CLASSES, PART_NAMES, STUFF
from semsyn.data.toyscenes.light import Light
from semsyn.data.toyscenes.noise import F32, Dice, Floats, Grain, clip, noise_crop

LAYER_DTYPE = np.dtype(
    [
        ("class_id", np.int64),
        ("instance", np.int64),
        ("color", np.float32, 3),
        ("accent", np.float32, 3),
        ("distance", np.float32),
    ]
)
_PART_IDS = {name: i for i, name in enumerate(PART_NAMES)}
_CLASS_IDS = {name: i for i, name in enumerate(CLASSES)}


class Canvas:
    """Layers are painted back to front; each becomes the owner of the pixels it covers by half or more.

    Attributes:
        image: 3 h w float32, colours around [0, 1].
        owner: h w int16, index of the layer on top.
        parts: h w uint8, part ids.
        layers: one row per layer so far: class id, instance number, colours, distance.
    """

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.image = np.zeros((3, height, width), np.float32)
        self.owner = np.zeros((height, width), np.int16)
        self.parts = np.zeros((height, width), np.uint8)
        self.layers: list[tuple[int, int, tuple[float, ...], tuple[float, ...], float]] = []
        self._stuff: dict[str, int] = {}
        self._instances = 0
        # pixel centres in units of the picture's height
        self.x = ((np.arange(width) + 0.5) / height).astype(np.float32)[None, :]
        self.y = ((np.arange(height) + 0.5) / height).astype(np.float32)[:, None]

    def add_layer(
        self, name: str, color: tuple[float, ...], accent: tuple[float, ...] | None = None, distance: float = 1.0
    ) -> int:
        """Start a layer; a stuff class that comes back continues its one instance."""
        instance = self._stuff.get(name, self._instances)
        self._instances += instance == self._instances
        if name in STUFF:
            self._stuff[name] = instance
        self.layers.append((_CLASS_IDS[name], instance, color, color if accent is None else accent, distance))
        return len(self.layers) - 1

    def fill(self, layer: int, cover: Floats, color: Floats, top: int = 0) -> None:
        """Paint rows from ``top`` on: cover h' w in [0, 1], color broadcastable to 3 h' w."""
        rows = slice(top, top + len(cover))
        view = self.image[:, rows]
        view += cover * (color - view)
        solid = cover >= 0.5
        np.copyto(self.owner[rows], np.int16(layer), where=solid)
        np.copyto(self.parts[rows], 0, where=solid)


class Sprite:
    """A small frame around one object, with coordinates in metres from its foot: u to the right, v upwards.

    Shapes are functions of u and v that return how much of a pixel they cover, with edges one pixel soft.
    """

    def __init__(
        self,
        canvas: Canvas,
        dice: Dice,
        light: Light,
        *,
        at: tuple[float, float],
        scale: float,
        reach: tuple[float, float, float],
        distance: float,
        mirrored: bool = False,
    ) -> None:
        """reach: metres to the left and right, above, and below the foot."""
        side, above, below = reach
        size = scale * canvas.height
        x, y = at[0] * canvas.height, at[1] * canvas.height
        left, right = max(0, int(x - side * size - 1)), min(canvas.width, int(x + side * size + 2))
        top, bottom = max(0, int(y - above * size - 1)), min(canvas.height, int(y + below * size + 2))
        self.visible = right > left and bottom > top
        if not self.visible:
            right, bottom = left, top
        self.box = (slice(top, bottom), slice(left, right))
        self.canvas, self.dice, self.light, self.size, self.distance = canvas, dice, light, np.float32(size), distance
        sign = -1 if mirrored else 1
        self.u = ((np.arange(left, right, dtype=np.float32) + np.float32(0.5 - x)) * np.float32(sign / size))[None, :]
        self.v = ((np.float32(y - 0.5) - np.arange(top, bottom, dtype=np.float32)) * np.float32(1 / size))[:, None]
        self.light_u = light.direction[0] * sign
        self._image = canvas.image[:, self.box[0], self.box[1]]
        self._owner = canvas.owner[self.box]
        self._parts = canvas.parts[self.box]
        self.layer = -1

    def noise(self, grain: Grain) -> F32:
        return noise_crop(self.dice, len(self.v), self.u.shape[1], grain)

    def soften(self, inside: Floats) -> F32:
        """Cover of a shape from the distance in metres to its edge, positive inside."""
        return clip(inside * self.size + np.float32(0.5), 0, 1)

    def box_cover(self, u0: float, u1: float, v0: float, v1: float) -> F32:
        return self.soften(np.minimum(self.u - u0, u1 - self.u)) * self.soften(np.minimum(self.v - v0, v1 - self.v))

    def span(self, left: Floats, right: Floats, v0: float, v1: float) -> F32:
        """Between two functions of v, for v in [v0, v1]."""
        return self.soften(np.minimum(self.u - left, right - self.u)) * self.soften(
            np.minimum(self.v - v0, v1 - self.v)
        )

    def disc(self, u: float, v: float, radius_u: float, radius_v: float | None = None) -> F32:
        radius_v = radius_u if radius_v is None else radius_v
        r = np.sqrt(((self.u - u) / radius_u) ** 2 + ((self.v - v) / radius_v) ** 2)
        return self.soften((1 - r) * min(radius_u, radius_v))

    def paint(self, cover: Floats, albedo: tuple[float, ...], shade: Floats | float, part: str = "") -> None:
        """Paint a shape: lit by shade (0 in shadow, 1 in full light), behind the haze of its distance."""
        base, gain = self.light.tones(albedo, self.distance)
        self._image += cover * (base + gain * np.asarray(shade, np.float32) - self._image)
        solid = cover >= 0.5
        np.copyto(self._owner, np.int16(self.layer), where=solid)
        np.copyto(self._parts, np.uint8(_PART_IDS[part]), where=solid)

    def glow(self, cover: Floats, color: Floats) -> None:
        """Mix in colours 3 h w, without changing any owner: highlights and outlines."""
        self._image += cover * (color - self._image)

    def darken(self, cover: Floats) -> None:
        """Multiply by 1 - cover: shadows."""
        self._image *= 1 - cover
