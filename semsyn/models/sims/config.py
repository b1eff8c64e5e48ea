"""What a SIMS generator is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from semsyn.errors import InputError
from semsyn.generator.config import Config

Order = Literal["intended", "released", "graph", "coarse"]


@dataclass(frozen=True, kw_only=True)
class SIMSConfig(Config):
    """SIMS: segments out of a bank, put together on a canvas, and a network that paints over it.

    What the classes are to one another (who stands behind whom, who casts shadows) the bank knows.

    Attributes:
        num_classes: k. "No class", id k, has a channel of its own in every network.
        width: of the canvas network.
        scale: how many times the size of its U-Net pictures have: 1, 2 or 4.
        transform_width: of the network that moves segments; None: they stay as they are.
        order_width: of the network that puts pairs of segments in order; None: the order of their classes counts.
        order: how its answers are used: as ``intended``, as ``released`` (segments are retrieved by the published rule,
            too), as a ``graph`` of the whole scene, or not at all (``coarse``).
        has_whole_steps: the numbers of a transformation are rounded, so that segments are moved by whole pixels.
        candidates: of how many best segments one is picked by chance; 1: the best, as released.
        elided: share of the pixels along the inner borders of segments that are left to the network.
        inner_band, shade_band, leak_band, outer_band: width in pixels of the bands that are elided inside of segments,
            along casters of shadows, along leaking classes, and around what stands on the ground.
    """

    family: ClassVar[str] = "sims"
    title: ClassVar[str] = "SIMS"
    resources: ClassVar[Mapping[str, str]] = {"bank": "folder of the bank of segments"}
    most: ClassVar[Mapping[str, int]] = {**Config.most, "candidates": 1000}

    scale: Literal[1, 2, 4] = 1
    transform_width: int | None = None
    order_width: int | None = None
    order: Order = "intended"
    has_whole_steps: bool = True
    candidates: int = 1
    elided: float = 0.5
    inner_band: int = 6
    shade_band: int = 31
    leak_band: int = 21
    outer_band: int = 41

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("candidates", "transform_width", "order_width"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise InputError(f"{name} of a config of SIMS must be at least 1, found {value}.")
        if self.elided > 1:
            raise InputError(f"elided is a share, from 0 to 1, found {self.elided}.")

    @property
    def base_size(self) -> tuple[int, int]:
        """(h, w) at which the U-Net and the network that moves segments look."""
        return self.image_size[0] // self.scale, self.image_size[1] // self.scale

    def count_planes(self) -> int:
        """Of a canvas that a layout brings: three colours, and where it is filled."""
        return 4

    def details(self) -> list[str]:
        """What `describe` says between classes and width."""
        networks = {"moves segments": self.transform_width, "orders segments": self.order_width}
        return [name for name, width in networks.items() if width is not None]
