"""The PatchGAN discriminators that every family with adversarial training shares."""

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

from semsyn.critics.verdict import Critic, Verdict, check_pictures, edges_of
from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import check_ids
from semsyn.functional.label_conv2d import label_conv2d
from semsyn.nn.norms import InstanceNorm
from semsyn.nn.spectral_norm import spectral_norm
from semsyn.records.layout import Layout
from semsyn.signature import checked

KERNEL, STRIDE, PADDING = 4, 2, 2
SLOPE, MAX_WIDTH = 0.2, 512


class PatchBlock(nn.Module):
    """Convolution, then if asked for instance norm without affine, then if asked for leaky ReLU 0.2.

    With a norm the convolution is spectrally normalised and has no bias, since the norm would remove it.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        *,
        stride: int = 1,
        kernel_size: int = KERNEL,
        has_norm: bool = True,
        has_activation: bool = True,
    ) -> None:
        super().__init__()
        padding = kernel_size // 2
        conv = nn.Conv2d(c_in, c_out, kernel_size, stride=stride, padding=padding, bias=not has_norm)
        self.conv = spectral_norm(conv) if has_norm else conv
        self.norm = InstanceNorm(c_out) if has_norm else None
        self.has_activation = has_activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        return F.leaky_relu(x, SLOPE) if self.has_activation else x


class PatchDiscriminator(nn.Module):
    """One PatchGAN: a stack of 4×4 convolutions that scores overlapping patches.

    Args:
        in_channels: c, planes of the semantics plus 3.
        width: channels after the first convolution; they double per layer, up to 512.
        num_layers: convolutions before the one that gives the logits. All but the last of them halve the size.

    Shape: x is n c h w. The result holds num_layers + 1 maps, each after its activation; the last is the logits, n 1
    h' w'.

    Reference: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", arXiv:1611.07004.
    """

    @checked(in_channels=1, width=1, num_layers=0)
    def __init__(self, in_channels: int, *, width: int = 64, num_layers: int = 4) -> None:
        super().__init__()
        if num_layers < 1:
            raise InputError(f"num_layers must be at least 1, found {num_layers}.")
        widths = [min(width * 2**i, MAX_WIDTH) for i in range(num_layers)]
        strides = [2] * (num_layers - 1) + [1]
        blocks = [PatchBlock(in_channels, width, stride=2, has_norm=False)]
        blocks += [PatchBlock(a, b, stride=s) for (a, b), s in zip(pairwise(widths), strides[1:], strict=True)]
        blocks += [PatchBlock(widths[-1], 1, stride=1, has_norm=False, has_activation=False)]
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        return self.go_on(self.first(x))

    @property
    def first(self) -> nn.Conv2d:
        """The convolution that reads semantics and picture; it has no norm."""
        conv: nn.Conv2d = self.blocks[0].conv  # type: ignore[assignment]
        return conv

    def go_on(self, x: Tensor) -> list[Tensor]:
        """All maps from what the first convolution gives."""
        maps = [F.leaky_relu(x, SLOPE)]
        for block in self.blocks[1:]:
            maps.append(block(maps[-1]))
        return maps


class MultiscaleDiscriminator(Critic):
    """Equal PatchGANs on a pyramid of the semantics and the picture.

    Args:
        num_classes: k.
        has_edges: it also reads the borders of instances.
        num_scales: discriminators; each next one sees its input at half the size (3×3 average, borders not counted).
        width: see `PatchDiscriminator`.
        num_layers: see `PatchDiscriminator`.

    A layout is read once for all pictures of it: the first scale looks its ids up (`semsyn.functional.label_conv2d`),
    the others convolve the shares of the classes. No one-hot map is made.

    Reference: Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs",
    arXiv:1711.11585.
    """

    @checked(num_classes=0, num_scales=1, width=1, num_layers=0)
    def __init__(
        self, num_classes: int, *, has_edges: bool = False, num_scales: int = 2, width: int = 64, num_layers: int = 4
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.has_edges = has_edges
        self.requires = ("edges",) if has_edges else ()
        self.in_channels = num_classes + has_edges + 3
        self.scales = nn.ModuleList(
            PatchDiscriminator(self.in_channels, width=width, num_layers=num_layers) for _ in range(num_scales)
        )

    @classmethod
    def of(cls, state: Mapping[str, Tensor], *, has_edges: bool = False) -> "MultiscaleDiscriminator":
        """The critic that a state dict of its kind fits, with that state. Classes and borders it does not tell apart.

        Args:
            state: by the names of this class.
            has_edges: the last plane of what it reads is that of borders.
        """
        first = state["scales.0.blocks.0.conv.weight"]
        places = [key.split(".") for key in state]
        critic = cls(
            first.shape[1] - 3 - has_edges,
            has_edges=has_edges,
            num_scales=1 + max(int(place[1]) for place in places),
            width=len(first),
            num_layers=max(int(place[3]) for place in places),
        )
        critic.load_state_dict(dict(state))
        return critic

    def forward(self, layout: Layout, image: Tensor) -> Verdict:
        check_pictures(layout, image, self)
        check_ids(layout.class_ids, self.num_classes, name="class_ids")
        sets = len(image) // len(layout)
        shares: Tensor | None = None
        edges = edges_of(layout)[:, None].to(image.dtype) if self.has_edges else None
        maps = []
        for index, scale in enumerate(self._patch_critics()):
            if index:
                shares = pool_ids(layout.class_ids, self.num_classes).to(image) if shares is None else _halve(shares)
                image, edges = _halve(image), None if edges is None else _halve(edges)
            conv, seen = scale.first, self.num_classes + self.has_edges
            of_layout, of_pictures = conv.weight[:, :seen], conv.weight[:, seen:]
            if shares is None:
                read = label_conv2d(layout.class_ids, of_layout, planes=edges, stride=STRIDE, padding=PADDING)
            else:
                planes = shares if edges is None else torch.cat([shares, edges], 1)
                read = F.conv2d(planes, of_layout, stride=STRIDE, padding=PADDING)
            x = F.conv2d(image, of_pictures, conv.bias, stride=STRIDE, padding=PADDING)
            maps.append(scale.go_on(x + repeat(read.to(x), "n c h w -> (s n) c h w", s=sets)))
        return Verdict(logits=tuple(scale[-1] for scale in maps), features=tuple(tuple(s[:-1]) for s in maps))

    def _patch_critics(self) -> list[PatchDiscriminator]:
        return list(self.scales)  # type: ignore[arg-type]

    def maps(self, x: Tensor) -> list[list[Tensor]]:
        """All maps of all scales, the logits being the last of each.

        Args:
            x: n (k + has_edges + 3) h w: the class planes, zeros and ones, the edges, then the picture.
        """
        check_shape(x, "n c h w", name="x", c=self.in_channels)
        maps = []
        for index, scale in enumerate(self.scales):
            if index:
                x = _halve(x)
            maps.append(scale(x))
        return maps


def _halve(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


def pool_ids(class_ids: Tensor, num_classes: int) -> Tensor:
    """The one-hot map at half the size, each pixel the mean of 3×3, those outside not counted: without that map.

    Args:
        class_ids: n h w in [0, k]; k, no class, is zero in all planes.
        num_classes: k.

    Returns:
        n k h' w', float32, sides rounded up.
    """
    n, h, w = class_ids.shape
    rows, columns = (h + 1) // 2, (w + 1) // 2
    padded = F.pad(class_ids, (1, 1 + w % 2, 1, 1 + h % 2), value=num_classes)
    taps = [padded[:, i : i + 2 * rows : 2, j : j + 2 * columns : 2] for i in range(3) for j in range(3)]
    seen = F.avg_pool2d(torch.ones(1, 1, h, w, device=class_ids.device), 3, 2, 1, divisor_override=1)
    place = torch.arange(rows * columns, device=class_ids.device).view(rows, columns)
    shares = torch.zeros(n, (num_classes + 1) * rows * columns, device=class_ids.device)
    for tap in taps:
        shares.scatter_add_(1, (tap * rows * columns + place).flatten(1), (1 / seen[0]).flatten(1).expand(n, -1))
    return rearrange(shares, "n (k h w) -> n k h w", h=rows, w=columns)[:, :num_classes]
