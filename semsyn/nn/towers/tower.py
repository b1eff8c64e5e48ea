"""What a tower is: a trained network that gives maps of pictures."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from semsyn.errors import CheckpointError, list_some
from semsyn.nn.features import check_features

MEAN = (0.485, 0.456, 0.406)  # of ImageNet, as torchvision's networks read it, in [0, 1]
DEVIATION = (0.229, 0.224, 0.225)

T = TypeVar("T", bound="Tower")


class Tower(nn.Module):
    """A trained network, frozen: no weight learns, and `train` leaves it in evaluation.

    Args:
        mean, deviation: of red, green and blue in [0, 1], which the network expects to be taken out; None: it reads
            pictures in [-1, 1] as they are.

    Shape: x is n 3 h w in [-1, 1]. The maps go from low to high, each n c h' w'.

    Attributes:
        maps: names of the maps.
        channels: c of each.
        strides: pixels of the picture per pixel of each.
        least: pixels that a side of a picture has.
    """

    maps: tuple[str, ...]
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    least = 16
    mean: Tensor | None
    deviation: Tensor | None

    def __init__(self, mean: Sequence[float] | None = MEAN, deviation: Sequence[float] | None = DEVIATION) -> None:
        super().__init__()
        for name, value in (("mean", mean), ("deviation", deviation)):
            t = None if value is None else torch.tensor(value)[:, None, None]
            self.register_buffer(name, t, persistent=False)

    def train(self, mode: bool = True) -> "Tower":
        """Stay in evaluation, whatever a network around it does."""
        return super().train(False)

    def read(self, x: Tensor) -> Tensor:
        """The picture as the network expects it."""
        check_features(x, channels=3, reader=self, least=self.least)
        if self.mean is None or self.deviation is None:
            return x
        return (x - (2 * self.mean - 1)) / (2 * self.deviation)

    def forward(self, x: Tensor) -> list[Tensor]:
        """The maps of a picture."""
        raise NotImplementedError

    def their_name(self, key: str) -> str:
        """What torchvision calls a tensor of the state, or whoever trained the network."""
        return key

    def load_torchvision(self: T, state: Mapping[str, Tensor]) -> T:
        """Fill the weights from torchvision's state dict of the network, or that of its ``features``; return the tower.

        Args:
            state: keys ``features.{n}.weight`` or ``{n}.weight``; layers past the last map are not needed.

        Raises:
            CheckpointError: if a layer is missing, or has another shape.
        """
        theirs = {name: t for key, t in state.items() for name in (key, f"features.{key}")}
        own = self.state_dict()
        names = {key: self.their_name(key) for key in own}
        what = f"no weights of {type(self).__name__}"
        if missing := sorted(set(names.values()) - set(theirs)):
            raise CheckpointError(f"{what}: {list_some(missing)} are missing.")
        for key, name in names.items():
            if theirs[name].shape != own[key].shape:
                found, wanted = tuple(theirs[name].shape), tuple(own[key].shape)
                raise CheckpointError(f"{what}: {name} has shape {found}, not {wanted}.")
        self.load_state_dict({key: theirs[name] for key, name in names.items()})
        return self
