"""The connected regions of a label map, each of one class, as segments are cut from photographs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import check_ids
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.cutouts import Cutouts, Size
from semsyn.ops.connected_components.reference import connected_components_reference, join_roots

# Published for frames of 256 x 512: what has no more than 1000 pixels is too small for a segment.
SMALLEST = 1000 / (256 * 512)


@dataclass(frozen=True, eq=False)
class Segments:
    """The segments of one map, from back to front by class, and in a class by number.

    Attributes:
        class_ids: r, int64.
        numbers: r, int64, from 1 in each class: the place of the segment's first pixel, columns first. A thin class
            starts at 2 unless it fills the frame, for its background counts as the first one.
        areas: r, int64, pixels of the masks.
        masks: r masks h w, bool.
        joined: the masks, and what belongs to thin classes and holds them together, inside the box of the mask.
    """

    class_ids: Tensor
    numbers: Tensor
    areas: Tensor
    masks: Cutouts
    joined: Cutouts

    def __len__(self) -> int:
        return len(self.class_ids)

    @property
    def size(self) -> Size:
        """h w of the map."""
        return self.masks.size

    def select(self, which: Tensor | Iterable[Any]) -> "Segments":
        """Some of them: indices, or a bool for each."""
        chosen = torch.as_tensor(which if isinstance(which, Tensor) else list(which))
        chosen = chosen.nonzero()[:, 0] if chosen.dtype == torch.bool else chosen.long()
        return Segments(
            self.class_ids[chosen],
            self.numbers[chosen],
            self.areas[chosen],
            self.masks.select(chosen),
            self.joined.select(chosen),
        )

    def enlarge(self, factor: int) -> "Segments":
        """The same in a frame that is larger by a whole factor."""
        masks, joined = self.masks.enlarge(factor), self.joined.enlarge(factor)
        return Segments(self.class_ids, self.numbers, self.areas * factor**2, masks, joined)


def smallest_area(size: Size, share: float = SMALLEST) -> int:
    """Pixels that a segment must have more of, in a frame h w; 1000 at the published 256 x 512."""
    return int(share * size[0] * size[1] + 1e-6)  # a share of whole pixels may fall short of them


def find_segments(class_ids: Tensor, groups: ClassGroups) -> Segments:
    """Cut a label map into segments: 8-connected regions of one class.

    Thin classes (poles, signs) cut others into pieces; those are joined again wherever a thin thing connects them. What
    has no fewer thin pixels than pixels of its own is dropped. All classes are found in one labelling of the map and
    one graph of its pieces.

    Args:
        class_ids: h w, integers in [0, k]; k is no class.
        groups: the order of the classes, and which are thin.

    Returns:
        every segment, however small, on the CPU.

    Raises:
        InputTypeError: unless class_ids are integers.
        InputError: if they are not h w, or none of the classes of ``groups``.

    Reference: Qi et al., "Semi-parametric Image Synthesis", arXiv:1804.10992, 3.1.
    """
    check_shape(class_ids, "h w", name="class_ids")
    if not class_ids.numel():
        raise InputError(f"class_ids is empty: shape {tuple(class_ids.shape)}.")
    check_ids(class_ids, groups.num_classes, name="class_ids")
    ids = class_ids.long().cpu()
    size = (ids.shape[0], ids.shape[1])
    # Numbered with columns first. The operator is for compilers, and its first call loads much of one.
    pieces = connected_components_reference(ids.mT.contiguous()[None])[0].mT.contiguous()
    found = _join_pieces(ids, pieces, groups)
    owners = found.owners[pieces]
    areas, boxes = measure_segments(owners, len(found.class_ids))
    clusters, masks, joined = found.clusters[pieces], [], []
    for segment, (top, left, bottom, right) in enumerate(boxes.tolist()):
        mask = owners[top:bottom, left:right] == segment
        thin = found.joins[segment]
        masks.append(mask)
        joined.append(mask | torch.isin(clusters[top:bottom, left:right], thin) if len(thin) else mask)
    cut, whole = Cutouts(size, boxes, tuple(masks)), Cutouts(size, boxes, tuple(joined))
    return Segments(found.class_ids, _number(found.class_ids, areas, groups, size), areas, cut, whole)


@dataclass(frozen=True)
class _Joined:
    """r segments, made of pieces of the map.

    Attributes:
        class_ids: r.
        owners: for each piece its segment; r for none.
        clusters: for each piece the thin cluster that it belongs to; a number that no cluster has for others.
        joins: for each segment the clusters that hold it together.
    """

    class_ids: Tensor
    owners: Tensor
    clusters: Tensor
    joins: tuple[Tensor, ...]


def _join_pieces(ids: Tensor, pieces: Tensor, groups: ClassGroups) -> _Joined:
    count, k = int(pieces.max()) + 1, groups.num_classes
    class_of = torch.empty(count, dtype=torch.int64).scatter_(0, pieces.flatten(), ids.flatten())
    sizes = pieces.flatten().bincount(minlength=count)
    is_thin = torch.isin(class_of, torch.tensor(groups.thin, dtype=torch.int64))
    thin, other = _touching(pieces, is_thin)
    is_both = is_thin[other]
    clusters = join_roots(count, thin[is_both], other[is_both])
    # A cluster of thin pieces is a node of its own for each class that it touches, behind the nodes of the pieces.
    touches = ~is_both & (class_of[other] < k)
    cluster, piece = clusters[thin[touches]], other[touches]
    keys, node = (cluster * k + class_of[piece]).unique(return_inverse=True)
    at = keys // k  # the cluster of each node
    roots = join_roots(count + len(at), piece, count + node)
    nodes = count + len(at)
    ranks = torch.full((nodes,), nodes).scatter_reduce_(0, roots, torch.cat([torch.arange(count), at]), "amin")
    own = torch.zeros(nodes, dtype=torch.int64).index_add_(0, roots[:count], sizes)
    cluster_sizes = torch.zeros(count, dtype=torch.int64).index_add_(0, clusters, sizes)
    foreign = torch.zeros(nodes, dtype=torch.int64).index_add_(0, roots[count:], cluster_sizes[at])
    kept = roots[:count].unique()
    kept = kept[(class_of[kept] < k) & (foreign[kept] < own[kept])]
    order = torch.tensor(groups.ranks)[class_of[kept]] * nodes + ranks[kept]
    kept = kept[order.argsort()]
    index = torch.full((nodes,), len(kept)).index_put_((kept,), torch.arange(len(kept)))
    segment, by = index[roots[count:]].sort()
    holds = segment.bincount(minlength=len(kept) + 1)
    joins = at[by].split(holds.tolist())[: len(kept)]
    return _Joined(class_of[kept], index[roots[:count]], torch.where(is_thin, clusters, count), joins)


def _touching(pieces: Tensor, is_thin: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs of different pieces that touch, of which the first is thin: twice m."""
    count = len(is_thin)
    found = [torch.zeros(0, dtype=torch.int64)]
    if bool(is_thin.any()):
        h, w = pieces.shape
        for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
            one = pieces[: h - down, max(0, -right) : w - max(0, right)].flatten()
            two = pieces[down:, max(0, right) : w - max(0, -right)].flatten()
            differ = (one != two) & (is_thin[one] | is_thin[two])
            found += [one[differ] * count + two[differ], two[differ] * count + one[differ]]
    keys = torch.cat(found).unique()
    first, second = keys // count, keys % count
    return first[is_thin[first]], second[is_thin[first]]


def measure_segments(owners: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Pixels r and boxes r 4 of the segments of a map h w, which holds r where there is none."""
    at, sides = owners.flatten(), []
    for axis in (0, 1):
        length = owners.shape[axis]
        places = torch.arange(length).unsqueeze(1 - axis).expand(owners.shape).flatten()
        first = torch.full((count + 1,), length).scatter_reduce_(0, at, places, "amin")
        sides.append((first, torch.zeros(count + 1, dtype=torch.int64).scatter_reduce_(0, at, places + 1, "amax")))
    (top, bottom), (left, right) = sides
    return at.bincount(minlength=count + 1)[:count], torch.stack([top, left, bottom, right], dim=1)[:count]


def _number(class_ids: Tensor, areas: Tensor, groups: ClassGroups, size: Size) -> Tensor:
    """The place of each segment among those of its class, which stand together."""
    _, counts = class_ids.unique_consecutive(return_counts=True)
    starts = (counts.cumsum(0) - counts).repeat_interleave(counts)
    is_thin = torch.isin(class_ids, torch.tensor(groups.thin, dtype=torch.int64))
    return torch.arange(1, len(class_ids) + 1) - starts + (is_thin & (areas < size[0] * size[1])).long()
