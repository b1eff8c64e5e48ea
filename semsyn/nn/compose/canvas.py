"""A canvas: pieces of photographs pasted from back to front, with what a network is to fill in left bare."""

from dataclasses import dataclass

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import check_ids
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.cutouts import Cutouts, widen
from semsyn.nn.compose.elision import Keys, choose_pixels, mark_margins
from semsyn.nn.compose.outlines import band
from semsyn.nn.compose.proposals import Proposals

WHITE = 1.0
NOBODY = -1


@dataclass(frozen=True, kw_only=True)
class CanvasRules:
    """What is left out where pieces meet; the widths are those of squares, in pixels, and 0 switches a rule off.

    Attributes:
        inner: inside the outline of each piece, where a share of the pixels becomes white.
        shaded: around casters, where a shaded class loses its pixels.
        leaking: along the outline of leaking classes.
        outer: around outlined regions, on the ground.
        ratio: the share of the inner band.
        extension: see `semsyn.nn.compose.elision.mark_margins`.
        fills: whether what is bare in the map takes the class of the layout, where that is a filling one.
    """

    inner: int
    shaded: int
    leaking: int
    outer: int
    ratio: float = 0.5
    extension: float = 0.125
    fills: bool = True

    def __post_init__(self) -> None:
        if min(self.inner, self.shaded, self.leaking, self.outer) < 0:
            raise InputError(f"widths must be 0 or more, found {self}.")
        if not 0 <= self.ratio <= 1 or self.extension < 0:
            raise InputError(f"ratio lies in [0, 1] and extension from 0, found {self.ratio} and {self.extension}.")

    @classmethod
    def of(cls, height: int) -> "CanvasRules":
        """Published for a canvas of 512 x 1024, in proportion to its height."""
        return cls(
            inner=int(0.035 * height), shaded=int(0.06 * height), leaking=int(0.04 * height), outer=int(0.08 * height)
        )


@dataclass(frozen=True, eq=False)
class Canvas:
    """What a composer hands to a painter.

    Attributes:
        picture: 3 h w in [0, 1], RGB; 0 where it is bare.
        class_ids: h w, int64: the layout as far as what was pasted agrees with it; k is no class.
        owners: h w, int64: which proposal a pixel is from; -1: none.
    """

    picture: Tensor
    class_ids: Tensor
    owners: Tensor

    @property
    def is_filled(self) -> Tensor:
        """Where there is anything, h w bool. As released: white pixels that were left out count, too."""
        return self.picture.sum(dim=0) > 0


def compose_canvas(
    class_ids: Tensor,
    proposals: Proposals,
    groups: ClassGroups,
    rules: CanvasRules,
    *,
    keys: Keys,
    moved: Cutouts | None = None,
    keeps: Tensor | None = None,
    as_released: bool = False,
) -> Canvas:
    """Paste proposals on a canvas, from back to front, and change the layout to what is shown.

    Args:
        class_ids: the layout at the size of the canvas, h w, integers in [0, k].
        proposals: r of them, in the order in which they are pasted.
        groups: what is known of the classes.
        rules: what is left out.
        keys: which pixels of an inner band are left out, see `semsyn.nn.compose.elision.Keys`.
        moved: the pictures after a transformation, r of them; each is used only where it covers more of its mask.
        keeps: r r bool, [a, b]: where b would cover a, which was pasted before, a stays in front. None: never.
        as_released: the published code keeps the pixels of all others in place of those of a, and adds that up over all
            a. With it its canvases come out to the last bit.

    Raises:
        InputError: for other sizes or numbers, or ids of another label space.

    Reference: Qi et al., "Semi-parametric Image Synthesis", arXiv:1804.10992, 3.3.
    """
    size, count, k = proposals.size, len(proposals), groups.num_classes
    check_shape(class_ids, "h w", name="class_ids", h=size[0], w=size[1])
    check_ids(class_ids, k, name="class_ids")
    keeps = torch.zeros(count, count, dtype=torch.bool) if keeps is None else keeps.cpu()
    check_shape(keeps, "r r", name="keeps", r=count)
    pictures = choose_pictures(proposals, moved)
    desk = _Desk(class_ids, groups, rules, keys, as_released)
    for row, class_id in enumerate(proposals.class_ids.tolist()):
        if not bool(pictures.windows[row].any()) and not bool(proposals.pictures.windows[row].any()):
            desk.clear(proposals.masks, row, class_id)
            continue
        for cut in (proposals.masks, proposals.joined):
            desk.label(cut, row, k)
        desk.paste(row, class_id, pictures, proposals.casters, keeps[:, row])
    if rules.fills:
        filling = torch.isin(class_ids, torch.tensor(groups.filling, dtype=torch.int64, device=class_ids.device))
        desk.class_ids = torch.where((desk.class_ids == k) & filling, class_ids.long(), desk.class_ids)
    if rules.outer:
        desk.picture[:, mark_margins(desk.class_ids, groups, rules.outer, rules.extension)] = 0
    return Canvas(desk.picture, desk.class_ids, desk.owners)


