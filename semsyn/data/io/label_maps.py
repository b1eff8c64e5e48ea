"""Label and instance maps from files, pictures or arrays: ids, or colours that stand for them."""

import os
import warnings
from os import PathLike, fspath
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from semsyn.data.io.folders import ARRAYS
from semsyn.data.io.pictures import Source, check_file, check_pixels, open_image
from semsyn.data.io.stored_values import PAGES, PLANES, is_cut, is_first_of_several, is_lossy, stored_values
from semsyn.data.spaces.colors import label_colors
from semsyn.errors import InputError, InputTypeError, UnknownColorsError
from semsyn.labels import ID_DTYPES, LabelSpace
from semsyn.signature import checked

ID_MODES = ("1", "L", "P", "I", "I;16", "I;16L", "I;16B", "I;16N")
VOC_COLORS = np.concatenate([np.zeros((1, 3), np.uint8), label_colors(255).numpy()])
WITHOUT_ALPHA = {"LA": "L", "RGBA": "RGB", "RGBX": "RGB"}


@checked()
def read_label_map(
    source: Source,
    *,
    space: LabelSpace | None = None,
    nearest_color: bool = False,
    max_distance: float | None = None,
    as_released: bool = False,
) -> Tensor:
    """Read a label map as stored ids, int64 h w; `LabelSpace.map_ids` turns them into class ids.

    Grey pictures of 8, 16 or 32 bits and arrays (``.npy``) hold ids. Palette pictures hold them as indices, unless the
    colours that they use are the space's own at other indices: a program has sorted the palette anew, and they are read
    by colour. Colour pictures are read by the space's palette, those of three equal channels as ids. A warning says
    what was not read as it is stored. An EXIF orientation is followed.

    Args:
        source: a path, a Pillow image, or an array or tensor (h w ids, h w 3 colours).
        space: its palette reads colours.
        nearest_color: read each colour as the nearest one of the palette (Euclidean in RGB), for maps with soft edges
            or JPEG's noise; a warning says how many pixels moved.
        max_distance: with ``nearest_color``: levels that a colour may be away; None: any number.
        as_released: leave the map as it is stored, whatever its EXIF orientation says.

    Raises:
        InputError: a file that cannot be read, that a lossy format has changed, with transparent pixels, several pages
            or more pixels than `allow_pixels` says; a colour picture without a palette.
        UnknownColorsError: colours that are not in the palette.
        InputTypeError: something else than a path, a picture or an array; ids that are not integers.
    """
    name = _name(source, "the label map")
    source = _load_map(source)
    if (stored := _stored_ids(source, "label map")) is not None:
        return stored
    image = _without_alpha(open_map(source, as_released=as_released), name)
    if image.mode in ID_MODES and not nearest_color:
        _check_lossless(image, name)
        by_color = None if space is None or image.mode != "P" else _moved_indices(image, space)
        return _ids_of_image(image, name) if by_color is None else by_color
    if image.mode != "RGB" and image.mode not in ID_MODES:
        raise InputError(f"{name} has mode {image.mode!r}; save ids as a grey or palette picture of whole numbers.")
    colors = torch.from_numpy(np.array(image.convert("RGB")))
    try:
        return _read_colors(colors, space, name, nearest_color, max_distance)
    except InputError:
        if nearest_color or (ids := _equal_channels(colors)) is None:
            raise
        _check_lossless(image, name)
        warnings.warn("the label map is a colour picture of three equal channels: read as ids.", stacklevel=2)
        return ids


def read_instance_map(source: Source) -> Tensor:
    """Read an instance map as stored ids, int64 h w: 8, 16 or 32 bits, grey, palette indices or three equal channels.

    Raises:
        InputError: as `read_label_map`; also colour pictures.
        InputTypeError: as `read_label_map`.
    """
    name = _name(source, "the instance map")
    source = _load_map(source)
    if (stored := _stored_ids(source, "instance map")) is not None:
        return stored
    image = _without_alpha(open_map(source), name)
    if image.mode in ID_MODES:
        _check_lossless(image, name)
        return _ids_of_image(image, name)
    ids = _equal_channels(torch.from_numpy(np.array(image))) if image.mode == "RGB" else None
    if ids is None:
        raise InputError(f"{name} has mode {image.mode!r}; save instance ids as a grey picture of 8, 16 or 32 bits.")
    _check_lossless(image, name)
    return ids


