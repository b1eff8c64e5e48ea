"""Logits of experts to their weights."""

from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import UnknownNameError, check_shape
from semsyn.signature import checked

RoutingActivation = Literal["softmax", "sigmoid", "hardtanh", "identity"]


@checked(floats="logits")
def activate_routing(logits: Tensor, temperature: float = 1.0, activation: RoutingActivation = "softmax") -> Tensor:
    r"""The weights of e experts at every pixel: :math:`w = \mathrm{act}(t \cdot \text{logits})`.

    Args:
        logits: n e h w.
        temperature: t, a factor: the smaller, the more even a softmax.
        activation: "softmax" over the experts, "sigmoid", "hardtanh" (clamps to [-1, 1]) or "identity".

    Returns:
        n e h w.

    Raises:
        InputError: if logits are not n e h w.
        UnknownNameError: for another activation.

    Reference: Wang et al., "Image Synthesis via Semantic Composition", arXiv:2109.07053.
    """
    check_shape(logits, "n e h w", name="logits")
    scaled = logits * temperature
    if activation == "softmax":
        return scaled.softmax(1)
    if activation == "sigmoid":
        return scaled.sigmoid()
    if activation == "hardtanh":
        return F.hardtanh(scaled)
    if activation == "identity":
        return scaled
    raise UnknownNameError("routing activation", activation, get_args(RoutingActivation))
