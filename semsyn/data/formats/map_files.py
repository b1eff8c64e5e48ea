"""The pictures of annotations: which files they are, and their colours as numbers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semsyn.data.io.folders import PICTURES, list_pictures
from semsyn.data.io.label_maps import open_map
from semsyn.data.io.stored_values import is_lossy
from semsyn.errors import InputError
from semsyn.labels import RGB

PHOTOGRAPHS = (".jpg", ".jpeg")  # which lie beside maps, and cannot be one
LOSSLESS = tuple(suffix for suffix in PICTURES if suffix not in PHOTOGRAPHS)


def list_map_files(source: Path, *, ending: str = "") -> list[Path]:
    """The picture itself, or the pictures below a folder that can be maps: no JPEG.

    Args:
        source: a picture or a folder.
        ending: of their names, before the suffix.

    Raises:
        InputError: if there are none.
    """
    if source.is_file():
        return [source]
    found = [path for path in list_pictures(source) if path.suffix.lower() in LOSSLESS]
    if not found:
        raise InputError(
            f"{source} holds pictures in JPEG alone, which changes ids and colours; give PNG as it was drawn."
        )
    named = [path for path in found if path.stem.endswith(ending)]
    if not named:
        raise InputError(f"{source} holds no picture with a name like …{ending}.png, but {found[0].name}.")
    return named


def root_of(source: Path) -> Path:
    """The folder that names of scenes start from."""
    return source.parent if source.is_file() else source


def read_colors(path: Path) -> np.ndarray:
    """The colours of a picture as numbers, R · 65536 + G · 256 + B, int32 h w.

    Raises:
        InputError: as `open_map`; also for a lossy format, transparent pixels, or more than 8 bits.
    """
    image = open_map(path)
    if is_lossy(image):
        raise InputError(f"{path} is stored as {image.format} with loss, which changes colours; save the map as PNG.")
    if image.mode.startswith(("I", "F")):
        raise InputError(f"{path} has mode {image.mode!r}, not colours of 8 bits; save it as the tool made it.")
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] != 255:
        raise InputError(f"{path} has transparent pixels, which have no class; fill them, or save it without them.")
    return pack_colors(np.array(image.convert("RGB")))


def pack_colors(rgb: np.ndarray) -> np.ndarray:
    """Colours ... 3 to numbers, int32 ... ."""
    r, g, b = (rgb[..., i].astype(np.int32) for i in range(3))
    return r << 16 | g << 8 | b


def unpack_color(code: int) -> RGB:
    """The colour of a number."""
    return code >> 16, code >> 8 & 255, code & 255


def hex_color(code: int) -> str:
    """``#ff0000``"""
    return f"#{code:06x}"


def rank_values(values: np.ndarray, known: Sequence[int], path: Path, *, what: str, advice: str) -> np.ndarray:
    """The place of each value in a list, int64, the same shape.

    Args:
        values: integers.
        known: the list, all different.
        path: of the file that holds the values.
        what, advice: for the message: "colours of labelmap.txt", what to do.

    Raises:
        InputError: for a value that is not in the list; the message counts the commonest.
    """
    table = np.array(known, dtype=np.int64)
    order = table.argsort()
    found, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    at = np.searchsorted(table[order], found).clip(max=len(table) - 1)
    wrong = table[order][at] != found
    if wrong.any():
        most = np.flatnonzero(wrong)[counts[wrong].argsort()[::-1][:4]]
        is_color = what.startswith("colour")
        shown = ", ".join(f"{hex_color(int(found[i])) if is_color else found[i]} in {counts[i]} pixels" for i in most)
        more = f" and {int(wrong.sum()) - 4} more" if wrong.sum() > 4 else ""
        raise InputError(f"{path} holds {shown}{more}, none of the {what}. {advice}")
    return np.asarray(order[at][where].reshape(values.shape))
