"""How many pictures each map gets, so that rare classes are not as rare."""

import math
from collections import Counter
from collections.abc import Sequence, Set


def share_pictures(shown: Sequence[Set[int]], per_map: int, *, is_balanced: bool) -> list[int]:
    r"""Pictures of each map.

    Balanced, a map's share is its repeat factor, that of its rarest class:

    .. math:: r = \max_{c \in \text{map}} f_c^{-1/2}

    with f the share of maps that show a class.

    Args:
        shown: class ids of each map.
        per_map: pictures of a map, or on average: at least 1 of each, and as many in all but for rounding.
        is_balanced: False: all alike.

    Reference: Gupta et al., "LVIS: A Dataset for Large Vocabulary Instance Segmentation", arXiv:1908.03195, section 4.
    """
    if not is_balanced:
        return [per_map] * len(shown)
    maps = Counter(class_id for classes in shown for class_id in classes)
    factors = [max((math.sqrt(len(shown) / maps[c]) for c in classes), default=1.0) for classes in shown]
    total = per_map * len(shown) / sum(factors)
    return [max(1, round(factor * total)) for factor in factors]
