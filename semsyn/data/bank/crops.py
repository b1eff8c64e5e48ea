"""A segment's pixels as bytes: a picture of its box, and of what joins its mask where thin things do."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semsyn.errors import InputError

BLOCK = 16  # pixels of JPEG's blocks, with halved colours


def encode_pixels(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], quality: int | None) -> bytes:
    """The pixels of a mask, as PNG or JPEG.

    Args:
        pixels: h w 3, the photograph in the segment's box.
        mask: h w.
        quality: of JPEG. It keeps the photograph around the mask as far as the mask's own blocks reach, so that its
            outline does not ring, and one colour beyond. None: PNG, black outside of the mask.
    """
    if quality is None:
        return _save(Image.fromarray(pixels * mask[:, :, None]), "PNG", compress_level=6)
    h, w = mask.shape
    rows, columns = -(-h // BLOCK), -(-w // BLOCK)
    padded = np.zeros((rows * BLOCK, columns * BLOCK), bool)
    padded[:h, :w] = mask
    is_used = padded.reshape(rows, BLOCK, columns, BLOCK).any(axis=(1, 3))
    near = is_used.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)[:h, :w, None]
    level = pixels[mask].mean(axis=0).round().astype(np.uint8) if mask.any() else np.zeros(3, np.uint8)
    return _save(Image.fromarray(np.where(near, pixels, level)), "JPEG", quality=quality)


def decode_pixels(data: bytes, mask: NDArray[np.bool_], name: str) -> NDArray[np.uint8]:
    """The inverse of `encode_pixels`: h w 3, black outside of the mask.

    Raises:
        InputError: naming ``name``, if the bytes are damaged.
    """
    pixels = np.asarray(_open(data, ("PNG", "JPEG"), name).convert("RGB"))
    if pixels.shape[:2] != mask.shape:
        raise InputError(f"{name} is damaged: a picture is {pixels.shape[:2]}, its mask {mask.shape}.")
    return pixels * mask[:, :, None]


def encode_mask(mask: NDArray[np.bool_]) -> bytes:
    """A mask as PNG of one bit; nothing for an empty one."""
    return _save(Image.fromarray(mask), "PNG") if mask.any() else b""


def decode_mask(data: bytes, shape: tuple[int, int], name: str) -> NDArray[np.bool_]:
    """The inverse of `encode_mask`."""
    if not data:
        return np.zeros(shape, bool)
    mask = np.asarray(_open(data, ("PNG",), name).convert("1"))
    if mask.shape != shape:
        raise InputError(f"{name} is damaged: a mask is {mask.shape}, its box {shape}.")
    return mask


def _save(image: Image.Image, form: str, **options: int) -> bytes:
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def _open(data: bytes, forms: tuple[str, ...], name: str) -> Image.Image:
    try:
        image = Image.open(BytesIO(data), formats=forms)
        image.load()
    except Exception as error:  # Pillow's decoders raise whatever damaged bytes make them trip over
        raise InputError(f"{name} is damaged: a picture in it cannot be decoded ({error}).") from error
    return image
