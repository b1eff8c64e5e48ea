"""The two bilinear rules of SIMS' networks, for pictures and for label maps."""

import torch
import torch.nn.functional as F
from torch import Tensor

Size = tuple[int, int]
Taps = tuple[Tensor, Tensor, Tensor]


def resize(x: Tensor, size: Size, *, align_corners: bool = True) -> Tensor:
    """Bilinear resize.

    Args:
        x: n c h w.
        size: new (h, w).
        align_corners: corner pixels stay corner pixels: source = target · (in - 1) / (out - 1). False: the released
            networks' other rule, source = target · in / out, without the half pixel that torch adds.
    """
    if tuple(x.shape[2:]) == tuple(size):
        return x
    if align_corners:
        return F.interpolate(x, size, mode="bilinear", align_corners=True)
    (top, bottom, down), (left, right, across) = (
        _taps(a, b, x.device, align_corners=False) for a, b in zip(x.shape[2:], size, strict=True)
    )
    down, across = down[:, None].to(x.dtype), across.to(x.dtype)
    rows = torch.lerp(x[:, :, top], x[:, :, bottom], down)
    return torch.lerp(rows[..., left], rows[..., right], across)


def one_hot(class_ids: Tensor, num_channels: int, size: Size | None = None, *, align_corners: bool = True) -> Tensor:
    """The one-hot form of an id map, resized; the map itself is read where the result looks, and nowhere else.

    Args:
        class_ids: n h w, int64 in [0, num_channels).
        num_channels: of the result.
        size: new (h, w); None: as it is.
        align_corners: see `resize`.

    Returns:
        n c h' w', float32.
    """
    n, *before = class_ids.shape
    new = tuple(before) if size is None else tuple(size)
    result = torch.zeros(n, num_channels, *new, device=class_ids.device)
    if new == tuple(before):
        return result.scatter_(1, class_ids[:, None], 1.0)
    (top, bottom, down), (left, right, across) = (
        _taps(a, b, class_ids.device, align_corners=align_corners) for a, b in zip(before, new, strict=True)
    )
    down = down[:, None]
    for rows, vertical in ((top, 1 - down), (bottom, down)):
        for columns, horizontal in ((left, 1 - across), (right, across)):
            weights = (vertical * horizontal).expand(n, 1, *new)
            result.scatter_add_(1, class_ids[:, rows][..., columns][:, None], weights)
    return result


def _taps(length: int, new_length: int, device: torch.device, *, align_corners: bool) -> Taps:
    """The two sources of each target, and the weight of the second."""
    target = torch.arange(new_length, device=device, dtype=torch.float32)
    # The product is one of single precision, which decides what lies on a pixel.
    scale = length / new_length if not align_corners else (length - 1) / (new_length - 1) if new_length > 1 else 0.0
    source = target * scale
    first = source.long().clamp(max=length - 1)
    return first, (first + 1).clamp(max=length - 1), source - first
