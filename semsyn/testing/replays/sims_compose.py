"""Replays of SIMS' composer: the search in a bank, what it proposes, pairs of segments, the canvas."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from semsyn.data.bank.released_fields import pairs_from_fields, proposals_from_fields
from semsyn.data.bank.samples.order_sample import make_order_sample
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.nn.compose.canvas import CanvasRules, compose_canvas
from semsyn.nn.compose.order import Verdicts, draw_pairs, find_kept, find_kept_as_released, pair_segments
from semsyn.nn.compose.order_net import in_front
from semsyn.nn.compose.proposals import Proposals, no_windows, nothing_found
from semsyn.nn.compose.segments import Segments
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.sims_data import (
    GROUPS,
    PALETTE,
    K,
    channels_first,
    find_large,
    golden_keys,
    ids_of,
    open_bank,
    unpack_bits,
)


def bank_scenes(case: Case) -> list[tuple[Tensor, Tensor]]:
    """The photographs and maps of a case's bank; a photograph that it does without is grey."""
    names = sorted({key.split("/")[1] for key in case.inputs if key.startswith("bank/")})
    h, w = case.config["canvas"]
    grey = torch.full((h, w, 3), 128, dtype=torch.uint8)
    photos = [channels_first(case.inputs.get(f"bank/{name}/image_full", grey)) for name in names]
    return [(p, ids_of(case.inputs[f"bank/{n}/label_rgb"])) for p, n in zip(photos, names, strict=True)]


def search(case: Case) -> Results:
    """Kind ``search_top10``: the published slots of every segment; those that are too small have none."""
    results = {}
    queries = {key.split("/")[1]: ids_of(t) for key, t in case.inputs.items() if key.startswith("query/")}
    with open_bank(case, bank_scenes(case)) as bank:
        for name, class_ids in queries.items():
            found = bank.find_segments(class_ids)
            matches = bank.retrieve(found, as_released=True)
            areas = torch.tensor([[_joined_area(bank, i) for i in slots] for slots in matches.segments.tolist()])
            slots = {"iou": matches.overlaps.float(), "bank_index": matches.images + 1, "pole_area": areas}
            for class_id in range(K):
                wanted, rows = f"{name}/{class_id + 1:02d}", found.class_ids == class_id
                for key in slots if f"{wanted}/iou" in case.expected else ():
                    table = torch.zeros_like(case.expected[f"{wanted}/{key}"])
                    table[found.numbers[rows] - 1] = slots[key][rows].to(table)
                    results[f"{wanted}/{key}"] = table
    return results


def _joined_area(bank: SegmentBank, segment: int) -> int:
    """Pixels of a map."""
    return int(bank.joined(segment).windows[0].sum()) // bank.config.scale**2 if segment >= 0 else 0


def propose(case: Case) -> Results:
    """Kind ``proposals``: what is found at the size of the canvas, and what remains."""
    class_ids = ids_of(case.inputs["query_label_rgb"])
    with open_bank(case, bank_scenes(case)) as bank:
        found = bank.find_segments(class_ids)
        proposals = bank.propose(found, bank.retrieve(found, as_released=True))
    proposals = _with_backgrounds(proposals)
    is_found = proposals.is_found
    rows, remained = is_found.nonzero()[:, 0], (~is_found).nonzero()[:, 0]
    places = torch.where(is_found, is_found.cumsum(0), (~is_found).cumsum(0))
    pictures = (proposals.pictures.select(rows[:3]).frames() * 255).round()
    return {
        "all_class_flag": torch.stack([torch.where(is_found, 1, 2), places], dim=1),
        "class": proposals.class_ids[rows, None] + 1,
        "class_remained": proposals.class_ids[remained, None] + 1,
        "original_index": proposals.numbers[rows, None],
        "original_index_remained": proposals.numbers[remained, None],
        "proposal_iou": proposals.overlaps[rows, None],
        "response_index": proposals.images[rows, None] + 1,
        "mask": proposals.masks.select(rows).frames(),
        "mask_remained": proposals.masks.select(remained).frames(),
        "proposal_first3": pictures.movedim(1, -1),
        "proposal_pole_mask": proposals.joined.select(rows).frames(),
    }


