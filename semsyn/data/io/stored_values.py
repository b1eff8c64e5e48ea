"""What a picture file holds besides the pixels that Pillow gives of it, or in another form: marks in `Image.info`.

A photograph is as good without. Ids are not: they are refused where they were changed or left out, and put right where
Pillow only stores them differently.
"""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

LOSSY, CUT, PAGES, PLANES = "semsyn lossy", "semsyn cut", "semsyn pages", "semsyn planes"
MAXVAL, SIGNED, UNSIGNED = "semsyn maxval", "semsyn signed", "semsyn unsigned"

LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp", "tiff_sgilog", "tiff_sgilog24", "tiff_thunderscan")
REDUCED, BITS, SAMPLES, FORMAT = 254, 258, 277, 339  # tags of TIFF
MAX_PAGES = 64  # that are looked at: copies of lower resolution


def find_marks(image: Image.Image, path: Path) -> dict[str, Any]:
    """What is to be known of a picture that was opened, but whose pixels were not read yet.

    Args:
        image: of that file; it is left at its first page.
        path: of the file.
    """
    found: dict[str, Any] = {}
    if is_first_of_several(image) and not (image.format == "TIFF" and _are_copies(image)):
        found[PAGES] = True
    if image.mode in ("LA", "RGB", "RGBA") and any(";16" in str(part) for tile in _tiles(image) for part in tile[3:]):
        found[CUT] = True
    if image.format == "WEBP" and b"VP8 " in _webp_chunks(path):
        found[LOSSY] = True
    if image.format == "PPM":
        found |= _ppm_marks(image)
    if image.format == "TIFF":
        found |= _tiff_marks(image)
    return found


def is_first_of_several(image: Image.Image) -> bool:
    """Whether a picture is the first frame of an animation, or the first page of several."""
    return bool(getattr(image, "is_animated", False)) and image.tell() == 0


def _are_copies(image: Image.Image) -> bool:
    """Whether the pages behind the first are copies of lower resolution, as geographic tools store them."""
    try:
        for page in range(1, MAX_PAGES):
            image.seek(page)
            if not int(image.tag_v2.get(REDUCED, 0)) & 1:  # type: ignore[attr-defined]
                return False
        return False
    except EOFError:
        return True
    finally:
        image.seek(0)


def is_lossy(image: Image.Image) -> bool:
    """Whether a picture comes from a file whose compression changes values: JPEG, lossy WebP, JPEG in a TIFF."""
    return image.format in ("JPEG", "MPO") or LOSSY in image.info or image.info.get("compression") in LOSSY_TIFF


def is_cut(image: Image.Image) -> bool:
    """Whether a picture comes from a file of 16 bits per channel, of which Pillow reads the upper 8."""
    return CUT in image.info


def stored_values(image: Image.Image) -> np.ndarray:
    """The numbers of a grey or palette picture as its file holds them, int64 h w."""
    values = np.array(image)
    if SIGNED in image.info:  # 8 bits, which Pillow takes for unsigned
        return values.view(np.int8).astype(np.int64)
    values = values.astype(np.int64)
    if UNSIGNED in image.info:  # 32 bits, which Pillow takes for signed
        return values & 0xFFFFFFFF
    if (most := image.info.get(MAXVAL)) is not None:  # Pillow stretches them to all of its 8 or 16 bits
        return np.rint(values * most / (255 if most < 256 else 65535)).astype(np.int64)
    return values


def _ppm_marks(image: Image.Image) -> dict[str, Any]:
    name, _, _, args = _tiles(image)[0]
    most = args[1] if name.startswith("ppm") and isinstance(args, tuple) and len(args) == 2 else 255
    return {MAXVAL: most} if image.mode in ("L", "I") and most not in (255, 65535) else {}


def _tiff_marks(image: Image.Image) -> dict[str, Any]:
    tags, found = image.tag_v2, {}  # type: ignore[attr-defined]
    kind, bits = (_first(tags.get(tag, 1)) for tag in (FORMAT, BITS))
    if _first(tags.get(SAMPLES, 1)) > len(image.getbands()):
        found[PLANES] = _first(tags[SAMPLES])
    if image.mode == "L" and kind == 2 and bits == 8:
        found[SIGNED] = True
    if image.mode == "I" and kind == 1 and bits == 32:
        found[UNSIGNED] = True
    return found


def _tiles(image: Image.Image) -> Any:
    """How the pixels of a picture that was opened are stored."""
    return getattr(image, "tile", ())


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, tuple) else value)


def _webp_chunks(path: Path) -> list[bytes]:
    """The names of a WebP file's chunks; pixels are in ``VP8 `` (lossy) or ``VP8L``, those of frames in ``ANMF``."""
    names = []
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            names.append(head[:4])
            size = int.from_bytes(head[4:], "little")
            file.seek(16 if head[:4] == b"ANMF" else size + size % 2, 1)
    return names
