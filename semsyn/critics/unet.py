"""OASIS' discriminator: a U-Net that segments a picture into its classes and one class more, "fake"."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.critics.verdict import Critic, Verdict, check_pictures
from semsyn.errors import InputError
from semsyn.nn.spectral_norm import spectral_norm
from semsyn.records.layout import Layout
from semsyn.signature import checked

WIDTHS = (128, 128, 256, 256, 512, 512)
SLOPE = 0.2
GLOBAL_LEVEL = 3  # the level of the encoder, counted from 0, that the global head reads


class ScalingBlock(nn.Module):
    """A residual block that halves or doubles the size.

    Down: act, 3 x 3, act, 3 x 3, mean over 2 x 2; up: act, nearest x 2, 3 x 3, act, 3 x 3; act is leaky ReLU 0.2. The
    shortcut is scaled alike, and convolved 1 x 1 where the channels change. (That convolution is done at the lower of
    the two sizes: it commutes with both scalings.)

    Args:
        in_channels, out_channels: of x and of the result.
        direction: ``down`` or ``up``.
        is_first: x is a picture: the first activation is left out.
        has_spectral_norm: put spectral normalisation on the convolutions.

    Shape: x is n c h w, even sides where they are halved; the result n c' h/2 w/2 or n c' 2h 2w.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        direction: Literal["down", "up"],
        *,
        is_first: bool = False,
        has_spectral_norm: bool = True,
    ) -> None:
        super().__init__()

        def conv(a: int, b: int, kernel_size: int) -> nn.Module:
            layer = nn.Conv2d(a, b, kernel_size, padding=kernel_size // 2)
            return spectral_norm(layer) if has_spectral_norm else layer

        self.direction = direction
        self.is_first = is_first
        self.conv_1 = conv(in_channels, out_channels, 3)
        self.conv_2 = conv(out_channels, out_channels, 3)
        self.conv_s = None if in_channels == out_channels else conv(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        main = x if self.is_first else F.leaky_relu(x, SLOPE)
        if self.direction == "down":
            shortcut = F.avg_pool2d(x, 2)
            shortcut = shortcut if self.conv_s is None else self.conv_s(shortcut)
            return shortcut + F.avg_pool2d(self._convolve(main), 2)
        shortcut = x if self.conv_s is None else self.conv_s(x)
        return _double(shortcut) + self._convolve(_double(main))

    def _convolve(self, x: Tensor) -> Tensor:
        return self.conv_2(F.leaky_relu(self.conv_1(x), SLOPE))


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class SegmentationDiscriminator(Critic):
    """A U-Net without norms whose logits are per pixel: "fake", or one of the classes.

    Args:
        num_classes: k.
        widths: channels after each block of the encoder, which halves the size each time; the decoder mirrors them.
        last_width: channels before the logits.
        has_global_head: also judge patches as a whole, from the fourth block of the encoder (iPOSE): logits n 1 h/16
            w/16.
        has_spectral_norm: put spectral normalisation on the blocks' convolutions.

    Shape: image is n 3 h w in [-1, 1], sides multiples of 2 to the number of widths (64).

    Raises:
        InputError: for too few widths.

    Reference: Sushko et al., arXiv:2012.04781, appendix C; Schönfeld et al., "A U-Net Based Discriminator for
    Generative Adversarial Networks", arXiv:2002.12655.
    """

    @checked(num_classes=1, widths=1, last_width=1)
    def __init__(
        self,
        num_classes: int,
        *,
        widths: Sequence[int] = WIDTHS,
        last_width: int = 64,
        has_global_head: bool = False,
        has_spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        if len(widths) < (GLOBAL_LEVEL + 1 if has_global_head else 1):
            raise InputError(f"widths gives {len(widths)} levels; a discriminator needs one, a global head four.")
        down = [
            ScalingBlock(a, b, "down", is_first=i == 0, has_spectral_norm=has_spectral_norm)
            for i, (a, b) in enumerate(pairwise((3, *widths)))
        ]
        made = [*reversed(widths[:-1]), last_width]
        read = [widths[-1], *(2 * width for width in reversed(widths[:-1]))]
        up = [ScalingBlock(a, b, "up", has_spectral_norm=has_spectral_norm) for a, b in zip(read, made, strict=True)]
        self.down = nn.ModuleList(down)
        self.up = nn.ModuleList(up)
        self.to_classes = nn.Conv2d(last_width, num_classes + 1, 1)
        self.global_head = nn.Conv2d(widths[GLOBAL_LEVEL], 1, 3, padding=1) if has_global_head else None

    @classmethod
    def of(cls, state: Mapping[str, Tensor], *, has_edges: bool = False) -> "SegmentationDiscriminator":
        """The critic that a state dict of its kind fits, with that state.

        Args:
            state: by the names of this class.
            has_edges: must be False: it reads no layout.
        """
        if has_edges:
            raise InputError("a critic that segments pictures reads no borders: leave has_edges out.")
        convs = {key: t for key, t in state.items() if ".conv_1." in key and t.ndim == 4}
        widths = [len(t) for key, t in convs.items() if key.startswith("down.")]
        rows, last_width = state["to_classes.weight"].shape[:2]
        critic = cls(
            rows - 1,
            widths=widths,
            last_width=last_width,
            has_global_head="global_head.weight" in state,
            has_spectral_norm="down.0.conv_1.parametrizations.weight.original" in state,
        )
        critic.load_state_dict(dict(state))
        return critic

    def forward(self, layout: Layout, image: Tensor) -> Verdict:
        """As released it does not read the layout: what a picture shows is for it to find."""
        check_pictures(layout, image, self)
        multiple = 2 ** len(self.down)
        if image.shape[2] % multiple or image.shape[3] % multiple:
            raise InputError(
                f"the discriminator halves a picture {len(self.down)} times: both sides must be multiples of "
                f"{multiple}, found {image.shape[2]} x {image.shape[3]}."
            )
        levels = [image]
        for block in self.down:
            levels.append(block(levels[-1]))
        logits = () if self.global_head is None else (self.global_head(levels[GLOBAL_LEVEL + 1]),)
        x = levels.pop()
        for i, block in enumerate(self.up):
            x = block(x if i == 0 else torch.cat([levels.pop(), x], dim=1))
        return Verdict(logits=logits, classes=self.to_classes(x))
