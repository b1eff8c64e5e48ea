"""device=, dtype= and reset_parameters, as torch's own layers have them, and what layers say of themselves."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from semsyn.nn import (
    CLADE,
    INADE,
    SPADE,
    BatchNorm,
    InstanceConv2d,
    InstanceNorm,
    LabelConv2d,
    PartModulation,
    SpatiallyConditionalConv2d,
    SpatiallyConditionalNorm,
    SyncBatchNorm,
)

LAYERS: dict[str, Callable[..., nn.Module]] = {
    "CLADE(6, num_classes=5, reads=('class_ids', 'edges', 'offsets')": partial(
        CLADE, 6, 5, has_edges=True, has_offsets=True
    ),
    "SPADE(6, num_classes=5, reads=('class_ids',)": partial(SPADE, 6, 5, hidden=4),
    "INADE(6, num_classes=5, reads=('regions',)": partial(INADE, 6, 5, 3),
    "InstanceConv2d(4, 6, kernel_size=3, stride=1": partial(InstanceConv2d, 4, 6),
    "LabelConv2d(5 classes + 1 planes, 6, kernel_size=3)": partial(LabelConv2d, 5, 6, num_planes=1),
    "PartModulation(6, part_channels=3": partial(PartModulation, 6, 3),
    "SpatiallyConditionalConv2d(6, num_experts=3, is_interleaved=False": partial(
        SpatiallyConditionalConv2d, 4, 6, 3, bias=True
    ),
    "SpatiallyConditionalNorm(6, num_experts=3": partial(SpatiallyConditionalNorm, 6),
}


def names() -> list[str]:
    return [shown.partition("(")[0] for shown in LAYERS]


@pytest.mark.parametrize("make", LAYERS.values(), ids=names())
def test_device_and_dtype_are_taken(make: Callable[..., Any]) -> None:
    double, nowhere = make(dtype=torch.float64), make(device="meta")
    floats = [t for t in (*double.parameters(), *double.buffers()) if t.is_floating_point()]
    assert floats and {t.dtype for t in floats} == {torch.float64}
    assert {t.device.type for t in (*nowhere.parameters(), *nowhere.buffers())} == {"meta"}
    assert torch.nn.utils.skip_init(make.func, *make.args, **make.keywords).state_dict().keys() == (  # type: ignore[attr-defined]
        double.state_dict().keys()
    )


@pytest.mark.parametrize("make", LAYERS.values(), ids=names())
def test_parameters_are_drawn_anew_as_they_were_drawn_first(make: Callable[..., Any]) -> None:
    layer = make()
    with torch.no_grad():
        for p in layer.parameters():
            p.fill_(7)
    layer.reset_parameters()
    for name, p in layer.named_parameters():
        assert not (p == 7).any(), f"{name} was not drawn anew"
        assert p.abs().max() <= 1, f"{name} was drawn wider than at first"


@pytest.mark.parametrize("shown", LAYERS, ids=names())
def test_they_show_their_sizes(shown: str) -> None:
    assert re.sub(r"\(\n\s+", "(", repr(LAYERS[shown]())).startswith(shown)


@pytest.mark.parametrize("kind", [BatchNorm, SyncBatchNorm])
def test_norms_without_parameters_take_them_too(kind: Callable[..., nn.Module]) -> None:
    norm = kind(6, dtype=torch.float64)
    assert {t.dtype for t in norm.buffers() if t.is_floating_point()} == {torch.float64}
    assert {t.device.type for t in kind(6, device="meta").buffers()} == {"meta"}
    assert repr(InstanceNorm(6)) == "InstanceNorm(6, eps=1e-05)"
