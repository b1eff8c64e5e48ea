"""Pictures from files, Pillow images or arrays."""

import os
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

from semsyn.data.io.stored_values import find_marks
from semsyn.errors import InputError, InputTypeError
from semsyn.records.arguments import as_seed
from semsyn.signature import checked

Source: TypeAlias = str | PathLike[str] | Image.Image | np.ndarray | Tensor

# Pillow's others start programs (EPS) or are not pictures.
FORMATS = ("PNG", "JPEG", "PPM", "BMP", "TIFF", "WEBP", "GIF")
MAX_PIXELS = 2**25  # 8192 x 4096: of maps in files, of which every pixel takes some fifty bytes on the way
PHOTO_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")

_most_pixels: int | None = MAX_PIXELS


def allow_pixels(count: int | None) -> None:
    """Let files of label and instance maps have so many pixels, in all threads. At first it is 2^25, 8192 x 4096.

    Small files can hold huge maps: 13 kB of PNG are 88 million pixels, which need gigabytes. Arrays and pictures that
    are in memory already are not limited.

    Args:
        count: pixels; None: any number. Pillow's own limit, of all pictures, is raised with it.

    Raises:
        InputTypeError: unless it is a whole number.
        InputError: below one.
    """
    global _most_pixels
    if count is not None and as_seed(count, "count") < 1:
        raise InputError(f"count must be at least 1 pixel, found {count}.")
    _most_pixels = count
    if Image.MAX_IMAGE_PIXELS is not None:
        Image.MAX_IMAGE_PIXELS = None if count is None else max(count, Image.MAX_IMAGE_PIXELS)


def check_pixels(height: int, width: int, name: str) -> None:
    """Raise InputError for a map in a file that is larger than `allow_pixels` says."""
    if _most_pixels is not None and height * width > _most_pixels:
        raise InputError(
            f"{name} is {height} x {width}, {height * width:,} pixels; label and instance maps may have "
            f"{_most_pixels:,}. If you trust it, allow more: semsyn.data.allow_pixels({height * width}), or "
            f"--max-pixels {height * width} on the command line."
        )


def open_image(source: Source, *, as_released: bool = False, is_map: bool = False) -> Image.Image:
    """Open and decode a picture, whatever it is given as, and turn it upright.

    Args:
        source: a path, a Pillow image, or an array or tensor (h w, or h w 3 uint8).
        as_released: leave the pixels as they are stored, whatever their EXIF orientation says.
        is_map: it holds ids or colours of classes: `allow_pixels` limits it.

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
        name = fspath(source)
        image = _decode(Path(os.fsdecode(name)), is_map)
    else:
        raise InputTypeError(f"expected a path, a Pillow image or an array, found {type(source).__name__}.")
    if min(image.size) < 1:
        raise InputError(f"{name} is empty: {image.height} x {image.width}.")
    return image if as_released else _turn(image)


def _turn(image: Image.Image) -> Image.Image:
    """Upright, as viewers show it."""
    if image.getexif().get(ExifTags.Base.Orientation, 1) == 1:
        return image
    turned = ImageOps.exif_transpose(image)
    turned.format = image.format  # which Pillow drops, but `is_lossy` asks
    return turned


def _decode(path: Path, is_map: bool) -> Image.Image:
    check_file(path, "a picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(path, formats=FORMATS)
            marks = find_marks(image, path)
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
    with image:  # which leaves the pixels, and closes the file
        if is_map:
            check_pixels(image.height, image.width, str(path))
        _load(image, str(path))
    image.info.update(marks)
    return image


def check_file(path: Path, what: str) -> None:
    """Raise InputError unless there is a regular file: what pipes and devices hold never ends."""
    if not path.is_file():
        found = f"a folder, not {what}" if path.is_dir() else "no regular file" if path.exists() else "not there"
        raise InputError(f"{path} is {found}.")


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


@checked(size=1)
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
    if size is None or tuple(picture.shape[1:]) == tuple(size):
        return picture
    return F.interpolate(picture[None], size, mode="bicubic", antialias=True).clamp(-1, 1)[0]
