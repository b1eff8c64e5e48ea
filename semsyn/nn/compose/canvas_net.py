"""The network that makes a picture of a canvas: it fills holes, blends seams, and brings colours together."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError, check_shape
from semsyn.nn.compose.conv_block import conv_blocks, same_pool
from semsyn.nn.compose.resize import one_hot, resize

PLANES = 4  # the canvas in three colours, and where it is filled
DEPTH = 6  # halvings
ENCODER = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3), (8, 3))  # width and count of the blocks, from the largest size on
DECODER = ((4, 2), (8, 2), (8, 2), (8, 2), (8, 2), (8, 2))
Size = tuple[int, int]


class Painted(NamedTuple):
    """A picture n 3 h w, about [-1, 1], and logits of what its pixels show, n (k + 1) h w; at scale 4 half as large."""

    image: Tensor
    logits: Tensor


class CanvasNet(nn.Module):
    """A U-Net over a label map and a canvas, whose decoder sees both anew at every size.

    The U-Net runs at one size, whatever the picture's; larger pictures come from a head behind it.

    Args:
        num_classes: k; "no class", id k, has a channel of its own.
        width: channels at full size.
        scale: how many times the U-Net's size the picture has: 1, 2 or 4. Released: for 256×512, 512×1024, 1024×2048.

    Shape: class_ids n h w in [0, k], planes n 4 h w in [0, 1] (the canvas, and 1 where it is filled). The picture is
    n 3 h w, RGB, in [-1, 1] where nothing is overdrawn. Sides are multiples of 64 times the scale.

    Reference: Qi et al., "Semi-parametric Image Synthesis", arXiv:1804.10992; the heads as released.
    """

    def __init__(self, num_classes: int, width: int = 64, *, scale: int = 1) -> None:
        super().__init__()
        if scale not in (1, 2, 4):
            raise InputError(f"scale must be 1, 2 or 4, found {scale}.")
        self.num_classes, self.scale = num_classes, scale
        inputs = num_classes + 1 + PLANES
        encoder = [m * width for m, _ in ENCODER]
        decoder = [m * width for m, _ in DECODER]
        self.encoder = nn.ModuleList(
            conv_blocks(c, m * width, count) for c, (m, count) in zip([inputs, *encoder], ENCODER, strict=False)
        )
        # What block i reads: the input, the encoder's map of its size, and the block before, which begins at the end.
        deeper = [*decoder[1:], 0]
        self.decoder = nn.ModuleList(
            conv_blocks(inputs + skip + below, m * width, count)
            for skip, below, (m, count) in zip(encoder, deeper, DECODER, strict=True)
        )
        self.final = conv_blocks(inputs + decoder[0], 4 * width, 2)
        channels = 4 * width
        if scale > 1:
            self.enlarge = conv_blocks(inputs + channels, 2 * width, 2)
            channels = 2 * width
        self.to_image = nn.Conv2d(channels, 3, 1)
        self.to_logits = nn.Conv2d(channels, num_classes + 1, 1)
        if scale == 4:
            self.to_large_image = nn.Conv2d(inputs + 3, 3, 1)

    @property
    def multiple(self) -> int:
        """What sides of pictures are multiples of."""
        return 2**DEPTH * self.scale

    def start_from(self, smaller: "CanvasNet") -> None:
        """Take over the weights of a network for pictures of half the size; what only this one has stays as it is.

        Raises:
            InputError: if that is for pictures of another size, or of another width or number of classes.
        """
        if 2 * smaller.scale != self.scale:
            raise InputError(
                f"a network of scale {self.scale} starts from one of half of that, found scale {smaller.scale}."
            )
        # The heads of the smallest pictures stand on other features.
        heads = ("to_image.", "to_logits.") if smaller.scale == 1 else ()
        shared = {key: tensor for key, tensor in smaller.state_dict().items() if not key.startswith(heads)}
        try:
            self.load_state_dict({**self.state_dict(), **shared})
        except RuntimeError as error:
            raise InputError(f"the smaller network has another width or other classes: {error}") from error

    def forward(self, class_ids: Tensor, planes: Tensor) -> Tensor:
        """The picture alone."""
        return self._image(class_ids, planes, self._features(class_ids, planes))

    def paint(self, class_ids: Tensor, planes: Tensor) -> Painted:
        """The picture, and what its pixels show: the training asks for both."""
        x = self._features(class_ids, planes)
        return Painted(self._image(class_ids, planes, x), self.to_logits(x))

    def _features(self, class_ids: Tensor, planes: Tensor) -> Tensor:
        n, h, w = class_ids.shape
        check_shape(planes, "n c h w", n=n, c=PLANES, h=h, w=w, name="planes")
        if h % self.multiple or w % self.multiple:
            raise InputError(f"sides must be multiples of {self.multiple}, found {h} x {w}: resize the maps.")
        base = h // self.scale, w // self.scale
        whole = self._look(class_ids, planes, base)
        maps, x = [], whole
        for blocks in self.encoder:
            x = same_pool(blocks(x))
            maps.append(x)
        x = x[:, :0]  # nothing is below the smallest map
        for blocks, skip in zip(reversed(self.decoder), reversed(maps), strict=True):
            size = (skip.shape[2], skip.shape[3])
            x = blocks(torch.cat([self._look(class_ids, planes, size), skip, x], dim=1))
            x = resize(x, (2 * size[0], 2 * size[1]))
        x = self.final(torch.cat([whole, x], dim=1))
        if self.scale == 1:
            return x
        # As released: the largest pictures are made from a head at half of their size, which sees every other pixel.
        size = (2 * base[0], 2 * base[1])
        seen = self._look(class_ids, planes, size, align_corners=False)
        features: Tensor = self.enlarge(torch.cat([seen, resize(x, size)], dim=1))
        return features

    def _image(self, class_ids: Tensor, planes: Tensor, x: Tensor) -> Tensor:
        image: Tensor = self.to_image(x)
        if self.scale < 4:
            return image.flip(1)  # As released: the networks give blue, green, red.
        # The last convolution sees labels, canvas and the smaller picture. It is of single pixels, so it goes before
        # the enlargement, and a look-up does for the labels.
        weight, classes = self.to_large_image.weight, self.num_classes + 1
        of_classes, of_planes, of_image = weight.split([classes, PLANES, 3], dim=1)
        enlarged = resize(F.conv2d(image, of_image), (planes.shape[2], planes.shape[3]))
        seen = F.embedding(class_ids, of_classes.flatten(1).T).movedim(3, 1)
        image = enlarged + seen + F.conv2d(planes.to(weight.dtype), of_planes, self.to_large_image.bias)
        return image.flip(1)

    def _look(self, class_ids: Tensor, planes: Tensor, size: Size, *, align_corners: bool = True) -> Tensor:
        """Labels and planes at a size."""
        labels = one_hot(class_ids, self.num_classes + 1, size, align_corners=align_corners)
        dtype = self.to_image.weight.dtype
        return torch.cat([labels.to(dtype), resize(planes.to(dtype), size, align_corners=align_corners)], dim=1)
