"""The composer: from a layout and a bank to a canvas, as what conditions a painter."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.errors import InputError
from semsyn.functional.maps import resize_ids
from semsyn.models.sims.composition import Composition, Rules, arrange, fit_pictures, paste
from semsyn.nn.compose.order_net import OrderNet
from semsyn.nn.compose.proposals import Matches
from semsyn.nn.compose.segments import Segments
from semsyn.nn.compose.transform_net import TransformNet
from semsyn.nn.conditioning.conditioner import Conditioner, Prepared
from semsyn.records.codes import Codes, CodeSpec
from semsyn.records.condition import Condition
from semsyn.records.layout import Layout
from semsyn.records.style import Style

SLOTS = 10  # as released: so many photographs compete, whichever of them is taken


@dataclass(frozen=True, eq=False)
class Search:
    """What a bank has for one layout.

    Attributes:
        class_ids: the layout at the bank's size, h w.
        segments: of it.
        matches: for each of them.
    """

    class_ids: Tensor
    segments: Segments
    matches: Matches


class Composer(Conditioner):
    """Segments of a bank, put on a canvas in the places of a layout's regions; where that is bare a painter fills in.

    It writes the layout as far as the canvas agrees with it, and as planes the canvas in three colours and where it is
    filled. A layout that brings such planes is taken as it is, without a bank.

    Its two networks are trained alone, so nothing here has gradients.

    Args:
        rules: how segments are chosen and put together.
        transform_net: moves segments; None: they stay.
        order_net: tells which of two segments is in front; None: the order of their classes does.

    Attributes:
        bank: where segments come from; None: none was attached yet.
    """

    writes = ("class_ids", "planes")
    drawn = ("class_ids", "planes")
    brings = ("planes",)
    finds = ("searches", "canvas", "layout", "segments", "order", "warps")

    def __init__(
        self, rules: "Rules", *, transform_net: TransformNet | None = None, order_net: OrderNet | None = None
    ) -> None:
        super().__init__()
        self.rules = rules
        self.transform_net = transform_net
        self.order_net = order_net
        self.bank: SegmentBank | None = None
        self.picks = CodeSpec(name="picks", shape=(), per="region", law="uniform", stream=7)
        self.elision = CodeSpec(
            name="elision", shape=(), per="pixel", law="uniform", stream=8, stage=0, has_scale=False
        )
        self.codes = (*([self.picks] if rules.candidates > 1 else []), self.elision)
        self.requires_grad_(False)

    def prepare(self, layout: Layout, sizes: Sequence[tuple[int, int]]) -> Prepared:
        """What the bank has for each layout; or the canvas that it brings."""
        self.check(layout)
        (size,) = sizes
        if layout.planes is not None:
            planes = resize_ids(layout.planes, size)
            return Prepared((Condition(class_ids=resize_ids(layout.class_ids, size), planes=planes),))
        bank = self._find_bank(size)
        class_ids = resize_ids(layout.class_ids, bank.config.size)
        scenes, places = torch.unique(class_ids.cpu(), dim=0, return_inverse=True)  # samples of a scene share a search
        found = [self._search(bank, ids) for ids in scenes]
        searches = tuple(found[place] for place in places.tolist())
        _report_missing(bank, searches)
        return Prepared((Condition(class_ids=resize_ids(class_ids, size)),), extras={"searches": searches})

    def bind(self, prepared: Prepared, style: Style) -> tuple[Condition, ...]:
        """The condition with the canvas in it.

        Raises:
            InputError: if the style lacks a code, or one is of another size.
        """
        return self.show(prepared, style)[0]

    @torch.no_grad()
    def show(self, prepared: Prepared, style: Style) -> tuple[tuple[Condition, ...], Mapping[str, Any]]:
        """As `bind`; and ``canvas`` n 3 h w, the changed ``layout`` n h w, and for each picture its ``segments``
        (`Proposals`, from back to front), ``order`` (`Verdicts`) and ``warps`` (r 2 3)."""
        (cond,) = prepared.conditions
        if cond.planes is not None:
            return prepared.conditions, prepared.extras
        assert cond.class_ids is not None
        noise = self._read(style, self.elision, cond)
        picks = self._read(style, self.picks, cond) if self.rules.candidates > 1 else None
        found = [
            self._compose(search, ids, noise.table[i], None if picks is None else picks[i : i + 1])
            for i, (search, ids) in enumerate(zip(prepared.extras["searches"], cond.class_ids.cpu(), strict=True))
        ]
        device, dtype = cond.class_ids.device, noise.table.dtype
        canvas = torch.stack([c.canvas.picture for c in found]).to(device, dtype)
        filled = torch.stack([c.canvas.is_filled for c in found]).to(device)
        class_ids = torch.stack([c.canvas.class_ids for c in found]).to(device)
        planes = torch.cat([canvas, filled[:, None].to(canvas)], dim=1)
        extras = {
            "canvas": canvas,
            "layout": class_ids,
            "segments": tuple(c.proposals for c in found),
            "order": tuple(c.verdicts for c in found),
            "warps": tuple(c.warps for c in found),
        }
        return (Condition(class_ids=class_ids, planes=planes),), {**prepared.extras, **extras}

    def _find_bank(self, size: tuple[int, int]) -> SegmentBank:
        if self.bank is None:
            raise InputError(
                "this generator composes its pictures out of a bank of segments, and has none yet: "
                'generator.attach("bank", FOLDER), on the command line --bank FOLDER. `semsyn prepare bank` builds one.'
            )
        if (found := self.bank.config.photo_size) != size:
            raise InputError(
                f"the bank's photographs are {found[0]} x {found[1]}, so pictures are, too, not {size[0]} x {size[1]}: "
                "leave size= out, or build a bank at that size."
            )
        return self.bank

    def _search(self, bank: SegmentBank, class_ids: Tensor) -> Search:
        segments = bank.find_segments(class_ids)
        is_released = self.rules.order == "released"
        count = max(SLOTS, self.rules.candidates) if is_released else self.rules.candidates
        return Search(class_ids, segments, bank.retrieve(segments, count=count, as_released=is_released))

    def _read(self, style: Style, spec: CodeSpec, cond: Condition) -> Codes:
        codes = style.find(spec.name)
        spec.check(codes, images=cond.batch)
        if spec.per == "pixel" and codes.size != cond.size:
            raise InputError(f"codes {spec.name!r} must be maps of {cond.size}, found {codes.size} (height, width).")
        return codes

    def _compose(self, search: Search, class_ids: Tensor, noise: Tensor, picks: Codes | None) -> Composition:
        assert self.bank is not None
        bank, segments = self.bank, search.segments
        chosen = None if picks is None else _pick(segments, picks.dense(bank.config.size)[0].cpu())
        proposals, warps = fit_pictures(bank.propose(segments, search.matches, chosen), class_ids, self)
        arrangement = arrange(search.class_ids, segments, proposals, bank, self)
        return paste(class_ids, proposals, warps, arrangement, noise.cpu().float(), bank.groups, self.rules)


def _pick(segments: Segments, picks: Tensor) -> Tensor:
    """The pick of each segment: that of its first pixel, r."""
    places = []
    for (top, left, _, _), mask in zip(segments.masks.boxes.tolist(), segments.masks.windows, strict=True):
        row, column = divmod(int(mask.flatten().byte().argmax()), mask.shape[1])
        places.append(picks[top + row, left + column])
    return torch.stack(places) if places else picks.new_zeros(0)


def _report_missing(bank: SegmentBank, searches: Sequence[Search]) -> None:
    """Warn of classes that layouts show and the bank does not hold."""
    shown = {int(c) for search in searches for c in search.segments.class_ids}
    if missing := [bank.space.classes[c] for c in sorted(shown) if not bank.class_counts[c]]:
        warnings.warn(
            f"the bank holds no segments of {', '.join(missing)}: what is there is painted without any.",
            UserWarning,
            stacklevel=2,
        )
