import pytest
import torch
from torch import Tensor

from semsyn.data.parts.choose_supports import CONSIDERED, choose_supports
from semsyn.errors import InputError


def make_maps() -> Tensor:
    """Four squares at the left, two bars at the top, one disc without part 2 and a speck."""
    maps = torch.zeros(8, 16, 16, dtype=torch.uint8)
    for index in range(4):
        maps[index, 2:10, index : index + 6], maps[index, 2:4, index : index + 6] = 1, 2
    for index in range(2):
        maps[4 + index, 0 : 3 + index, 8:], maps[4 + index, 0, 8:] = 1, 2
    maps[6, 10:16, 10:16] = 1
    maps[7, 15, 0], maps[7, 15, 1] = 1, 2
    return maps


def test_each_kind_of_shape_gets_its_support() -> None:
    maps = make_maps()
    supports = choose_supports(maps, torch.full((8,), 5), 3)
    picked = [int((maps == support).flatten(1).all(1).nonzero()[0, 0]) for support in supports.part_ids[0]]
    assert picked[0] in (1, 2) and picked[1] in (4, 5), "the middle of the largest group first"
    assert 6 not in picked, "it lacks a part"


def test_maps_that_lack_parts_where_there_are_no_others() -> None:
    maps = make_maps()[[6, 7]]
    assert choose_supports(maps, torch.tensor([5, 5]), 2).part_ids.shape == (1, 2, 16, 16)


def test_categories_do_not_mix() -> None:
    maps = make_maps()
    supports = choose_supports(maps[:6], torch.tensor([9, 9, 9, 2, 2, 2]), 3)
    assert supports.categories.tolist() == [2, 9]
    assert {m.numpy().tobytes() for m in supports.part_ids[1]} == {m.numpy().tobytes() for m in maps[:3]}


def test_only_the_first_ones_are_looked_at() -> None:
    many = make_maps()[:1].repeat(CONSIDERED + 3, 1, 1)
    many[CONSIDERED:] = make_maps()[4]
    supports = choose_supports(many, torch.zeros(len(many), dtype=torch.int64), 3)
    assert (supports.part_ids == many[0]).all()


def test_too_few_maps() -> None:
    with pytest.raises(InputError, match="category 4 has 2 part maps, too few for 3 supports"):
        choose_supports(make_maps()[:2], torch.tensor([4, 4]))