def _with_backgrounds(proposals: Proposals) -> Proposals:
    """With an empty segment of each thin class in its place: the published lists have its background."""
    empty = Segments(
        torch.tensor(GROUPS.thin),
        torch.ones(len(GROUPS.thin), dtype=torch.int64),
        torch.zeros(len(GROUPS.thin), dtype=torch.int64),
        *(no_windows(len(GROUPS.thin), proposals.size),) * 2,
    )
    both = Proposals.cat([nothing_found(empty), proposals])
    places = torch.tensor(GROUPS.ranks)[both.class_ids] * (len(both) + 1) + both.numbers
    return both.in_order(places.argsort())


def order_pairs(case: Case) -> Results:
    """Kind ``order_pairs``: the pairs of a query and their pictures; those of training scenes and their targets."""
    found = find_large(case, ids_of(case.inputs["label_rgb"]))
    pairs = pair_segments(found.class_ids, GROUPS)
    colors = channels_first(PALETTE[ids_of(case.inputs["label_rgb"])])
    results = {
        "pair_index": _rows(found, pairs),
        "pair_rgb_first6": draw_pairs(pairs[:6], found.masks, colors).movedim(1, -1),
    }
    for key in case.inputs:
        if key.endswith("/disparity"):
            name = key.removesuffix("/disparity")
            scene = find_large(case, ids_of(case.inputs[f"{name}/label_rgb"]))
            sample = make_order_sample(scene, case.inputs[key], GROUPS)
            results[f"{name}/label"] = sample.winners + 1
            results[f"{name}/pair_rgb_area"] = scene.areas[sample.pairs].sum(dim=1)
    return results


def _rows(segments: Segments, pairs: Tensor) -> Tensor:
    """Pairs as the published files have them: both numbers, both classes."""
    return torch.cat([segments.numbers[pairs], segments.class_ids[pairs] + 1], dim=1)


def canvas(case: Case) -> Results:
    """Kind ``canvas``: as released or as intended, whichever the case's name says."""
    as_released = "released" in case.info["case"]
    scale = case.config["canvas"][0] // case.config["base"][0]
    base = ids_of(case.inputs["label_rgb"])
    layout = base.repeat_interleave(scale, 0).repeat_interleave(scale, 1)
    unpacked = {name: unpack_bits(case.inputs[name]) for name in ("mask", "mask_remained", "proposal_pole_mask")}
    proposals, moved = proposals_from_fields({**case.inputs, **unpacked}, partial(_casters, case))
    pairs, is_known = pairs_from_fields(case.inputs["pair_index"], proposals)  # what remained has no number here
    verdicts = Verdicts(pairs, *in_front(case.inputs["prediction"][is_known]))
    if as_released:
        keeps = find_kept_as_released(proposals.class_ids, proposals.numbers, proposals.is_found, verdicts)
    else:
        keeps = find_kept(proposals.class_ids, verdicts)
    inner, shaded, leaking, outer = case.config["se"]
    rules = CanvasRules(inner=inner, shaded=shaded, leaking=leaking, outer=outer)
    found = compose_canvas(
        layout, proposals, GROUPS, rules, keys=golden_keys, moved=moved, keeps=keeps, as_released=as_released
    )
    levels = (found.picture * 255 + 0.5).floor().clamp(0, 255)
    return {"canvas_u8": levels.movedim(0, -1), "label_rgb": PALETTE[found.class_ids]}


def _casters(case: Case, image: int) -> Tensor:
    h, w = case.config["canvas"]
    colors = case.inputs.get(f"bank_label_full/{image + 1}")
    bare = torch.zeros(h, w, dtype=torch.bool)
    return bare if colors is None else torch.isin(ids_of(colors), torch.tensor(GROUPS.casters))


HANDLERS: dict[str, Callable[[Case], Results]] = {
    "search_top10": search,
    "proposals": propose,
    "order_pairs": order_pairs,
    "canvas": canvas,
}
