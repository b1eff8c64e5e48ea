import pytest
import torch

from semsyn.errors import InputError
from semsyn.evaluate.map_agreement import MapAgreement

TARGET = torch.tensor([[0, 0, 0, 1, 1, 3, 3, 3]])  # 3 is void
FOUND = torch.tensor([[0, 0, 1, 1, 3, 3, 0, 2]])


def test_void_does_not_count_unless_it_is_asked_for():
    agreement = MapAgreement("abc")
    agreement.add(FOUND, TARGET)
    figures = agreement.figures()
    assert figures["iou"]["a"] == pytest.approx(2 / 3) and figures["iou"]["b"] == pytest.approx(1 / 3)
    assert figures["iou"]["c"] != figures["iou"]["c"], "found alone: it has no truth to be a mean of"
    assert figures["miou"] == pytest.approx(1 / 2) and figures["accuracy"] == pytest.approx(3 / 5)
    assert figures["fwiou"] == pytest.approx(3 / 5 * 2 / 3 + 2 / 5 / 3)
    assert figures["mean_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)

    strict = MapAgreement("abc", is_void_counted=True)
    strict.add(FOUND, TARGET)
    assert strict.figures()["accuracy"] == pytest.approx(3 / 8)
    assert strict.figures()["iou"]["a"] == pytest.approx(2 / 4)


def test_a_class_that_means_void():
    agreement, other = MapAgreement("abcd", void=3), MapAgreement("abc")
    agreement.add(FOUND, TARGET)
    other.add(FOUND, TARGET)
    assert agreement.figures()["miou"] == other.figures()["miou"]


def test_maps_that_are_void_all_over():
    agreement = MapAgreement("ab")
    agreement.add(torch.zeros(2, 2, dtype=torch.long), torch.full((2, 2), 2))
    with pytest.raises(InputError, match="void all over"):
        agreement.figures()
