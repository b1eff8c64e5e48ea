"""The steps from what a bank proposes to a canvas: moving segments, putting them in order, pasting."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.errors import InputError
from semsyn.labels import LabelSpace
from semsyn.models.sims.config import Order, SIMSConfig
from semsyn.nn.compose.canvas import Canvas, CanvasRules, choose_pictures, compose_canvas
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.cutouts import Cutouts
from semsyn.nn.compose.elision import noise_keys
from semsyn.nn.compose.order import (
    Verdicts,
    draw_pairs,
    find_kept,
    find_kept_as_released,
    keep_overlapping,
    pair_segments,
    sort_by_graph,
)
from semsyn.nn.compose.order_net import OrderNet, in_front
from semsyn.nn.compose.proposals import Proposals
from semsyn.nn.compose.sampler import warp
from semsyn.nn.compose.segments import Segments, smallest_area
from semsyn.nn.compose.transform_net import IDENTITY, TransformNet

AT_ONCE = 8  # segments or pairs that a network sees in one go


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How segments are chosen and put together; see `SIMSConfig`."""

    order: Order
    has_whole_steps: bool
    candidates: int
    canvas: CanvasRules

    @classmethod
    def of(cls, config: SIMSConfig) -> "Rules":
        """Those of a config."""
        canvas = CanvasRules(
            inner=config.inner_band,
            shaded=config.shade_band,
            leaking=config.leak_band,
            outer=config.outer_band,
            ratio=config.elided,
        )
        return cls(
            order=config.order, has_whole_steps=config.has_whole_steps, candidates=config.candidates, canvas=canvas
        )


class Networks(Protocol):
    """Who moves and orders segments."""

    rules: Rules
    transform_net: TransformNet | None
    order_net: OrderNet | None


@dataclass(frozen=True, eq=False)
class Composition:
    """How one canvas came about.

    Attributes:
        proposals: segments in the order in which they were pasted, with the pictures that were.
        warps: r 2 3, how each was moved, in their order.
        verdicts: who was judged to be in front; pairs count segments as the layout does.
        canvas: what came out.
    """

    proposals: Proposals
    warps: Tensor
    verdicts: Verdicts
    canvas: Canvas


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Who covers whom.

    Attributes:
        verdicts: of the order network.
        order: r indices, back to front.
        keeps: r r, see `compose_canvas`; None: whoever is pasted later covers.
    """

    verdicts: Verdicts
    order: Tensor
    keeps: Tensor | None = None


def fit_pictures(proposals: Proposals, class_ids: Tensor, by: Networks) -> tuple[Proposals, Tensor]:
    """Move the pictures of proposals to where they cover more of their masks; those that gain nothing stay.

    Args:
        proposals: r of them.
        class_ids: the layout, h w.
        by: who moves.

    Returns:
        the proposals with the pictures that are pasted, and the transformations, r 2 3.
    """
    warps = torch.tensor(IDENTITY).view(1, 2, 3).repeat(len(proposals), 1, 1)
    rows = proposals.is_found.nonzero()[:, 0]
    if by.transform_net is None or not len(rows):
        return proposals, warps
    pictures = [proposals.pictures.select([i]) for i in range(len(proposals))]
    parameter = next(by.transform_net.parameters())
    for some in rows.split(AT_ONCE):
        segments = proposals.pictures.select(some).frames().to(parameter)
        masks = proposals.masks.select(some).frames().to(parameter)
        layouts = class_ids[None].to(parameter.device)
        theta = by.transform_net(segments, masks, layouts, torch.zeros_like(some, device=parameter.device)).float()
        theta = theta.round() if by.rules.has_whole_steps else theta
        moved = warp(segments, theta).float().cpu()
        warps[some] = theta.cpu()
        for row, frame in zip(some.tolist(), moved, strict=True):
            pictures[row] = Cutouts.of(frame[None])
    return proposals.with_pictures(choose_pictures(proposals, Cutouts.cat(pictures))), warps


def arrange(
    class_ids: Tensor, segments: Segments, proposals: Proposals, bank: SegmentBank, by: Networks
) -> Arrangement:
    """Put proposals in order, by the network where there is one, else by their classes.

    Only pairs whose pictures overlap are looked at; all of them where the released slip may ask for any.

    Args:
        class_ids: the layout at the bank's size, h w.
        segments: of it.
        proposals: for them.
        bank: the order of its classes, and their colours.
        by: who judges, and how that is used.
    """
    order = torch.arange(len(segments))
    nothing = Verdicts(torch.zeros(0, 2, dtype=torch.int64), *in_front(torch.zeros(0, 2)))
    if by.order_net is None or by.rules.order == "coarse":
        return Arrangement(nothing, order)
    large = (segments.areas > smallest_area(segments.size, bank.config.smallest)).nonzero()[:, 0]
    pairs = large[pair_segments(segments.class_ids[large], bank.groups)]
    if by.rules.order != "released":
        pairs = keep_overlapping(pairs, proposals.pictures)
    verdicts = _judge(pairs, segments, color_layout(class_ids, bank.space), by.order_net) if len(pairs) else nothing
    if by.rules.order == "graph":
        return Arrangement(verdicts, sort_by_graph(segments.class_ids, verdicts))
    if by.rules.order == "intended":
        return Arrangement(verdicts, order, find_kept(segments.class_ids, verdicts))
    kept = find_kept_as_released(segments.class_ids, segments.numbers, proposals.is_found, verdicts)
    return Arrangement(verdicts, order, kept)


def _judge(pairs: Tensor, segments: Segments, colors: Tensor, net: OrderNet) -> Verdicts:
    parameter = next(net.parameters())
    layout, logits = colors[None].to(parameter), []
    for some in pairs.split(AT_ONCE):
        seen = draw_pairs(some, segments.masks, colors).to(parameter)
        logits.append(net(seen, layout, torch.zeros(len(some), dtype=torch.int64, device=parameter.device)))
    return Verdicts(pairs, *in_front(torch.cat(logits).float().cpu()))


def color_layout(class_ids: Tensor, space: LabelSpace) -> Tensor:
    """A layout h w in the palette's colours, 3 h w in [0, 1]; no class is black.

    Raises:
        InputError: if the label space has no palette.
    """
    if not space.palette:
        raise InputError(
            f"the network that orders segments sees colours, but label space {space.name!r} of the bank has no "
            "palette: give it one."
        )
    palette = torch.tensor([*space.palette, (0, 0, 0)]) / 255
    return palette[class_ids].movedim(2, 0).contiguous()


def paste(
    class_ids: Tensor,
    proposals: Proposals,
    warps: Tensor,
    arrangement: Arrangement,
    noise: Tensor,
    groups: ClassGroups,
    rules: Rules,
) -> Composition:
    """Paste proposals as they were arranged.

    Args:
        class_ids: the layout, h w.
        proposals, warps: r of them.
        arrangement: of them.
        noise: h w: of the pixels that may be left out, those with the smallest numbers are.
        groups: of the classes.
        rules: how.
    """
    ordered, moved = proposals.in_order(arrangement.order), warps[arrangement.order]
    canvas = compose_canvas(
        class_ids,
        ordered,
        groups,
        rules.canvas,
        keys=noise_keys(noise),
        keeps=arrangement.keeps,
        as_released=rules.order == "released",
    )
    return Composition(ordered, moved, arrangement.verdicts, canvas)
