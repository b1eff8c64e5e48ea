"""From the objects of scenes to part maps and part features of whole pictures."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.functional.object_crops import ObjectFrame
from semsyn.nn.parts.object_parts import ObjectParts
from semsyn.nn.parts.object_paste import object_owners, sample_objects, window_matrices
from semsyn.nn.parts.part_net import PartNet
from semsyn.nn.parts.support_memory import SupportMemory
from semsyn.nn.plain_child import dtype_of, is_plain
from semsyn.ops.sum_rows import sum_rows
from semsyn.records.objects import NO_PART_MAP, Objects

OBJECTS_AT_ONCE = 8
TAPS = 9  # of the convolution of part features
PIXELS_AT_ONCE = 2**17  # with features; 0.3 GB at released widths


@dataclass(frozen=True)
class SceneParts:
    """What was inferred of the parts in a batch of scenes.

    Attributes:
        objects: those of the layout.
        part_ids: o s s, int64, the part map of each object; -1 where nothing was inferred: its category has no support
            maps, or later objects hide it.
        logits: o p s s, raw; zeros where nothing was inferred.
        owners: n h w, int64, the object that each pixel shows; -1: none, or none that has parts.
    """

    objects: Objects
    part_ids: Tensor
    logits: Tensor
    owners: Tensor

    @property
    def part_map(self) -> Tensor:
        """n h w, int64: the part at each pixel; 0 where there is none."""
        return self._paste(self.part_ids[:, None])[:, 0]

    @property
    def part_logits(self) -> Tensor:
        """n p h w: the logits at each pixel, zeros where no object is."""
        return self._paste(self.logits)

    def _paste(self, patches: Tensor) -> Tensor:
        image, row, column = (self.owners >= 0).nonzero(as_tuple=True)
        owner = self.owners[image, row, column]
        values = sample_objects(patches, owner, row, column, self.objects.frame, mode="nearest")
        pasted = patches.new_zeros(*self.owners.shape, patches.shape[1])
        return pasted.index_put((image, row, column), values).permute(0, 3, 1, 2)


class SceneInference(nn.Module):
    """Runs PartNet on the objects of a batch and lays the results over the pictures.

    Objects whose category has no support maps are left out, as if they were not in the list. Of the others each pixel
    shows the last one that covers it, so features are sampled there alone, and objects that are hidden cost nothing.
    Memory does not grow with the number of objects, but for their logits.

    Args:
        part_net: infers the parts; frozen.
        supports: its support maps.
    """

    def __init__(self, part_net: PartNet, supports: SupportMemory) -> None:
        super().__init__()
        self.part_net = part_net.requires_grad_(False)
        self.supports = supports

    def forward(self, objects: Objects, num_images: int, conv: nn.Conv2d | None = None) -> tuple[SceneParts, Tensor]:
        """Infer the parts.

        Args:
            objects: of the batch.
            num_images: n.
            conv: a 3 × 3 convolution with padding 1 over the part features of the whole picture (part by part, zeros
                where no object is). It is computed from covered pixels alone. None: no features are wanted.

        Returns:
            the parts, and the convolution's result n c h w (n 0 h w without one).
        """
        weight = _columns(conv, self.part_net.feature_channels)
        usable = self.supports.has(objects.categories)
        part_ids = torch.full_like(objects.silhouettes, NO_PART_MAP, dtype=torch.int64)
        p = self.part_net.num_parts
        dtype = dtype_of(self.part_net)
        logits = torch.zeros(*part_ids.shape[:1], p, *part_ids.shape[1:], device=part_ids.device, dtype=dtype)
        owners = object_owners(
            objects.silhouettes & usable[:, None, None],
            objects.images,
            objects.frame,
            num_images=num_images,
            size=objects.map_size,
        )
        convolved = []
        for images in _groups((owners >= 0).sum((1, 2)).tolist()):
            here = owners[images]
            pixels = (here >= 0).nonzero()
            order = here[here >= 0].argsort(stable=True)
            pixels, owner = pixels[order], here[here >= 0][order]
            sampled: list[Tensor] = []
            start = 0
            for few in owner.unique().split(OBJECTS_AT_ONCE) if len(owner) else ():
                parts = self._infer(objects[few])
                part_ids[few], logits[few] = parts.part_ids, parts.logits.to(logits)
                if conv is not None:
                    borders = torch.searchsorted(owner, few, right=True).tolist()
                    sampled += _sample(parts, pixels, owner, [start, *borders], objects.frame, weight)
                    start = borders[-1]
            if conv is not None:
                if weight is None:
                    channels = p * self.part_net.feature_channels
                    convolved.append(_call(here, pixels, sampled, conv, channels))
                else:
                    convolved.append(_convolve(here, pixels, sampled, conv))
        scene = SceneParts(objects=objects, part_ids=part_ids, logits=logits, owners=owners)
        return scene, torch.cat(convolved) if conv is not None else logits.new_zeros(num_images, 0, *objects.map_size)

    def _infer(self, objects: Objects) -> ObjectParts:
        silhouettes = objects.silhouettes[:, None]
        has_maps = objects.part_maps is not None and bool((objects.part_maps != NO_PART_MAP).any())
        return self.part_net(
            silhouettes,
            self.supports.encode(self.part_net, objects.categories),
            objects.categories,
            edited=objects.part_maps if has_maps else None,
            chunk=OBJECTS_AT_ONCE,
        )


def _groups(covered: list[int]) -> Iterator[slice]:
    """Runs of images, as many as bounded memory allows."""
    first, pixels = 0, 0
    for image, count in enumerate(covered):
        if image > first and pixels + count > PIXELS_AT_ONCE:
            yield slice(first, image)
            first, pixels = image, 0
        pixels += count
    yield slice(first, len(covered))


def _sample(
    parts: ObjectParts, pixels: Tensor, owner: Tensor, borders: list[int], frame: ObjectFrame, weight: Tensor | None
) -> list[Tensor]:
    """What the pixels of some objects add to the convolution at the nine pixels around them: p t c of each object.

    All parts that an object lacks are alike: they are sampled once, with the sum of their weights.

    Args:
        parts: of the objects.
        pixels: p 3, image, row and column, sorted by object.
        owner: p, their objects.
        borders: where the objects' pixels begin in these lists, and where the last one's end.
        frame: of all objects.
        weight: of the convolution, from `_columns`. None: the features of all parts themselves are wanted, p (parts f).
    """
    sampled = []
    for rows, first, last in zip(parts.rows, borders, borders[1:], strict=False):
        streams, which = rows.unique(return_inverse=True)
        patch = parts.stream_features[streams].flatten(0, 1)
        own = frame[owner[first : first + 1]]
        vertical, horizontal = (t.to(patch.dtype) for t in window_matrices(own, patch.shape[-1]))
        window = vertical @ (patch @ horizontal.T)  # (s f) h w
        row, column = pixels[first:last, 1] - own.windows[0, 0], pixels[first:last, 2] - own.windows[0, 2]
        seen = window[:, row, column].T
        if weight is None:
            sampled.append(seen.unflatten(1, (len(streams), -1))[:, which].flatten(1))
            continue
        summed = F.one_hot(which).T.to(weight.dtype) @ weight
        columns = seen.to(weight.dtype) @ summed.view(len(window), -1)
        sampled.append(columns.unflatten(1, (TAPS, -1)))
    return sampled


def _columns(conv: nn.Conv2d | None, channels: int) -> Tensor | None:
    """The weight over parts and their f features, p (f t c); None where the convolution is to be called."""
    if conv is None or not is_plain(conv, nn.Conv2d):
        return None
    return conv.weight.unflatten(1, (-1, channels)).permute(1, 2, 3, 4, 0).flatten(1)


def _call(owners: Tensor, pixels: Tensor, sampled: list[Tensor], conv: nn.Module, channels: int) -> Tensor:
    """The convolution of the features of the whole picture, n c h w, which are built for it."""
    whole = torch.zeros(*owners.shape, channels, device=owners.device, dtype=dtype_of(conv))
    if sampled:
        whole = whole.index_put(pixels.unbind(1), torch.cat(sampled).to(whole.dtype))
    return conv(whole.permute(0, 3, 1, 2))


def _convolve(owners: Tensor, pixels: Tensor, sampled: list[Tensor], conv: nn.Conv2d) -> Tensor:
    """Sum up at each pixel what the nine around it add: n c h w. Away from objects it is the bias."""
    n, h, w = owners.shape
    assert conv.bias is not None
    bias = conv.bias if sampled else conv.bias + 0 * conv.weight.sum()  # so the weight's gradient is 0, not None
    result = bias.expand(n, h, w, -1)
    if sampled:
        columns = torch.cat([*sampled, torch.zeros_like(sampled[0][:1])])  # p t c; the last row: no object is there
        nothing = len(columns) - 1
        slots = pixels.new_full((n, h, w), nothing)
        slots[pixels.unbind(1)] = torch.arange(nothing, device=columns.device)
        taps = F.pad(slots, (1, 1, 1, 1), value=nothing).unfold(1, 3, 1).unfold(2, 3, 1).flatten(3)  # n h w t
        near = (taps != nothing).any(3)
        rows = taps[near] * TAPS + torch.arange(TAPS, device=columns.device)
        summed = sum_rows(columns.flatten(0, 1), rows)
        result = result.index_put((near,), summed + conv.bias)
    return result.permute(0, 3, 1, 2)
