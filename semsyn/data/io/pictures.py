"""Pictures from files, Pillow images or arrays."""

import warnings
from os import PathLike, fspath
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from semsyn.errors import InputError, InputTypeError

Source: TypeAlias = str | PathLike[str] | Image.Image | np.ndarray | Tensor

# Pillow's others start programs (EPS) or are not pictures.
FORMATS = ("PNG", "JPEG", "PPM", "BMP", "TIFF", "WEBP", "GIF")
LOSSY, CUT = "semsyn lossy", "semsyn cut"  # marks in `Image.info`
PHOTO_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")


def open_image(source: Source, *, as_released: bool = False) -> Image.Image:
    """Open and decode a picture, whatever it is given as, and turn it upright.

    Args:
        source: a path, a Pillow image, or an array or tensor (h w, or h w 3 uint8).
        as_released: leave the pixels as they are stored, whatever their EXIF orientation says.

    Raises:
        InputError: no such file, not a picture, damaged, empty, or so large that it may be a decompression bomb.
        InputTypeError: something else than a path, a picture or an array.
    """
    if isinstance(source, Image.Image):
        image, name = source, "the picture"
        _load(image, name)
    elif isinstance(source, np.ndarray | Tensor):
        image, name = _from_array(np.asarray(source.cpu() if isinstance(source, Tensor) else source)), "the picture"
    elif isinstance(source, str | PathLike):
        image, name = _decode(Path(fspath(source))), fspath(source)
    else:
        raise InputTypeError(f"expected a path, a Pillow image or an array, found {type(source).__name__}.")
    if min(image.size) < 1:
        raise InputError(f"{name} is empty: {image.height} x {image.width}.")
    return image if as_released else _turn(image)


def is_lossy(image: Image.Image) -> bool:
    """Whether a picture comes from a file whose compression changes values: JPEG, lossy WebP, JPEG in a TIFF."""
    return image.format in ("JPEG", "MPO") or LOSSY in image.info or image.info.get("compression") in ("jpeg",)


def is_cut(image: Image.Image) -> bool:
    """Whether a picture comes from a file of 16 bits per channel, of which Pillow reads the upper 8."""
    return CUT in image.info


def _turn(image: Image.Image) -> Image.Image:
    """Upright, as viewers show it."""
    if image.getexif().get(ExifTags.Base.Orientation, 1) == 1:
        return image
    turned = ImageOps.exif_transpose(image)
    turned.format = image.format  # which Pillow drops, but `is_lossy` asks
    return turned


def _decode(path: Path) -> Image.Image:
    if not path.is_file():
        raise InputError(f"{path} is {'a folder, not a picture' if path.is_dir() else 'not there'}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(path, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(
            f"{path} is too large to be opened safely: {error} If you trust it, open it with Pillow and pass the image."
        ) from error
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is not a picture that can be read ({', '.join(FORMATS)}).") from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read: {error}.") from error
    except Exception as error:
        raise InputError(f"{path} is damaged: {error}.") from error
    is_deep = image.mode in ("LA", "RGB", "RGBA") and any(
        ";16" in str(part) for tile in image.tile for part in tile[3:]
    )
    with image:  # which leaves the pixels, and closes the file
        _load(image, str(path))
    if is_deep:
        image.info[CUT] = True
    if image.format == "WEBP" and b"VP8 " in _webp_chunks(path):
        image.info[LOSSY] = True
    return image


def _webp_chunks(path: Path) -> list[bytes]:
    """The names of a WebP file's chunks; pixels are in ``VP8 `` (lossy) or ``VP8L``."""
    names = []
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            names.append(head[:4])
            size = int.from_bytes(head[4:], "little")
            file.seek(size + size % 2, 1)
    return names


def _load(image: Image.Image, name: str) -> None:
    try:
        image.load()
    except Exception as error:  # Pillow's decoders raise whatever a damaged file makes them trip over
        raise InputError(f"{name} is damaged or cut off: {error}.") from error


def _from_array(array: np.ndarray) -> Image.Image:
    is_rgb = array.ndim == 3 and array.shape[-1] == 3
    if array.dtype != np.uint8:
        raise InputTypeError(f"a picture as an array must be uint8, found {array.dtype}.")
    if not array.size or not (array.ndim == 2 or is_rgb):
        raise InputError(f"a picture as an array must be h w or h w 3 and not empty, found shape {array.shape}.")
    return Image.fromarray(array)


def read_image(source: Source, *, size: tuple[int, int] | None = None) -> Tensor:
    """Read a photograph as 3 h w float32 in [-1, 1].

    Args:
        source: a path, a Pillow image, an array or tensor (h w or h w 3 uint8), or a float tensor 3 h w in [-1, 1].
        size: (h, w) to resize it to, as the released pipelines do: Pillow's bicubic on 8 bits, antialiased where it
            shrinks. A float tensor is resized as floats, which differs by some levels. None: its own size.

    Raises:
        InputError: as `open_image`; also pictures of 16 or 32 bits, and tensors outside [-1, 1].
        InputTypeError: as `open_image`.
    """
    if isinstance(source, Tensor) and source.is_floating_point():
        return _check_floats(source, size)
    image = open_image(source)
    if image.mode not in PHOTO_MODES:
        raise InputError(f"the picture has mode {image.mode!r}; save it with 8 bits per channel.")
    return from_levels(to_levels(image, size))


def to_levels(image: Image.Image, size: tuple[int, int] | None = None) -> Tensor:
    """The levels of a picture, 3 h w uint8, after resizing with Pillow's bicubic if a size (h, w) is given."""
    image = image.convert("RGB")
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return rearrange(torch.from_numpy(np.array(image)), "h w c -> c h w")


def from_levels(levels: Tensor) -> Tensor:
    """uint8 levels to float32 in [-1, 1]."""
    return (levels.float() / 255 - 0.5) / 0.5


def _check_floats(picture: Tensor, size: tuple[int, int] | None) -> Tensor:
    if picture.ndim != 3 or picture.shape[0] != 3 or not picture.numel():
        raise InputError(
            f"a picture as a float tensor must be 3 h w and not empty, found shape {tuple(picture.shape)}."
        )
    if not bool((picture.abs() <= 1).all()):
        raise InputError("a picture as a float tensor must lie in [-1, 1].")
    picture = picture.float()
    if size is None or picture.shape[1:] == size:
        return picture
    return F.interpolate(picture[None], size, mode="bicubic", antialias=True).clamp(-1, 1)[0]
