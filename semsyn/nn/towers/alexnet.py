"""AlexNet, as torchvision has it."""

from collections.abc import Sequence

from torch import nn

from semsyn.errors import InputError
from semsyn.nn.towers.stack import Stack
from semsyn.signature import checked


class AlexNetFeatures(Stack):
    """AlexNet up to relu5; gives relu1 to relu5.

    Its parameters are frozen and have torchvision's names, ``features.{n}.*``.

    Args:
        widths: channels of the five convolutions.
        is_normalized: ImageNet's mean and deviation are taken out of pictures, as in the network's training.

    Shape: x is n 3 h w in [-1, 1], h and w at least 31, or the second pooling has nothing to pool. The maps have about
    1/4, 1/8 and three times 1/16 of its size.

    Reference: Krizhevsky, "One Weird Trick for Parallelizing Convolutional Neural Networks", arXiv:1404.5997."""

    least = 31

    @checked(widths=1)
    def __init__(self, widths: Sequence[int] = (64, 192, 384, 256, 256), *, is_normalized: bool = True) -> None:
        if len(widths) != 5:
            raise InputError(f"widths must give five convolutions, found {tuple(widths)}.")
        a, b, c, d, e = widths
        layers: list[nn.Module] = [nn.Conv2d(3, a, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
        layers += [nn.Conv2d(a, b, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
        for c_in, c_out in ((b, c), (c, d), (d, e)):
            layers += [nn.Conv2d(c_in, c_out, 3, padding=1), nn.ReLU()]
        taps = {f"relu{i}": index for i, index in enumerate((1, 4, 7, 9, 11), 1)}
        super().__init__(layers, taps, channels=widths, strides=(4, 8, 16, 16, 16), is_normalized=is_normalized)
