"""Reading pictures and maps from files, Pillow images or arrays, and pairing the files of folders."""

import re
import warnings
from collections.abc import Callable, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from einops import rearrange
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from semsyn.errors import InputError, InputTypeError
from semsyn.labels import ID_DTYPES, LabelSpace

Source: TypeAlias = str | PathLike[str] | Image.Image | np.ndarray | Tensor

# As released, these and no other spellings: "Tiff" or "Png" files are not seen.
EXTENSIONS = (".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG", ".ppm", ".PPM", ".bmp", ".BMP", ".tiff", ".webp")
FORMATS = (
    "PNG",
    "JPEG",
    "PPM",
    "BMP",
    "TIFF",
    "WEBP",
    "GIF",
)  # Pillow's others start programs (EPS) or are not pictures
ID_MODES = ("1", "L", "P", "I", "I;16", "I;16L", "I;16B", "I;16N")
PHOTO_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")


def open_image(source: Source) -> Image.Image:
    """Open and decode a picture, whatever it is given as.

    Args:
        source: a path, a Pillow image, or an array or tensor (h w, or h w 3 uint8).

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
    return image


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
    _load(image, str(path))
    return image


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


def read_image(source: Source) -> Tensor:
    """Read a photograph as 3 h w float32 in [-1, 1].

    Args:
        source: a path, a Pillow image, an array or tensor (h w or h w 3 uint8), or a float tensor 3 h w in [-1, 1].

    Raises:
        InputError: as `open_image`; also pictures of 16 or 32 bits, and tensors outside [-1, 1].
        InputTypeError: as `open_image`.
    """
    if isinstance(source, Tensor) and source.is_floating_point():
        if source.ndim != 3 or source.shape[0] != 3 or not source.numel():
            raise InputError(
                f"a picture as a float tensor must be 3 h w and not empty, found shape {tuple(source.shape)}."
            )
        if not bool((source.abs() <= 1).all()):
            raise InputError("a picture as a float tensor must lie in [-1, 1].")
        return source.float()
    image = open_image(source)
    if image.mode not in PHOTO_MODES:
        raise InputError(f"the picture has mode {image.mode!r}; save it with 8 bits per channel.")
    levels = rearrange(torch.from_numpy(np.array(image.convert("RGB"))), "h w c -> c h w")
    return (levels.float() / 255 - 0.5) / 0.5


def read_label_map(source: Source, *, space: LabelSpace | None = None) -> Tensor:
    """Read a label map as stored ids, int64 h w; `LabelSpace.map_ids` turns them into class ids.

    Args:
        source: a path, a Pillow image, an array or a tensor. Grey pictures of 8, 16 or 32 bits hold ids, palette
            pictures hold them as indices; RGB pictures are read by the space's palette.
        space: needed for RGB pictures only.

    Raises:
        InputError: as `open_image`; also an RGB picture without a palette or with colours that are not in it.
        InputTypeError: as `open_image`; also ids that are not integers.
    """
    if isinstance(source, np.ndarray | Tensor) and source.ndim == 2:
        return _ids_of_array(source, "label map")
    image = open_image(source)
    if image.mode in ID_MODES:
        return _ids_of_image(image)
    name = fspath(source) if isinstance(source, str | PathLike) else "the label map"
    if image.mode not in ("RGB", "RGBA"):
        raise InputError(f"{name} has mode {image.mode!r}; save ids as a grey or palette picture.")
    if space is None or not space.palette:
        lack = "no label space is given" if space is None else f"label space {space.name!r} has no palette"
        raise InputError(
            f"{name} is a colour picture, but {lack}. "
            "Save it as a grey or palette picture of ids, or give a label space with the palette it was drawn with."
        )
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        raise InputError(f"{name} has transparent pixels, which have no label; save it as RGB.")
    return space.unmap_ids(space.from_colors(torch.from_numpy(np.array(image.convert("RGB")))))


def read_instance_map(source: Source) -> Tensor:
    """Read an instance map as stored ids, int64 h w: 8, 16 or 32 bits, grey or palette indices.

    Raises:
        InputError: as `open_image`; also colour pictures.
        InputTypeError: as `open_image`; also ids that are not integers.
    """
    if isinstance(source, np.ndarray | Tensor) and source.ndim == 2:
        return _ids_of_array(source, "instance map")
    image = open_image(source)
    if image.mode not in ID_MODES:
        name = fspath(source) if isinstance(source, str | PathLike) else "the instance map"
        raise InputError(f"{name} has mode {image.mode!r}; save instance ids as a grey picture of 8, 16 or 32 bits.")
    return _ids_of_image(image)


def _ids_of_image(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image).astype(np.int64))


def _ids_of_array(ids: np.ndarray | Tensor, name: str) -> Tensor:
    integer = ids.dtype in ID_DTYPES if isinstance(ids, Tensor) else ids.dtype.kind in "iu"
    if not integer:
        raise InputTypeError(f"a {name} must hold integer ids, found {ids.dtype}.")
    tensor = ids.cpu().long() if isinstance(ids, Tensor) else torch.from_numpy(ids.astype(np.int64))
    if not tensor.numel():
        raise InputError(f"the {name} is empty: shape {tuple(tensor.shape)}.")
    return tensor


def natural_key(name: str) -> list[tuple[int, str]]:
    """Sorting key in which digit runs count as numbers: ``a2 < a10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def list_pictures(folder: str | PathLike[str]) -> list[Path]:
    """Every picture below a folder, in natural order of the paths.

    Raises:
        InputError: if the folder is not there or holds no picture.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"{root} is {'a file, not a folder' if root.is_file() else 'not there'}.")
    found = [p for p in root.rglob("*") if p.suffix in EXTENSIONS and not p.name.startswith(".") and p.is_file()]
    if not found:
        raise InputError(f"{root} holds no picture ({', '.join(EXTENSIONS)}).")
    return sorted(found, key=lambda path: natural_key(path.relative_to(root).as_posix()))


def stem(path: Path) -> str:
    """What most data sets pair files by: the name without extension."""
    return path.stem


def cityscapes_frame(path: Path) -> str:
    """What Cityscapes pairs files by: city, sequence and frame."""
    return "_".join(path.name.split("_")[:3])


def pair_pictures(*lists: Sequence[Path], key: Callable[[Path], str] | None = stem) -> list[tuple[Path, ...]]:
    """Put the first files of all lists together, then the second ones, and so on.

    Args:
        lists: label maps, pictures, instance maps, …, each in natural order.
        key: what files that belong together have in common: `stem`, or `cityscapes_frame`. None: not checked.

    Raises:
        InputError: if the lists differ in length, or in the keys at some index; the message has the first that differ.
    """
    lengths = [len(paths) for paths in lists]
    if len(set(lengths)) > 1:
        raise InputError(f"the folders hold {' and '.join(map(str, lengths))} files; every map needs its picture.")
    tuples = list(zip(*lists, strict=True))
    if key is None:
        return tuples
    for paths in tuples:
        if len({key(path) for path in paths}) > 1:
            raise InputError(f"{' and '.join(map(str, paths))} do not belong together: their names differ.")
    return tuples
