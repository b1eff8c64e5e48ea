"""The convolution that a level of a label pyramid and the features of the coarser level go through."""

import torch
import torch.nn.functional as F
from einops import einsum
from torch import Tensor, nn

from semsyn.functional.label_conv2d import label_conv2d
from semsyn.nn.routing.label_pyramid import LabelLevel

MAX_CONVOLVED = 24  # classes: backward through their planes is then cheaper than through look-ups


class PyramidConv2d(nn.Module):
    """A 3 x 3 convolution of features that are enlarged twofold (nearest) and a label map behind them.

    y = conv(cat(lrelu(enlarge(features)), lrelu(labels))) + bias; the coarsest level has no features and no activation.
    It computes in single precision at least, with weights of any type.

    Args:
        in_channels: c, of the features; 0: there are none.
        out_channels: o.
        num_classes, num_planes: k and p, of the label map.

    Shape: features n c h/2 w/2, the result n o h w; the weight is o (c + k + p) 3 3.

    Attributes:
        class_start: where the classes stand among the weight's columns.
    """

    def __init__(self, in_channels: int, out_channels: int, num_classes: int, num_planes: int) -> None:
        super().__init__()
        conv = nn.Conv2d(in_channels + num_classes + num_planes, out_channels, 3)
        assert conv.bias is not None
        self.weight = conv.weight
        self.bias = conv.bias
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.num_planes = num_planes
        self.class_start = in_channels

    def forward(self, features: Tensor | None, labels: LabelLevel) -> Tensor:
        kernel, label_weight = self.weights()
        bias = self.bias.to(label_weight.dtype)
        if features is None or kernel is None:
            return self._convolve_labels(labels, label_weight, bias)
        y = F.conv_transpose2d(F.leaky_relu(features, 0.2), kernel, bias, stride=2, padding=1)
        return y.add_(self._convolve_labels(labels, label_weight, None))

    def weights(self) -> tuple[Tensor | None, Tensor]:
        """Of the features, for a transposed convolution, c o 4 4; and of the labels, o (k + p) 3 3."""
        dtype = torch.promote_types(self.bias.dtype, torch.float32)
        weight, label_weight = self.weight.to(dtype).split(
            [self.in_channels, self.num_classes + self.num_planes], dim=1
        )
        if not self.in_channels:
            return None, label_weight
        # Over features that were enlarged twofold (nearest) a 3 x 3 kernel is a 4 x 4 one of a transposed convolution:
        # along both axes (w2, w1 + w2, w0 + w1, w0).
        places = torch.arange(4, device=weight.device)[:, None] + torch.arange(3, device=weight.device)
        sums = ((places == 2) | (places == 3)).to(dtype)
        return einsum(sums, sums, weight, "i kh, j kw, o c kh kw -> c o i j"), label_weight

    def _convolve_labels(self, labels: LabelLevel, weight: Tensor, bias: Tensor | None) -> Tensor:
        planes = None if labels.planes is None else labels.planes.to(weight.dtype)
        if planes is not None and self.in_channels:
            planes = F.leaky_relu(planes, 0.2)
        is_learned = torch.is_grad_enabled() and labels.classes is not None and len(labels.classes) <= MAX_CONVOLVED
        shares = labels.class_shares() if is_learned else labels.shares
        if shares is None:
            return label_conv2d(labels.class_ids, weight, bias, planes=planes, values=labels.values, padding=1)
        dense = shares.to(weight.dtype)
        if labels.classes is not None:
            of_planes = torch.arange(self.num_classes, weight.shape[1], device=weight.device)
            weight = weight.index_select(1, torch.cat([labels.classes, of_planes]))
        dense = dense if planes is None else torch.cat([dense, planes], dim=1)
        return F.conv2d(dense, weight, bias, padding=1)

    def extra_repr(self) -> str:
        return f"{self.in_channels} + {self.num_classes} classes + {self.num_planes} planes, {len(self.bias)}"
