"""The network that finds, for every pixel, how much of each expert it takes."""

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import einsum, rearrange
from torch import Tensor, nn

from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import check_ids, trusted, without
from semsyn.nn.plain_child import dtype_of, is_plain
from semsyn.nn.routing.label_pyramid import LabelLevel, PositionMaps, label_pyramid
from semsyn.nn.routing.pool_channels import pool_matrix
from semsyn.nn.routing.pyramid_conv import PyramidConv2d
from semsyn.nn.spectral_norm import spectral_norm
from semsyn.nn.untouched import is_untouched
from semsyn.signature import checked

WIDTHS = (16, 8, 4, 2, 1, 1, 1)  # of the levels, multiples of the network's width
MIN_LEVELS = 2


class SemanticVectors(NamedTuple):
    """What `SemanticVectorNetwork` finds.

    Attributes:
        conv: logits of the experts of convolutions at each level, coarsest first; n e h w each.
        norm: logits of the experts of norms; n m h w each, the same tensors where there are as many.
        features: of the last level, n c h w, for `SemanticVectorNetwork.preview`; None where they were left out.
    """

    conv: tuple[Tensor, ...]
    norm: tuple[Tensor, ...]
    features: Tensor | None


class SemanticVectorNetwork(nn.Module):
    """Label map to the logits of experts at every level of a pyramid; SCGAN's semantic vector generator.

    From the coarsest level to full size: features of the level before, enlarged twofold, and the label map of this
    level go through two convolutions (leaky ReLU 0.2 in front of both). The logits are means over groups of the
    channels that come out (`pool_matrix`).

    Nothing of full size is dense but the features: ids are gathered, features are enlarged by the convolution that
    reads them, and where the last features are not wanted, the means are part of the last convolution. It computes in
    single precision at least, whatever autocast or the weights' type say: with position maps values go into the
    thousands.

    Args:
        num_classes: k; 0 for planes alone.
        width: channels of the last levels; the first has sixteen times as many.
        conv_experts: e.
        norm_experts: m.
        levels: 2 to 7; sides are multiples of 2^(levels - 1).
        has_edges: read instance borders.
        num_planes: p, dense maps read besides.
        has_spectral_norm: spectral normalisation on the convolutions, except those of the preview.
        positions: read position maps.
        ignore_index: an id that adds nothing, as k does; None: there is no other.
        has_preview: have a head that paints a picture from the last features; training compares it with the photograph.

    Attributes:
        preview: features of the last level, n c h w, to a picture, n 3 h w in [-1, 1]; or None.

    Raises:
        InputError: for another number of levels, or if there is nothing to read.

    Reference: Wang et al., "Image Synthesis via Semantic Composition", arXiv:2109.07053.
    """

    @checked(num_classes=0, width=1, conv_experts=1, norm_experts=1, num_planes=0)
    def __init__(
        self,
        num_classes: int,
        *,
        width: int = 32,
        conv_experts: int = 3,
        norm_experts: int = 3,
        levels: int = 6,
        has_edges: bool = False,
        num_planes: int = 0,
        has_spectral_norm: bool = True,
        positions: PositionMaps | None = None,
        ignore_index: int | None = None,
        has_preview: bool = True,
    ) -> None:
        super().__init__()
        if not MIN_LEVELS <= levels <= len(WIDTHS):
            raise InputError(f"levels must be {MIN_LEVELS} to {len(WIDTHS)}, found {levels}.")
        if not num_classes + num_planes + has_edges:
            raise InputError("a semantic vector network needs classes, planes or edges to read.")
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.has_edges = has_edges
        self.num_planes = num_planes
        self.positions = positions
        self.experts = conv_experts, norm_experts
        widths = [m * width for m in WIDTHS[:levels]]
        planes = num_planes + has_edges
        self.levels = nn.ModuleList(
            SemanticLevel(c, o, num_classes, planes, has_spectral_norm=has_spectral_norm)
            for c, o in zip([0, *widths], widths, strict=False)
        )
        self.preview = Preview(widths[-1]) if has_preview else None

    @property
    def num_levels(self) -> int:
        """Levels of the pyramid."""
        return len(self.levels)

    def forward(
        self,
        class_ids: Tensor | None,
        edges: Tensor | None = None,
        planes: Tensor | None = None,
        *,
        has_features: bool | None = None,
    ) -> SemanticVectors:
        """The logits, float32 (float64 of such weights).

        Args:
            class_ids: n h w, int64 in [0, k] at full size (k adds nothing); not read where there are no classes.
            edges: n h w, bool; exactly where the network reads them.
            planes: n p h w, likewise.
            has_features: give the last level's features, too. None: where gradients are recorded.

        Raises:
            InputError: if maps are missing, or do not fit the network or each other, or an id is outside of [0, k].
            InputTypeError: unless class_ids are integers.
        """
        self._check(class_ids, edges, planes)
        keeps = torch.is_grad_enabled() if has_features is None else has_features
        ids = (
            without(class_ids, self.ignore_index, self.num_classes)
            if self.num_classes and class_ids is not None
            else None
        )
        given = next(t for t in (ids, planes, edges) if t is not None)
        planes = None if planes is None else planes.to(torch.promote_types(planes.dtype, torch.float32))
        with _without_autocast(given.device.type), trusted():
            pyramid = label_pyramid(
                ids, self.num_levels, self.num_classes, edges=edges, planes=planes, positions=self.positions
            )
            features: Tensor | None = None
            logits = []
            for i, (level, labels) in enumerate(zip(self.levels, pyramid, strict=True)):
                if i == self.num_levels - 1 and not keeps and isinstance(level, SemanticLevel) and level.is_plain():
                    logits.append(level.pooled(features, labels, *self.experts))
                    features = None
                else:
                    features = level(features, labels)
                    logits.append(F.conv2d(features, _pooling(*self.experts, like=features)))
        e = self.experts[0]
        return SemanticVectors(
            conv=tuple(t[:, :e] for t in logits) if self._has_two_kinds else tuple(logits),
            norm=tuple(t[:, e:] for t in logits) if self._has_two_kinds else tuple(logits),
            features=features,
        )

    @property
    def _has_two_kinds(self) -> bool:
        return self.experts[0] != self.experts[1]

    def _check(self, class_ids: Tensor | None, edges: Tensor | None, planes: Tensor | None) -> None:
        wanted = {"class_ids": self.num_classes > 0, "edges": self.has_edges, "planes": self.num_planes > 0}
        given = {"class_ids": class_ids, "edges": edges, "planes": planes}
        if missing := [name for name, is_wanted in wanted.items() if is_wanted and given[name] is None]:
            raise InputError(f"this semantic vector network reads {missing}, which were not given.")
        if extra := [name for name in ("edges", "planes") if given[name] is not None and not wanted[name]]:
            raise InputError(
                f"this semantic vector network does not read {extra}: leave them out, or build it with them."
            )
        maps = {name: t for name, t in given.items() if t is not None and wanted[name]}
        for name, tensor in maps.items():
            check_shape(tensor, "n p h w" if name == "planes" else "n h w", name=name)
        n, h, w = (next(iter(maps.values())).shape[i] for i in (0, -2, -1))
        for name, tensor in maps.items():
            if name == "planes":
                check_shape(tensor, "n p h w", n=n, p=self.num_planes, h=h, w=w, name=name)
            else:
                check_shape(tensor, "n h w", n=n, h=h, w=w, name=name)
            if name == "class_ids":
                check_ids(tensor, self.num_classes, name=name, ignore_index=self.ignore_index)


