"""The published composer's ``.mat`` files, where a user has them: segments, matches, proposals, pairs, VGG19."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from semsyn.data.bank.mat_file import read_mat
from semsyn.data.bank.released_fields import to_pictures
from semsyn.errors import InputError
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.cutouts import Cutouts
from semsyn.nn.compose.segments import Segments

StrPath = str | PathLike[str]

# Where the layers of imagenet-vgg-verydeep-19.mat stand that have weights, by stage.
VGG_LAYERS = ((0, 2), (5, 7), (10, 12, 14, 16), (19, 21, 23, 25), (28, 30, 32, 34))


@dataclass(frozen=True, eq=False)
class ReleasedMatches:
    """What the published search stored for one class of a query: c slots for each of n segments, in their order.

    Attributes:
        overlaps: n c.
        images: n c, of the bank, from 0; -1 for an empty slot.
        pictures: n c pictures 3 h w in [0, 1], row by row.
        joined: n c masks h w, row by row.
    """

    overlaps: Tensor
    images: Tensor
    pictures: Cutouts
    joined: Cutouts


def read_segments(folder: StrPath, name: str, groups: ClassGroups) -> tuple[Segments, Cutouts | None]:
    """The segments of one image, ``<folder>/CC/<name>.mat``, CC the two digits of a class.

    Args:
        folder: ``original_segment`` (with pictures) or ``original_mask``.
        name: of the image, as ``00000001``.
        groups: the order of the classes. Empty first segments of thin classes are left out.

    Returns:
        the segments, and their pictures 3 h w in [0, 1] if the files have them.

    Raises:
        InputError: if a class's file is missing, or holds something else.
    """
    class_ids, numbers, masks, joined, pictures = [], [], [], [], []
    for class_id in groups.order:
        path = Path(folder) / f"{class_id + 1:02d}" / f"{name}.mat"
        fields = read_fields(path, ("library_mask", "library_mask_pole"), optional=("library_img",))
        found = _stack(fields["library_mask"], 2, path)
        poles = _stack(fields["library_mask_pole"], 2, path)
        images = _stack(fields["library_img"], 3, path) if "library_img" in fields else None
        for number, mask in enumerate(found, start=1):
            if bool(mask.any()):
                class_ids.append(class_id)
                numbers.append(number)
                masks.append(mask != 0)
                joined.append(poles[number - 1] != 0)
                pictures += [] if images is None else [images[number - 1].movedim(2, 0)]
    if not masks:
        raise InputError(f"{folder} has no segment of {name}.")
    cut = Cutouts.of(torch.stack(masks))
    around = torch.stack(joined)
    windows = (around[i, t:b, l:r] for i, (t, l, b, r) in enumerate(cut.boxes.tolist()))
    areas = torch.tensor([int(window.sum()) for window in cut.windows])
    segments = Segments(
        torch.tensor(class_ids), torch.tensor(numbers), areas, cut, Cutouts(cut.size, cut.boxes, tuple(windows))
    )
    return segments, to_pictures(torch.stack(pictures)) if pictures else None


def read_matches(path: StrPath) -> ReleasedMatches | None:
    """What was found for one class of a query, ``searched_top10_segments/CC/<name>.mat``; None: it has no segment.

    Raises:
        InputError: if it holds something else.
    """
    names = ("proposal", "proposal_pole_mask", "response_index")
    fields = read_fields(path, names, optional=("proposal_iou", "proposal_iou_all"))
    overlaps = fields.get("proposal_iou", fields.get("proposal_iou_all"))
    if overlaps is None:
        raise InputError(f"{path} has neither proposal_iou nor proposal_iou_all.")
    if not overlaps.numel():
        return None
    slots = len(overlaps)
    pictures = _stack(fields["proposal"], 3, path, inner=slots)
    joined = _stack(fields["proposal_pole_mask"], 2, path, inner=slots)
    return ReleasedMatches(
        overlaps.reshape(slots, -1).T.double(),
        fields["response_index"].reshape(slots, -1).T.long() - 1,
        to_pictures(pictures.movedim(3, 1)),
        Cutouts.of(joined != 0),
    )


def read_composition(*paths: StrPath) -> dict[str, Tensor]:
    """The arrays of one image for `proposals_from_fields` and `pairs_from_fields`, from one file or several.

    Args:
        paths: ``transform/…`` of the test data, ``result/transform/…`` (``transferred``), ``order/…``
            (``semantic_segment_label``), ``result/order/…`` (``prediction``).

    Raises:
        InputError: if a file cannot be read, or holds no array.
    """
    found: dict[str, Tensor] = {}
    for path in paths:
        arrays = {name: value for name, value in read_mat(path).items() if isinstance(value, np.ndarray)}
        if not arrays:
            raise InputError(f"{path} holds no array.")
        found |= {name: _tensor(value) for name, value in arrays.items()}
    return found


def read_vgg(path: StrPath) -> dict[str, Tensor]:
    """The weights of ``imagenet-vgg-verydeep-19.mat``: ``conv1_1/weights`` (kh kw i o), ``conv1_1/biases`` (o), ….

    Raises:
        InputError: if it is another file.
    """
    layers = read_mat(path).get("layers")
    weights: dict[str, Tensor] = {}
    for stage, places in enumerate(VGG_LAYERS, start=1):
        for index, place in enumerate(places, start=1):
            pair = _layer(layers, place)
            if pair is None or pair[0].ndim != 4 or pair[1].size != pair[0].shape[3]:
                raise InputError(f"{path} is not MatConvNet's VGG19: layer {place} has no convolution.")
            weights[f"conv{stage}_{index}/weights"] = _tensor(pair[0]).float()
            weights[f"conv{stage}_{index}/biases"] = _tensor(pair[1]).float().flatten()
    return weights


def read_fields(path: StrPath, names: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Tensor]:
    """Arrays of a file by name.

    Raises:
        InputError: naming those that are missing, and what there is.
    """
    variables = read_mat(path)
    names = tuple(names)
    arrays = {name: v for name, v in variables.items() if isinstance(v, np.ndarray)}
    if missing := [name for name in names if name not in arrays]:
        raise InputError(f"{path} has no {missing[0]}; it holds {', '.join(sorted(variables)) or 'nothing'}.")
    return {name: _tensor(arrays[name]) for name in (*names, *optional) if name in arrays}


def _layer(layers: Any, place: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Weights and biases of a layer: in ``weights``, or in older files ``filters`` and ``biases``."""
    layer = layers[place] if isinstance(layers, list) and place < len(layers) else None
    if not isinstance(layer, Mapping):
        return None
    pair = layer.get("weights") or [layer.get("filters"), layer.get("biases")]
    is_pair = isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, np.ndarray) for part in pair)
    return (pair[0], pair[1]) if is_pair else None


def _stack(array: Tensor, rank: int, path: StrPath, *, inner: int = 1) -> Tensor:
    """What MATLAB stacks behind the axes of one picture: n h w … with ``inner`` of each side by side."""
    if not array.numel():
        return array.new_zeros(0, *array.shape[:rank])
    if array.ndim < rank:
        raise InputError(f"{path} is expected to hold pictures of {rank} axes, found shape {tuple(array.shape)}.")
    array = array.reshape(*array.shape[:rank], -1) if inner == 1 else _by_segment(array, rank, inner)
    return array.movedim(-1, 0)


def _by_segment(array: Tensor, rank: int, inner: int) -> Tensor:
    """… c n to … (n c); n may have gone, if it was 1."""
    shape = array.shape[:rank]
    return array.reshape(*shape, inner, -1).transpose(-1, -2).reshape(*shape, -1)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("=")))
