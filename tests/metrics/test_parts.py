import pytest
import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.metrics.parts import PartScores


def example() -> tuple[Tensor, Tensor, Tensor]:
    """Three objects of 1 x 4 pixels: two of category 7, one of 24."""
    target = torch.tensor([[[0, 1, 1, 2]], [[0, 0, 1, 2]], [[0, 1, 1, 1]]])
    predicted = torch.tensor([[[0, 1, 2, 2]], [[0, 1, 1, 2]], [[0, 1, 1, 0]]])
    return predicted, target, torch.tensor([7, 7, 24])


def test_accuracy_is_over_all_objects() -> None:
    scores = PartScores.none((7, 24, 36), 4).add(*example())
    assert scores.accuracy == pytest.approx(9 / 12)


def test_iou_is_over_the_parts_that_occur_without_background() -> None:
    scores = PartScores.none((7, 24, 36), 4).add(*example())
    assert scores.iou[0, :3].tolist() == pytest.approx([2 / 3, 2 / 4, 2 / 3])
    assert scores.iou[0, 3].isnan() and scores.iou[1, 2].isnan()
    assert scores.category_iou[:2].tolist() == pytest.approx([(1 / 2 + 2 / 3) / 2, 2 / 3])
    assert scores.mean_iou == pytest.approx(((1 / 2 + 2 / 3) / 2 + 2 / 3) / 2)


def test_a_part_that_the_category_lacks_is_no_part_of_the_mean() -> None:
    predicted, target, categories = example()
    predicted[2, 0, 1] = 3
    scores = PartScores.none((7, 24), 4).add(predicted, target, categories)
    assert scores.iou[1, 3] == 0
    assert scores.category_iou[1].item() == pytest.approx(1 / 3)


def test_counts_add_up() -> None:
    predicted, target, categories = example()
    whole = PartScores.none((24, 7), 4).add(predicted, target, categories)
    pieces = PartScores.none((24, 7), 4)
    for i in range(3):
        pieces = pieces.add(predicted[i : i + 1], target[i : i + 1], categories[i : i + 1])
    assert torch.equal(whole.confusion, pieces.confusion)


def test_bad_input() -> None:
    predicted, target, categories = example()
    with pytest.raises(InputError, match=r"category \[24\] is not among those counted, \[7\]"):
        PartScores.none((7,)).add(predicted, target, categories)
    with pytest.raises(InputError, match="m h w, m h w and m are needed"):
        PartScores.none((7,)).add(predicted[:1], target, categories)