class SemanticLevel(nn.Module):
    """One level of `SemanticVectorNetwork`: two convolutions, from c channels and a label map to o channels."""

    def __init__(
        self, in_channels: int, out_channels: int, num_classes: int, num_planes: int, *, has_spectral_norm: bool
    ) -> None:
        super().__init__()
        self.conv_0 = PyramidConv2d(in_channels, out_channels, num_classes, num_planes)
        self.conv_1 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        if has_spectral_norm:
            spectral_norm(self.conv_0)
            spectral_norm(self.conv_1)

    def forward(self, features: Tensor | None, labels: LabelLevel) -> Tensor:
        """Features n c h/2 w/2 (None at the coarsest level) to n o h w."""
        hidden, dtype = self._hidden(features, labels), dtype_of(self.conv_1)
        if dtype == hidden.dtype or not self.is_plain():
            return self.conv_1(hidden.to(dtype)).to(hidden.dtype)
        assert self.conv_1.bias is not None
        weight, bias = self.conv_1.weight.to(hidden.dtype), self.conv_1.bias.to(hidden.dtype)
        return F.conv2d(hidden, weight, bias, padding=1)

    def is_plain(self) -> bool:
        """Whether reading the second convolution is the same as calling it, and `pooled` the same as a call."""
        return is_untouched(self) and is_plain(self.conv_1, nn.Conv2d)

    def pooled(self, features: Tensor | None, labels: LabelLevel, conv_experts: int, norm_experts: int) -> Tensor:
        """The logits alone, n e h w: pooling and the second convolution are one."""
        hidden = self._hidden(features, labels)
        assert self.conv_1.bias is not None
        pooling = _pooling(conv_experts, norm_experts, like=hidden, channels=self.conv_1.out_channels)
        pooling = rearrange(pooling, "e o 1 1 -> e o")
        weight = einsum(pooling, self.conv_1.weight.to(hidden.dtype), "e o, o c kh kw -> e c kh kw")
        return F.conv2d(hidden, weight, pooling @ self.conv_1.bias.to(hidden.dtype), padding=1)

    def _hidden(self, features: Tensor | None, labels: LabelLevel) -> Tensor:
        return F.leaky_relu(self.conv_0(features, labels), 0.2, inplace=is_untouched(self.conv_0))


class Preview(nn.Sequential):
    """The picture that semantic vectors alone give: n c h w to n 3 h w in [-1, 1]."""

    def __init__(self, channels: int) -> None:
        middle = max(1, channels // 2)
        super().__init__(
            nn.Conv2d(channels, middle, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(middle, 3, 3, padding=1),
            nn.Hardtanh(),
        )


def _pooling(conv_experts: int, norm_experts: int, *, like: Tensor, channels: int | None = None) -> Tensor:
    """Means over groups of channels as a 1 x 1 convolution: for both kinds of experts, once where they are as many."""
    counts = dict.fromkeys((conv_experts, norm_experts))
    c = like.shape[1] if channels is None else channels
    return torch.cat([pool_matrix(c, e, device=like.device, dtype=like.dtype) for e in counts])[..., None, None]


def _without_autocast(device_type: str) -> AbstractContextManager[object]:
    if torch.is_autocast_enabled(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()