def _name(source: Source, otherwise: str) -> str:
    return fspath(source) if isinstance(source, str | PathLike) else otherwise


def load_array(source: Source) -> Source:
    """What a file of an array holds; everything else as it is.

    Raises:
        InputError: for a file of one array that is not there, or cannot be read.
    """
    array = _map_array(source)
    return source if array is None else np.array(array)


def _load_map(source: Source) -> Source:
    """The same for a label or instance map, no larger than such a map may be."""
    if (array := _map_array(source)) is None:
        return source
    if array.ndim > 1:
        sides = sorted(array.shape)[-2:]
        check_pixels(sides[0], sides[1], fspath(source))  # type: ignore[arg-type]
    return np.array(array)


def _map_array(source: Source) -> np.ndarray | None:
    """A file of an array, of which nothing is read yet; None for everything else."""
    if not isinstance(source, str | PathLike) or Path(os.fsdecode(source)).suffix.lower() not in ARRAYS:
        return None
    path = Path(os.fsdecode(source))
    check_file(path, "an array")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped: no more is read than the file holds
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{path} is not a NumPy array that can be read: {error}.") from error
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path} holds several arrays; save the map alone: numpy.save.")
    return array


def open_map(source: Source, *, as_released: bool = False) -> Image.Image:
    """A picture that holds one map, and nothing besides that would be left out.

    Raises:
        InputError: as `open_image`; also for several pages, and channels that Pillow does not read.
    """
    image, name = open_image(source, as_released=as_released, is_map=True), _name(source, "the map")
    if PAGES in image.info or (isinstance(source, Image.Image) and is_first_of_several(source)):
        raise InputError(
            f"{name} has several pages or frames, of which only one can be the map: save that page alone, or open it "
            "with Pillow, seek(page) and pass the image."
        )
    if PLANES in image.info:
        raise InputError(
            f"{name} has {image.info[PLANES]} channels, of which {len(image.getbands())} can be read; save ids as a "
            "grey picture, or as .npy."
        )
    if image.mode == "RGBX" and not _is_flat(np.array(image.getchannel("X"))):
        raise InputError(f"{name} has a fourth channel that would be left out; save it with three, or ids as grey.")
    return image


def _is_flat(values: np.ndarray) -> bool:
    return bool((values == values.flat[0]).all())


def _stored_ids(source: Source, what: str) -> Tensor | None:
    """The ids of an array; None for colours and pictures."""
    if not isinstance(source, np.ndarray | Tensor):
        return None
    shape = tuple(source.shape)
    if len(shape) == 3 and shape[2] == 1:
        source = source[..., 0]
    elif len(shape) == 3 and shape[0] == 1 and not (shape[2] == 3 and source.dtype in (np.uint8, torch.uint8)):
        source = source[0]
    return _ids_of_array(source, what) if source.ndim == 2 else None


def _without_alpha(image: Image.Image, name: str) -> Image.Image:
    """The picture without a channel of opacity, all of which must be opaque."""
    if image.mode in WITHOUT_ALPHA and image.mode != "RGBX":
        holes = np.array(image.getchannel("A")) < 255
    elif image.mode == "P" and "transparency" in image.info:
        holes = np.array(image.convert("RGBA").getchannel("A")) < 255
    else:
        return image
    if holes.any():
        raise InputError(
            f"{name} has {int(holes.sum())} transparent pixels, which have no label; fill them, or save it without "
            "transparency."
        )
    if image.mode == "P":
        return image
    opaque = image.convert(WITHOUT_ALPHA[image.mode])
    opaque.format = image.format  # which Pillow drops, but `is_lossy` asks
    return opaque


def _check_lossless(image: Image.Image, name: str) -> None:
    if is_cut(image):
        raise InputError(
            f"{name} has 16 bits in each of several channels, of which 8 can be read; save ids as a grey picture of 16 "
            "bits, or as .npy."
        )
    if is_lossy(image):
        raise InputError(
            f"{name} is stored as {image.format} with loss, which changes ids: it does not hold what was saved. Save "
            "the ids as PNG from where they came from; a map drawn in colours can be read by the nearest ones."
        )


