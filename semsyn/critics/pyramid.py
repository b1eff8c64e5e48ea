"""The feature-pyramid semantics-embedding discriminator (FPSE), which SCGAN and CC-FPSE were trained against."""

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.critics.patch import PatchBlock
from semsyn.critics.verdict import Critic, Verdict, check_pictures, edges_of
from semsyn.errors import InputError
from semsyn.functional.checks import check_ids, without
from semsyn.records.layout import Layout
from semsyn.signature import checked

ENCODER_WIDTHS = (1, 2, 4, 8, 8)  # in units of the base width
LATERAL_WIDTH, HEAD_WIDTH = 4, 2
MULTIPLE = 2 ** len(ENCODER_WIDTHS)  # of the picture's sides
CELL = 4  # pixels of the picture per pixel of the largest score map
BLUR = (1.0, 2.0, 1.0)


class FeaturePyramidDiscriminator(Critic):
    r"""Scores patches at three resolutions by how real they are, and by how well they show the classes they should.

    .. math:: \text{logit}_s = t(h_s) + \langle p(h_s), \operatorname{pool}_s e(\text{classes}) \rangle

    with h a feature pyramid of the picture (an encoder, then top-down with lateral connections), t, p and e 1×1
    convolutions that the three resolutions share. Pooling and a 1×1 convolution commute, so e reads the shares of the
    classes in 4×4 cells, and reads them once for all pictures of a layout: no one-hot map is made.

    Args:
        num_classes: k.
        width: channels after the first of five convolutions that halve the size; the deepest has eight times as many.
        has_edges: the layout's edges count as a class more.
        has_blur: smooth the deepest map with a fixed 3×3 binomial filter (``smooth`` in the released options).

    Shape: image is (s n) 3 h w in [-1, 1], see `Critic`; h and w are multiples of 32, not both 32 (the instance norm of
    the deepest map needs more than a pixel). Its single encoder has a map at each scale.

    Reference: Liu et al., "Learning to Predict Layout-to-image Conditional Convolutions for Semantic Image Synthesis",
    arXiv:1910.06809, 3.3.
    """

    blur: Tensor

    @checked(num_classes=1, width=1)
    def __init__(self, num_classes: int, *, width: int = 64, has_edges: bool = False, has_blur: bool = False) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.has_edges = has_edges
        self.requires = ("edges",) if has_edges else ()
        self.has_blur = has_blur
        widths = [width * m for m in ENCODER_WIDTHS]
        lateral, head = LATERAL_WIDTH * width, HEAD_WIDTH * width
        self.encoder = nn.ModuleList(PatchBlock(a, b, stride=2, kernel_size=3) for a, b in pairwise([3, *widths]))
        self.laterals = nn.ModuleList(PatchBlock(c, lateral, kernel_size=1) for c in widths[1:])
        self.heads = nn.ModuleList(PatchBlock(lateral, head, kernel_size=3) for _ in widths[1:-1])
        self.to_realness = nn.Conv2d(head, 1, 1)
        self.to_semantics = nn.Conv2d(head, head, 1)
        self.embedding = nn.Conv2d(num_classes + has_edges, head, 1)
        if has_blur:
            kernel = torch.tensor(BLUR).outer(torch.tensor(BLUR))
            self.register_buffer("blur", (kernel / kernel.sum())[None, None])

    @classmethod
    def of(cls, state: Mapping[str, Tensor], *, has_edges: bool = False) -> "FeaturePyramidDiscriminator":
        """The critic that a state dict of its kind fits, with that state. Classes and borders it does not tell apart.

        Args:
            state: by the names of this class.
            has_edges: the last class that it embeds are the borders.
        """
        width = len(state["encoder.0.conv.parametrizations.weight.original"])
        num_classes = state["embedding.weight"].shape[1] - has_edges
        critic = cls(num_classes, width=width, has_edges=has_edges, has_blur="blur" in state)
        critic.load_state_dict(dict(state))
        return critic

    def forward(self, layout: Layout, image: Tensor) -> Verdict:
        self._check(layout, image)
        features = self._encode(image)
        embedding, logits = self.embed(layout), []
        for head, x in zip(self.heads, self._descend(features), strict=True):
            x = head(x)
            agreement = rearrange(self.to_semantics(x), "(s n) c h w -> s n c h w", n=len(layout)) * embedding
            agreement = rearrange(agreement, "s n c h w -> (s n) c h w").sum(1, keepdim=True)
            logits.append(self.to_realness(x) + agreement)
            embedding = F.avg_pool2d(embedding, 2)
        return Verdict(logits=tuple(logits), features=tuple((x,) for x in features))

    def embed(self, layout: Layout) -> Tensor:
        """e, pooled to the largest score map: n c h/4 w/4."""
        shares = class_shares(layout.class_ids, self.num_classes, CELL).to(self.embedding.weight)
        if self.has_edges:
            edges = F.avg_pool2d(edges_of(layout)[:, None].to(shares), CELL)
            shares = torch.cat([shares, edges], 1)
        return self.embedding(shares)

    def _encode(self, image: Tensor) -> list[Tensor]:
        maps = [image]
        for block in self.encoder:
            maps.append(block(maps[-1]))
        if self.has_blur:
            deepest = maps[-1]
            kernel = self.blur.expand(deepest.shape[1], -1, -1, -1)
            maps[-1] = F.conv2d(deepest, kernel, padding=1, groups=deepest.shape[1])
        return maps[2:]

    def _descend(self, features: list[Tensor]) -> list[Tensor]:
        """The pyramid, from 1/4 to 1/16; its top, 1/32, is not judged."""
        x = self.laterals[-1](features[-1])
        levels = []
        for lateral, feature in list(zip(self.laterals, features, strict=True))[-2::-1]:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False) + lateral(feature)
            levels.append(x)
        return levels[::-1]

    def _check(self, layout: Layout, image: Tensor) -> None:
        check_pictures(layout, image, self)
        check_ids(layout.class_ids, self.num_classes, name="class_ids")
        h, w = layout.size
        if h % MULTIPLE or w % MULTIPLE or h == w == MULTIPLE:
            raise InputError(
                f"the discriminator halves a picture {len(ENCODER_WIDTHS)} times: both sides must be multiples of "
                f"{MULTIPLE} and one of them larger, found {h} x {w}."
            )


def class_shares(class_ids: Tensor, num_classes: int, cell: int) -> Tensor:
    """The share of each class in square cells: the average-pooled one-hot map, without the one-hot map.

    Args:
        class_ids: n h w in [0, k]; k, no class, adds to none.
        num_classes: k.
        cell: side of a cell; a remainder on the right and below is left out.

    Returns:
        n k h/cell w/cell, float32.
    """
    class_ids = without(class_ids, None, num_classes)
    n, h, w = class_ids.shape
    rows, columns = h // cell, w // cell
    class_ids = class_ids[:, : rows * cell, : columns * cell]
    row, column = (torch.arange(side, device=class_ids.device).repeat_interleave(cell) for side in (rows, columns))
    places = (class_ids * rows + row[:, None]) * columns + column
    counts = torch.zeros(n, (num_classes + 1) * rows * columns, device=class_ids.device)
    counts.scatter_add_(1, rearrange(places, "n h w -> n (h w)"), counts.new_ones(()).expand(n, places[0].numel()))
    return rearrange(counts, "n (k h w) -> n k h w", k=num_classes + 1, h=rows, w=columns)[:, :num_classes] / cell**2
