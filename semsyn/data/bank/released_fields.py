"""The published composer's arrays as records: proposals and pairs, whose numbers count from 1."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.nn.compose.cutouts import Cutouts
from semsyn.nn.compose.proposals import Proposals

Casters = Callable[[int], Tensor]


def proposals_from_fields(
    fields: Mapping[str, Tensor], casters: Casters | None = None
) -> tuple[Proposals, Cutouts | None]:
    """Proposals at the size of the canvas, and the pictures that a transformation made of them.

    Args:
        fields: ``all_class_flag`` r 2: the kind of each segment (1 found, 2 remained) and its place in that list; for
            those found ``class``, ``original_index``, ``response_index`` (t or t 1), ``mask``, ``proposal_pole_mask``
            (t h w), ``proposal`` and perhaps ``transferred`` (t h w 3, uint8) and ``proposal_iou``; for those that
            remained ``class_remained``, ``mask_remained`` and perhaps ``original_index_remained``.
        casters: an image of the bank (from 0) to where it has what casts shadows, h w bool. None: nowhere.

    Returns:
        proposals, and their transformed pictures as `compose_canvas` takes them, if there are any.

    Raises:
        InputError: for a field that is missing or does not fit the others.
    """
    lists = _Lists(fields)
    images = torch.where(lists.is_found, lists.stack("response_index").long() - 1, -1)
    masks = Cutouts.of(lists.stack("mask", "mask_remained", rank=3) != 0)
    bare = torch.zeros(masks.size, dtype=torch.bool)
    shown = [bare if casters is None or image < 0 else casters(image) for image in images.tolist()]
    has_overlaps = "proposal_iou" in fields
    proposals = Proposals(
        lists.stack("class", "class_remained").long() - 1,
        lists.stack("original_index", "original_index_remained").long(),
        masks,
        lists.pictures("proposal"),
        Cutouts.of(lists.stack("proposal_pole_mask", rank=3) != 0),
        Cutouts.of(torch.stack(shown)),
        images,
        (lists.stack("proposal_iou") if has_overlaps else torch.zeros(len(masks))).double(),
        images,
    )
    return proposals, lists.pictures("transferred") if "transferred" in fields else None


def pairs_from_fields(index: Tensor, proposals: Proposals) -> tuple[Tensor, Tensor]:
    """Pairs that are named by numbers and classes.

    Args:
        index: m 4: numbers of the first and the second segment, their classes.
        proposals: whose segments they are.

    Returns:
        those of the m pairs that name two of the segments, m' 2 indices; and which ones they are, m bool.
    """
    check_shape(index, "m f", name="index", f=4)
    rows = zip(proposals.class_ids.tolist(), proposals.numbers.tolist(), strict=True)
    known = {key: place for place, key in enumerate(rows)}
    pairs = [(known.get((a - 1, i), -1), known.get((b - 1, j), -1)) for i, j, a, b in index.tolist()]
    found = torch.tensor(pairs, dtype=torch.int64).view(-1, 2)
    is_known = (found >= 0).all(dim=1)
    return found[is_known], is_known


class _Lists:
    """The two lists that the rows of a composition are in."""

    def __init__(self, fields: Mapping[str, Tensor]) -> None:
        self.fields = fields
        flags = self._field("all_class_flag").long().view(-1, 2)
        self.is_found = flags[:, 0] == 1
        self.chosen = list(zip(self.is_found.tolist(), (flags[:, 1] - 1).tolist(), strict=True))
        if not self.chosen:
            raise InputError("all_class_flag is empty: there is no segment.")

    def stack(self, found: str, remained: str = "", *, rank: int = 1) -> Tensor:
        """A row for each segment, from one list or the other; zeros where there is none."""
        lists = {True: self._rows(found, rank)} | (
            {False: self._rows(remained, rank)} if remained in self.fields else {}
        )
        example = next((rows for rows in lists.values() if len(rows)), None)
        if example is None:
            raise InputError(f"{found} holds nothing.")
        rows = []
        for is_found, place in self.chosen:
            some = lists.get(is_found)
            if some is not None and not 0 <= place < len(some):
                raise InputError(f"all_class_flag names row {place + 1} of {found}, of which there are {len(some)}.")
            rows.append(torch.zeros_like(example[0]) if some is None else some[place])
        return torch.stack(rows)

    def pictures(self, name: str) -> Cutouts:
        """Pictures t h w 3 uint8, as they are pasted."""
        return to_pictures(self.stack(name, rank=4).movedim(3, 1))

    def _rows(self, name: str, rank: int) -> Tensor:
        """A list of values of a rank; a single one may have lost its axis, and a column its second one."""
        rows = self._field(name)
        if rank == 1:
            return rows.flatten()
        rows = rows[None] if rows.ndim == rank - 1 else rows
        if rows.ndim != rank and rows.numel():
            raise InputError(f"{name} must have {rank} axes, found shape {tuple(rows.shape)}.")
        return rows

    def _field(self, name: str) -> Tensor:
        if name not in self.fields:
            raise InputError(f"{name} is missing; there are {', '.join(sorted(self.fields)) or 'no fields'}.")
        return self.fields[name]


def to_pictures(levels: Tensor) -> Cutouts:
    """r 3 h w uint8 to pictures in [0, 1]."""
    cut = Cutouts.of(levels)
    return Cutouts(cut.size, cut.boxes, tuple(window.float() / 255 for window in cut.windows))
