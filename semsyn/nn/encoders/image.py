"""SPADE's image encoder: a picture to the Gaussian of its style code."""

from itertools import pairwise

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.errors import check_shape
from semsyn.nn.norms import InstanceNorm
from semsyn.nn.spectral_norm import spectral_norm
from semsyn.records.layout import Layout
from semsyn.records.style import Gaussian, Posterior


class ImageEncoder(nn.Module):
    """Six strided convolutions and two linear layers.

    Pictures of another size than 256 x 256 are resized to it (bilinear, not antialiased), whatever the generator's
    size. (The released code drops the last convolution for crops below 256, after which its linear layers do not fit.)

    Args:
        width: channels after the first convolution.
        code_dim: d. The released encoders have 256.

    Shape: image n 3 h w in [-1, 1]; mu and logvar of the codes ``start`` are n 1 d.

    Reference: Park et al., arXiv:1903.07291, appendix A, figure 13.
    """

    size = (256, 256)

    def __init__(self, width: int = 64, code_dim: int = 256) -> None:
        super().__init__()
        widths = (3, *(m * width for m in (1, 2, 4, 8, 8, 8)))
        convs = (nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False) for a, b in pairwise(widths))
        self.layers = nn.ModuleList(nn.Sequential(spectral_norm(c), InstanceNorm(c.out_channels)) for c in convs)
        shrunk = self.size[0] // 2 ** len(self.layers)
        self.mu = nn.Linear(widths[-1] * shrunk * shrunk, code_dim)
        self.logvar = nn.Linear(widths[-1] * shrunk * shrunk, code_dim)

    def forward(self, image: Tensor, layout: Layout | None = None) -> Posterior:
        check_shape(image, "n c h w", c=3, name="image")
        x = (
            image
            if image.shape[2:] == self.size
            else F.interpolate(image, self.size, mode="bilinear", align_corners=False)
        )
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        x = rearrange(x, "n c h w -> n (c h w)")
        return Posterior({"start": Gaussian(mu=self.mu(x)[:, None], logvar=self.logvar(x)[:, None])})
