import pytest
import torch

from semsyn.data.spaces.label_space import label_space
from semsyn.data.spaces.remap import propose_remap
from semsyn.labels import LabelSpace, count_ids

SPACE = LabelSpace(name="three", classes=("sky", "sea", "sand"))


def test_ids_are_counted():
    assert count_ids(torch.tensor([[3, 1], [3, -1]])) == {-1: 1, 1: 1, 3: 2}


def test_known_ids_need_nothing():
    assert propose_remap({0: 5, 2: 1}, SPACE) == []


@pytest.mark.parametrize("void_id", [255, 65535, -1])
def test_void_is_recognised(void_id):
    (proposal,) = propose_remap({0: 5, 1: 5, void_id: 9}, SPACE)
    assert proposal.remap == {void_id: 3}
    assert "void" in proposal.reason


def test_ids_that_count_from_one_are_shifted():
    proposals = propose_remap({0: 4, 1: 5, 3: 9, 255: 1}, SPACE)
    assert proposals[0].remap == {0: 3, 1: 0, 3: 2, 255: 3}
    assert len(proposals) == 1


def test_train_ids_of_cityscapes_are_recognised():
    histogram = dict.fromkeys([0, 2, 10, 13, 255], 100)
    space = label_space("cityscapes")
    proposals = propose_remap(
        histogram, space, alternatives=[label_space("cityscapes-train-ids"), label_space("celeba")]
    )
    assert proposals[0].remap == {0: 7, 2: 11, 10: 23, 13: 26, 255: 0}
    assert "cityscapes-train-ids" in proposals[0].reason
    assert [p.remap for p in proposals[1:]] == [{255: 35}]


def test_label_ids_of_cityscapes_are_not_taken_for_train_ids():
    histogram = dict.fromkeys([7, 26, 33, 255], 100)
    proposals = propose_remap(histogram, label_space("cityscapes"), alternatives=[label_space("cityscapes-train-ids")])
    assert [p.remap for p in proposals] == [{255: 35}]


def test_foreign_ids_get_no_proposal():
    assert propose_remap({0: 1, 77: 5, 254: 3}, SPACE) == []


def test_a_mask_has_two_classes_before_it_has_a_void():
    two = LabelSpace(name="two", classes=("background", "lesion"))
    mask, void = propose_remap({0: 5, 255: 3}, two)
    assert (mask.remap, void.remap) == ({255: 1}, {255: 2})
    assert "second class, or another" in propose_remap({0: 5, 255: 3}, SPACE)[0].reason