def choose_pictures(proposals: Proposals, moved: Cutouts | None) -> Cutouts:
    """Of each pair the picture that covers more of its mask; the one that was found if they are equal."""
    found = proposals.pictures
    if moved is None:
        return found
    if len(moved) != len(found) or moved.size != found.size:
        raise InputError(f"moved must be {len(found)} pictures of {found.size}, found {len(moved)} of {moved.size}.")
    masks = proposals.masks
    covered = []
    for contents in (moved.contents(), found.contents()):
        seen = (contents.view(i, box) for i, box in enumerate(masks.boxes.tolist()))
        covered.append([int((view & window).sum()) for view, window in zip(seen, masks.windows, strict=True)])
    better = [a > b for a, b in zip(*covered, strict=True)]
    both = Cutouts.cat([moved, found])
    return both.select(i if is_better else i + len(found) for i, is_better in enumerate(better))


class _Desk:
    """The canvas while it is made."""

    def __init__(
        self, class_ids: Tensor, groups: ClassGroups, rules: CanvasRules, keys: Keys, as_released: bool
    ) -> None:
        self.groups, self.rules, self.keys, self.as_released = groups, rules, keys, as_released
        self.class_ids = class_ids.long().clone()
        self.owners = torch.full_like(self.class_ids, NOBODY)
        self.picture = torch.zeros(3, *class_ids.shape, device=class_ids.device)
        self.size = (class_ids.shape[0], class_ids.shape[1])

    def label(self, masks: Cutouts, row: int, class_id: int) -> None:
        """Change the class in a mask."""
        top, left, bottom, right = masks.boxes[row].tolist()
        self.class_ids[top:bottom, left:right].masked_fill_(masks.windows[row], class_id)

    def clear(self, masks: Cutouts, row: int, class_id: int) -> None:
        """A segment that nothing was found for."""
        self.label(masks, row, class_id)
        top, left, bottom, right = masks.boxes[row].tolist()
        self.picture[:, top:bottom, left:right].masked_fill_(masks.windows[row], 0)

    def paste(self, row: int, class_id: int, pictures: Cutouts, casters: Cutouts, keeps: Tensor) -> None:
        """A segment with its picture."""
        groups, rules = self.groups, self.rules
        # One pixel more on each side: outlines are found as in the whole frame.
        box = widen(pictures.boxes[row].tolist(), 1, self.size)
        top, left, bottom, right = box
        here = (slice(top, bottom), slice(left, right))
        piece = pictures.view(row, box).clone()
        cover = (piece.sum(dim=0) > 0).to(torch.int64)
        kept = self._kept(self.owners[here], cover, keeps)
        cover, piece = cover * (1 - kept), (piece * (1 - kept)).clamp(min=0)
        new = cover == 1
        self.class_ids[here].masked_fill_(new, class_id)
        self.owners[here].masked_fill_(new, row)
        if class_id in groups.shaded and rules.shaded:
            wide = widen(box, rules.shaded + 2, self.size)
            shadow = band(casters.view(row, wide), rules.shaded)
            piece[:, shadow[top - wide[0] : bottom - wide[0], left - wide[1] : right - wide[1]] & (cover != 0)] = 0
        if class_id in groups.leaking:
            piece[:, band(piece.sum(dim=0) > 0, rules.leaking)] = 0
        content = piece.sum(dim=0) > 0
        elided = choose_pixels(band(content, rules.inner) & content, (top, left), self.size, rules.ratio, self.keys)
        piece[:, elided] = WHITE
        total = content.to(torch.int64) + cover
        under = torch.where(total > 0, 1, total)  # as released it may be negative, which makes what is there brighter
        self.picture[:, top:bottom, left:right] = self.picture[:, top:bottom, left:right] * (1 - under) + piece

    def _kept(self, owners: Tensor, cover: Tensor, keeps: Tensor) -> Tensor:
        """Which pixels stay as they are, 0 or 1; as released a sum over the owners, without each one's own pixels."""
        wins = torch.cat([keeps, torch.zeros(1, dtype=torch.bool)]).to(owners.device)  # the last one stands for nobody
        own = (wins[owners] & (cover > 0)).long()
        if not self.as_released:
            return own
        owned = (owners != NOBODY) & (cover > 0)
        winners = int(wins[owners[owned].unique()].sum())
        return winners * owned.long() - own
