"""Parts of figures, which processes of ``torchrun`` have each for themselves."""

from typing import TypeVar

import torch.distributed as dist

T = TypeVar("T")


def gather_parts(own: T) -> list[T]:
    """What each process has, in order of their ranks; one that is alone has the only part."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return [own]
    parts = [own] * dist.get_world_size()
    dist.all_gather_object(parts, own)
    return parts
