"""Codes that are drawn for each connected region of one class."""

import torch

from semsyn.records.codes import CodeSpec, number_regions
from semsyn.records.layout import Layout
from semsyn.records.style import Style

PICKS = CodeSpec(name="picks", shape=(), per="region", law="uniform", stream=7)


def make_layout():
    class_ids = torch.zeros(2, 4, 6, dtype=torch.int64)
    class_ids[:, :, 3] = 1  # one class between two regions of another
    class_ids[1, 0, 0] = 2
    return Layout(class_ids=class_ids)


def draw(layout, seeds):
    return PICKS.draw(layout, seeds, num_classes=3, sizes=())


def test_regions_are_numbered_in_each_map():
    ids = number_regions(make_layout().class_ids)
    assert ids[0].unique().tolist() == [0, 1, 2] and ids[1].unique().tolist() == [0, 1, 2, 3]
    assert ids[0, 0].tolist() == [0, 0, 0, 1, 2, 2]
    assert number_regions(torch.zeros(0, 4, 6, dtype=torch.int64)).shape == (0, 4, 6)


def test_each_region_has_a_code_of_its_own_that_hangs_on_seed_and_number():
    layout = make_layout()
    codes = draw(layout, [5, 6])
    assert codes.per == "region" and codes.table.shape == (2, 4) and codes.has_pixels
    assert ((codes.table >= 0) & (codes.table < 1)).all() and len(codes.table.unique()) == 8
    assert torch.equal(draw(layout[1:], [6]).table[0], codes.table[1])
    assert torch.equal(draw(layout[:1], [5]).table[0], codes.table[0, :3])
    dense = codes.dense()
    assert dense[0, 0, 0] != dense[0, 0, 5] and dense[0, 0, 0] == dense[0, 3, 2]


def test_some_regions_are_drawn_anew():
    layout = make_layout()
    style, other = (Style({"picks": draw(layout, seeds)}) for seeds in ([1, 2], [3, 4]))
    mixed = style.mix(other, classes=[1], layout=layout)["picks"].dense()
    here = layout.class_ids == 1
    assert torch.equal(mixed[here], other["picks"].dense()[here])
    assert torch.equal(mixed[~here], style["picks"].dense()[~here])
