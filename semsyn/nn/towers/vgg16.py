"""VGG16, as torchvision has it."""

from collections.abc import Sequence

from torch import nn

from semsyn.errors import InputError
from semsyn.nn.towers.stack import Stack
from semsyn.signature import checked

CONVOLUTIONS = (2, 2, 3, 3, 3)


class VGG16Features(Stack):
    """VGG16 up to relu5_3; gives relu1_2, relu2_2, relu3_3, relu4_3 and relu5_3, the last of each stage.

    Its parameters are frozen and have torchvision's names, ``features.{n}.*``.

    Args:
        widths: channels of the five stages.
        is_normalized: ImageNet's mean and deviation are taken out of pictures, as in the network's training.

    Shape: x is n 3 h w in [-1, 1], h and w at least 16. The maps have 1, 1/2, 1/4, 1/8 and 1/16 of its size, rounded
    down.

    Reference: Simonyan and Zisserman, arXiv:1409.1556."""

    @checked(widths=1)
    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512, 512), *, is_normalized: bool = True) -> None:
        if len(widths) != len(CONVOLUTIONS):
            raise InputError(f"widths must give five stages, found {tuple(widths)}.")
        layers: list[nn.Module] = []
        taps: dict[str, int] = {}
        c_in = 3
        for stage, (width, count) in enumerate(zip(widths, CONVOLUTIONS, strict=True), 1):
            layers += [nn.MaxPool2d(2)] if layers else []
            for _ in range(count):
                layers += [nn.Conv2d(c_in, width, 3, padding=1), nn.ReLU()]
                c_in = width
            taps[f"relu{stage}_{count}"] = len(layers) - 1
        super().__init__(layers, taps, channels=widths, strides=(1, 2, 4, 8, 16), is_normalized=is_normalized)
