"""One scene cut into segments, as a bank keeps them."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semsyn.data.bank.crops import encode_mask, encode_pixels
from semsyn.data.bank.manifest import BankConfig
from semsyn.data.bank.packing import Grid, PackedMasks, pack_masks
from semsyn.errors import InputError, check_shape
from semsyn.nn.compose.segments import find_segments, smallest_area


@dataclass(frozen=True)
class ScenePieces:
    """A scene of r segments, in numpy and bytes.

    Attributes:
        class_ids, numbers, areas: r.
        boxes: r 4, top, left, bottom, right in the map.
        masks: packed.
        crops: r pairs: the pixels of the photograph, and what joins the mask; see `semsyn.data.bank.crops`.
        layout: h w class ids.
        digest: 32 bytes, SHA-256 of map and photograph: scenes that are equal have the same.
    """

    class_ids: NDArray[np.int64]
    numbers: NDArray[np.int64]
    areas: NDArray[np.int64]
    boxes: NDArray[np.int64]
    masks: PackedMasks
    crops: tuple[tuple[bytes, bytes], ...]
    layout: NDArray[Any]
    digest: bytes


def layout_dtype(num_classes: int) -> np.dtype[Any]:
    """Of maps whose ids reach ``num_classes``."""
    return np.dtype(np.uint8 if num_classes < 256 else np.uint16)


def cut_scene(photo: Tensor, class_ids: Tensor, config: BankConfig) -> ScenePieces:
    """Cut one scene.

    Args:
        photo: 3 h' w' uint8, of the config's photo_size.
        class_ids: h w, of the config's size.
        config: how.

    Raises:
        InputError: for other sizes.
    """
    check_shape(class_ids, "h w", name="class_ids", h=config.size[0], w=config.size[1])
    check_shape(photo, "c h w", name="photo", c=3, h=config.photo_size[0], w=config.photo_size[1])
    if photo.dtype != torch.uint8:
        raise InputError(f"photo must be uint8 levels, found {photo.dtype}.")
    segments = find_segments(class_ids, config.groups)
    segments = segments.select(segments.areas > smallest_area(config.size, config.kept))
    pixels = photo.movedim(0, 2).contiguous().numpy(force=True)
    layout = class_ids.numpy(force=True).astype(layout_dtype(config.space.num_classes))
    crops = []
    large = segments.masks.enlarge(config.scale)
    for index, (top, left, bottom, right) in enumerate(large.boxes.tolist()):
        mask = large.windows[index].numpy()
        extra = segments.joined.windows[index].numpy() & ~segments.masks.windows[index].numpy()
        crops.append((encode_pixels(pixels[top:bottom, left:right], mask, config.quality), encode_mask(extra)))
    return ScenePieces(
        segments.class_ids.numpy(),
        segments.numbers.numpy(),
        segments.areas.numpy(),
        segments.masks.boxes.numpy(),
        pack_masks(segments.masks, Grid.of(config.size)),
        tuple(crops),
        layout,
        hashlib.sha256(layout.tobytes() + pixels.tobytes()).digest(),
    )
