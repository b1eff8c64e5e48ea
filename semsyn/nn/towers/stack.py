"""Towers that are a plain stack of layers, some of whose results are their maps."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from semsyn.nn.towers.tower import DEVIATION, MEAN, Tower


class Stack(Tower):
    """Layers one after the other, with torchvision's names: ``features.{n}.*``.

    Args:
        layers: up to that of the last map.
        taps: name of a map → index of the layer that gives it, from low to high.
        channels, strides: of the maps, see `Tower`.
        is_normalized: ImageNet's mean and deviation are taken out of pictures.
    """

    def __init__(
        self,
        layers: Sequence[nn.Module],
        taps: Mapping[str, int],
        *,
        channels: Sequence[int],
        strides: Sequence[int],
        is_normalized: bool = True,
    ) -> None:
        super().__init__(*((MEAN, DEVIATION) if is_normalized else (None, None)))
        self.maps, self.taps = tuple(taps), tuple(taps.values())
        self.channels, self.strides = tuple(channels), tuple(strides)
        self.features = nn.Sequential(*layers)
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> list[Tensor]:
        x, maps = self.read(x), []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.taps:
                maps.append(x)
        return maps
