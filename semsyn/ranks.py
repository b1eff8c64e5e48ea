"""Which of several processes this one is, as ``torchrun`` says."""

from collections.abc import Mapping
from typing import NamedTuple

from semsyn.errors import InputError


class Ranks(NamedTuple):
    """A process among others.

    Attributes:
        rank: its number, from 0.
        size: how many there are.
        local_rank: its number on its machine; picks the GPU.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0


def read_ranks(environment: Mapping[str, str]) -> Ranks:
    """Read RANK, WORLD_SIZE and LOCAL_RANK; without them this process is alone.

    Raises:
        InputError: if they are no numbers, or do not go together.
    """
    texts = [environment.get(name, "") for name in ("RANK", "WORLD_SIZE")]
    if not any(texts):
        return Ranks()
    texts.append(environment.get("LOCAL_RANK", "") or texts[0])
    if not all(text.isdecimal() and len(text) < 8 for text in texts) or int(texts[0]) >= int(texts[1]):
        raise InputError(
            f"RANK={texts[0]!r} and WORLD_SIZE={texts[1]!r} do not go together; unset both, or use torchrun."
        )
    return Ranks(*map(int, texts))
