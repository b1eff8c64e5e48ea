"""A layout of every kind, and the sizes of four stages."""

from collections.abc import Callable

import pytest
import torch

from semsyn import Layout

Size = tuple[int, int]


@pytest.fixture
def sizes() -> tuple[Size, ...]:
    return (2, 3), (4, 6), (4, 6), (8, 12)


@pytest.fixture
def make_layout() -> Callable[[tuple[str, ...]], Layout]:
    def make(requires: tuple[str, ...]) -> Layout:
        rng = torch.Generator().manual_seed(0)
        label_map, instance_map = (torch.randint(4, (2, 9, 14), generator=rng) for _ in "li")
        planes = torch.randn(2, 1, 9, 14, generator=rng) if "planes" in requires else None
        return Layout.of(label_map, instance_map, space=4, requires=requires, planes=planes)

    return make
