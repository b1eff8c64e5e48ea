"""Weights by the hash rules of the full-size golden files (specs of SPADE, section 11, and of SIMS, section 16)."""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor


def _hashed(index: int, count: int) -> np.ndarray:
    """count numbers in (-1, 1) for the key at this place of the sorted list, float64."""
    x = np.arange(count, dtype=np.uint32)
    x *= np.uint32(2654435761)
    x += np.uint32((index * 40503 + 12345) % 2**32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(2246822519)
    x ^= x >> np.uint32(13)
    x *= np.uint32(3266489917)
    x ^= x >> np.uint32(16)
    return 2 * (x + 0.5) / 2**32 - 1


def _value(key: str, shape: Sequence[int], r: np.ndarray) -> np.ndarray:
    if key.endswith("running_mean"):
        return 0.3 * r
    if key.endswith("running_var"):
        return 1 + 0.5 * r
    if len(shape) <= 1:
        return 0.2 * r + float(key.endswith("bn.weight"))
    if len(shape) == 3 or (len(shape) == 2 and "class_specified_affine" in key):
        return r
    return r * 2 / np.sqrt(r.size / shape[0])


def hash_fill(shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    """A state dict of these keys and shapes, the same everywhere; u and v are three power iterations in double."""
    places = {key: i for i, key in enumerate(sorted(shapes))}
    state: dict[str, Tensor] = {}
    for key, shape in shapes.items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.zeros(tuple(shape), dtype=torch.int64)
        elif not key.endswith(("weight_u", "weight_v")):
            count = int(np.prod(shape, dtype=np.int64))
            values = _value(key, shape, _hashed(places[key], count)).astype(np.float32)
            state[key] = torch.from_numpy(values.reshape(tuple(shape)))
    for key in shapes:
        if key.endswith("weight_u"):
            matrix = state[key.removesuffix("u") + "orig"].flatten(1).double()
            v = torch.from_numpy(_hashed(places[key], matrix.shape[1]))
            for _ in range(3):
                u = torch.nn.functional.normalize(matrix @ v, dim=0, eps=0)
                v = torch.nn.functional.normalize(matrix.mT @ u, dim=0, eps=0)
            state[key], state[key.removesuffix("u") + "v"] = u.float(), v.float()
    return state


def recipe_fill(shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    """TensorFlow variables of these names and shapes, by SIMS' rule."""
    return {name: torch.from_numpy(_variable(name, tuple(shape))) for name, shape in shapes.items()}


def _variable(name: str, shape: tuple[int, ...]) -> np.ndarray:
    count = int(np.prod(shape, dtype=np.int64))
    x = np.arange(count, dtype=np.uint32) + np.uint32(zlib.crc32(name.encode()) * 0x9E3779B9 % 2**32)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> np.uint32(shift)
        x *= np.uint32(factor)
    x ^= x >> np.uint32(16)
    u = (2 * (x / 2**32 - 0.5)).reshape(shape)
    kind = name.rpartition("/")[2]
    if kind == "weights":
        values = u * np.sqrt(3 / np.prod(shape[:-1]))
    elif kind == "gamma":
        values = 1 + 0.5 * u
    elif kind == "g_transform_param":
        values = 0.02 * u
    elif kind == "g_b_fc1":
        values = np.array([1, 0, 0, 0, 1, 0]) + u * np.array([0.05, 0.05, 3, 0.05, 0.05, 3])
    else:
        values = 0.3 * u
    return values.astype(np.float32)
