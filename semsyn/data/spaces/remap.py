"""Ways to read a label map whose ids do not fit a label space."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from semsyn.labels import UNKNOWN, LabelSpace
from semsyn.signature import checked

USUAL_VOID_IDS = (255, 65535)  # besides negative ones


@dataclass(frozen=True)
class RemapProposal:
    """One way to read a map.

    Attributes:
        remap: the stored ids that change → class ids.
        reason: why one may think so.
        space: name of the label space that reads them so; None: there is none.
    """

    remap: dict[int, int]
    reason: str
    space: str | None = None


@checked()
def propose_remap(
    histogram: Mapping[int, int], space: LabelSpace, *, alternatives: Iterable[LabelSpace] = ()
) -> list[RemapProposal]:
    """Ways to read a map whose ids do not fit a label space, the likeliest first.

    Args:
        histogram: stored id → pixels, as `count_ids` gives it.
        space: the space that the network knows.
        alternatives: spaces with the same classes that store them differently (train ids, ids that count from 1).

    Returns:
        Proposals; each makes every id of the histogram known. Empty if every id is known already, or nothing fits.
    """
    k = space.num_classes
    void = k if space.void is None else space.void

    def looks_void(stored_id: int) -> bool:
        return stored_id < 0 or stored_id in USUAL_VOID_IDS or stored_id in space.void_ids

    unknown = {i for i in histogram if space.stored_ids.get(i, UNKNOWN) < 0}
    if not unknown:
        return []
    proposals = []
    if set(histogram) == {0, 255} and k > 1:
        reason = "0 and 255 alone are a mask, so 255 seems to be the second class" + ("" if k == 2 else ", or another")
        proposals.append(RemapProposal({255: 1}, reason))
    for other in alternatives:
        ids = {i: other.stored_ids.get(i, UNKNOWN) for i in histogram}
        strays = [i for i in ids if i in other.void_ids and not looks_void(i)]
        if other != space and other.classes == space.classes and min(ids.values()) >= 0 and not strays:
            remap = {i: c for i, c in ids.items() if space.stored_ids.get(i, UNKNOWN) != c}
            proposals.append(RemapProposal(remap, f"the ids fit label space {other.name!r}", other.name))
    labelled = {i for i in histogram if not looks_void(i)}
    if labelled and min(labelled) >= 0 and max(labelled) == k:
        remap = {i: i - 1 if i in labelled and i else void for i in sorted(histogram)}
        proposals.append(RemapProposal(remap, "the ids seem to count from 1"))
    if all(looks_void(i) for i in unknown):
        proposals.append(RemapProposal(dict.fromkeys(sorted(unknown), void), "the unknown ids look like void labels"))
    return proposals
