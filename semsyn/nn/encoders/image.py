"""SPADE's image encoder: a picture to the Gaussian of its style code."""

from itertools import pairwise

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.errors import InputError, check_shape
from semsyn.nn.features import check_features
from semsyn.nn.norms import InstanceNorm
from semsyn.nn.spectral_norm import spectral_norm
from semsyn.records.layout import Layout
from semsyn.records.style import Gaussian, Posterior
from semsyn.signature import checked


class ImageEncoder(nn.Module):
    """Six strided convolutions and two linear layers.

    Pictures of another size than its working size are resized to it (bilinear, not antialiased), whatever the
    generator's size. (The released code drops the last convolution for crops below 256, after which its linear layers
    do not fit.)

    Args:
        width: channels after the first convolution.
        code_dim: d. The released encoders have 256.
        size: pixels of a side it works at, a multiple of 64, 128 at least. The released encoders have 256.

    Raises:
        InputError: for a size that six halvings do not fit.

    Shape: image n 3 h w in [-1, 1]; mu and logvar of the codes ``start`` are n 1 d.

    Reference: Park et al., arXiv:1903.07291, appendix A, figure 13.
    """

    owns_maps = False  # whether a norm's result may be written over, as in the inference form

    @checked(width=1, code_dim=1)
    def __init__(self, width: int = 64, code_dim: int = 256, *, size: int = 256) -> None:
        super().__init__()
        if size < 128 or size % 64:  # at 64 the last map is one pixel, which its norm makes 0
            raise InputError(
                f"an encoder halves pictures six times, so it works at a multiple of 64 from 128, found {size}."
            )
        self.size = (size, size)
        widths = (3, *(m * width for m in (1, 2, 4, 8, 8, 8)))
        convs = (nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False) for a, b in pairwise(widths))
        self.layers = nn.ModuleList(nn.Sequential(spectral_norm(c), InstanceNorm(c.out_channels)) for c in convs)
        shrunk = self.size[0] // 2 ** len(self.layers)
        self.mu = nn.Linear(widths[-1] * shrunk * shrunk, code_dim)
        self.logvar = nn.Linear(widths[-1] * shrunk * shrunk, code_dim)

    def trunk(self, image: Tensor) -> list[Tensor]:
        """What each convolution gives, normalised and activated: at 1/2, 1/4, ... 1/64 of the working size."""
        check_shape(image, "n c h w", c=3, name="image")
        check_features(image, "image", channels=3, reader=self)
        x = image
        if image.shape[2:] != self.size:
            x = F.interpolate(image, self.size, mode="bilinear", align_corners=False)
        maps: list[Tensor] = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2, inplace=self.owns_maps)
            maps.append(x)
        return maps

    def start(self, last: Tensor) -> Gaussian:
        """The Gaussian of the style code, of the last convolution's map."""
        x = rearrange(last, "n c h w -> n (c h w)")
        return Gaussian(mu=self.mu(x)[:, None], logvar=self.logvar(x)[:, None])

    def forward(self, image: Tensor, layout: Layout | None = None) -> Posterior:
        return Posterior({"start": self.start(self.trunk(image)[-1])})
