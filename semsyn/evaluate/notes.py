"""What a reader of figures should know: where a protocol was not kept to."""

from collections import Counter
from collections.abc import Iterator

from semsyn.evaluate.protocols import Protocol

Size = tuple[int, int]


def find_departures(
    protocol: Protocol, data_set: str, size: Size | None, filter: str, count: int, sizes: Counter[Size]
) -> Iterator[str]:
    """What differs from a protocol, or makes figures of pictures hard to compare.

    Args:
        protocol, data_set: that were named.
        size, filter: that were used.
        count: generated pictures.
        sizes: how many generated pictures are stored in a size.
    """
    own = protocol.size(data_set)
    if protocol.sizes and (size, filter) != (own, protocol.filter):
        assert own is not None
        now = "left as they are" if size is None else f"resized to {size[0]}x{size[1]} by {filter}"
        yield (
            f"pictures were {now}, but protocol {protocol.name!r} resizes to {own[0]}x{own[1]} by {protocol.filter}: "
            "the figures are not its own."
        )
    wanted = protocol.counts.get(data_set)
    if wanted not in (None, count):
        yield (
            f"{count} generated pictures, but protocol {protocol.name!r} has {wanted} of {data_set}: the FID of "
            "fewer is larger."
        )
    if size is None and len(sizes) > 1:
        listed = ", ".join(f"{n} of {h}x{w}" for (h, w), n in sizes.most_common(4))
        yield f"generated pictures have several sizes ({listed}): is a contact sheet among them?"