def _moved_indices(image: Image.Image, space: LabelSpace) -> Tensor | None:
    """Stored ids by colour, where every colour in use is the space's and some index is not its id; else None.

    The palette that tools give to any ids (Pascal VOC's) says nothing: by its rule other spaces have the same colours.
    """
    indices = np.array(image)
    used = np.unique(indices)
    table = np.array(image.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
    if not space.palette or used.max() >= len(table) or np.array_equal(table[used], VOC_COLORS[used]):
        return None
    try:
        class_ids = space.from_colors(torch.from_numpy(table[used]))
    except InputError:
        return None
    if all(space.stored_ids.get(int(i)) == c for i, c in zip(used, class_ids.tolist(), strict=True)):
        return None
    warnings.warn(
        f"the label map's palette has the colours of {space.name!r} at other indices: read by colour.", stacklevel=3
    )
    stored = np.zeros(256, dtype=np.int64)
    stored[used] = space.unmap_ids(class_ids).numpy()
    return torch.from_numpy(stored[indices])


def _read_colors(
    colors: Tensor, space: LabelSpace | None, name: str, nearest_color: bool, max_distance: float | None
) -> Tensor:
    if space is None or not space.palette:
        lack = "no label space is given" if space is None else f"label space {space.name!r} has no palette"
        raise InputError(
            f"{name} is a colour picture, but {lack}. "
            "Save it as a grey or palette picture of ids, or give a label space with the palette it was drawn with."
        )
    if not nearest_color:
        return space.unmap_ids(space.from_colors(colors))
    class_ids, distance = space.nearest_colors(colors)
    moved, farthest = int((distance > 0).sum()), float(distance.max())
    if max_distance is not None and farthest > max_distance:
        far = int((distance > max_distance).sum())
        raise UnknownColorsError(
            f"{name} has {far} pixels whose colour is more than {max_distance:g} levels away from all of "
            f"{space.name!r}'s, the farthest {farthest:.0f}; allow more, or clean the map."
        )
    if moved:
        warnings.warn(
            f"{name}: {moved} of {distance.numel()} pixels ({moved / distance.numel():.1%}) moved to the nearest "
            f"colour, by up to {farthest:.0f} levels.",
            stacklevel=3,
        )
    return space.unmap_ids(class_ids)


def _equal_channels(colors: Tensor) -> Tensor | None:
    """The ids of a picture whose channels are the same; None for other pictures."""
    first = colors[..., 0]
    return first.long() if torch.equal(first, colors[..., 1]) and torch.equal(first, colors[..., 2]) else None


def _ids_of_image(image: Image.Image, name: str) -> Tensor:
    ids = stored_values(image)
    if image.mode == "P":
        used, table = np.unique(ids), np.array(image.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
        if used[-1] < len(table) and _are_greys(colors := table[used]) and not np.array_equal(colors[:, 0], used):
            warnings.warn(
                f"{name} has a palette of greys {colors[:8, 0].tolist()} at indices {used[:8].tolist()}: read by "
                "index. If the greys are the ids, as where a program made the file smaller, save it as grey.",
                stacklevel=3,
            )
    return torch.from_numpy(ids)


def _are_greys(colors: np.ndarray) -> bool:
    """Whether several colours are greys, none of them twice."""
    return bool((colors == colors[:, :1]).all()) and 1 < len(colors) == len(np.unique(colors[:, 0]))


def _ids_of_array(ids: np.ndarray | Tensor, name: str) -> Tensor:
    integer = ids.dtype in ID_DTYPES if isinstance(ids, Tensor) else ids.dtype.kind in "iu"
    if not integer:
        raise InputTypeError(f"a {name} must hold integer ids, found {ids.dtype}; make them integers first.")
    if not isinstance(ids, Tensor) and ids.dtype == np.uint64 and ids.size and ids.max() >= 2**63:
        raise InputError(f"the {name} holds {ids.max()}, which no id can be: they end at {2**63 - 1}.")
    tensor = ids.cpu().long() if isinstance(ids, Tensor) else torch.from_numpy(ids.astype(np.int64))
    if not tensor.numel():
        raise InputError(f"the {name} is empty: shape {tuple(tensor.shape)}.")
    return tensor
