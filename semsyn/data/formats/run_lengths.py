"""COCO's run-length masks: runs of 0 and 1 in turn, down the columns."""

from typing import Any

import numpy as np

from semsyn.errors import InputError

OFFSET, MORE, SIGN, BITS = 48, 32, 16, 5  # of a character: six bits from "0" on; one says that the number goes on
MAX_BITS = 35


def decode_mask(mask: Any, size: tuple[int, int], where: str) -> np.ndarray:
    """A mask as booleans, h w.

    Args:
        mask: ``{"size": [h, w], "counts": [...]}``; the counts may be a compressed string.
        size: (h, w) of the picture.
        where: for messages.

    Raises:
        InputError: if it is none, damaged, or of another size.
    """
    counts = mask.get("counts") if isinstance(mask, dict) else None
    if not isinstance(counts, str | list) or mask.get("size") != list(size):
        raise InputError(f"{where}: a run-length mask needs counts, and the picture's size {list(size)}.")
    runs = expand_counts(counts, where) if isinstance(counts, str) else counts
    if not all(type(run) is int and run >= 0 for run in runs) or sum(runs) != size[0] * size[1]:
        raise InputError(f"{where}: the runs of a mask must add up to {size[0]} x {size[1]} pixels; it is damaged.")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(size[1], size[0]).T


def expand_counts(text: str, where: str) -> list[int]:
    """The runs of a compressed string.

    A number is written in groups of five bits, the lowest first, the last of which holds its sign. From the fourth run
    on it is the difference from the run before the last.
    """
    runs: list[int] = []
    value = bits = 0
    for character in text:
        code = ord(character) - OFFSET
        if not 0 <= code < 2 * MORE or bits > MAX_BITS:
            raise InputError(f"{where}: {character!r} in the compressed runs of a mask; it is damaged.")
        value |= (code & MORE - 1) << bits
        bits += BITS
        if not code & MORE:
            value -= (1 << bits) if code & SIGN else 0
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = bits = 0
    if bits:
        raise InputError(f"{where}: the compressed runs of a mask are cut off.")
    return runs
