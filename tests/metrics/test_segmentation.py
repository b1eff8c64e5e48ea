import pytest
import torch

from semsyn.errors import InputError
from semsyn.metrics import confusion_matrix, mean_iou
from semsyn.metrics.segmentation import class_iou, frequency_weighted_iou, pixel_accuracy


def test_iou_by_hand():
    target = torch.tensor([[0, 0, 1, 1, 7]])  # 7 is no class and does not count
    predicted = torch.tensor([[0, 1, 1, 1, 0]])
    confusion = confusion_matrix(predicted, target, 3)
    assert confusion.tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert class_iou(confusion)[:2].tolist() == [1 / 2, 2 / 3]
    assert class_iou(confusion)[2].isnan()
    assert mean_iou(confusion) == pytest.approx(7 / 12)


def test_batches_add_up():
    target, predicted = torch.randint(0, 4, (6, 5, 5)), torch.randint(0, 4, (6, 5, 5))
    parts = sum(confusion_matrix(p, t, 4) for p, t in zip(predicted, target, strict=True))
    assert torch.equal(parts, confusion_matrix(predicted, target, 4))


def test_shapes_must_agree():
    with pytest.raises(InputError, match=r"\(1, 2\)"):
        confusion_matrix(torch.zeros(1, 2, dtype=torch.long), torch.zeros(1, 3, dtype=torch.long), 2)


def test_accuracy_and_weighted_iou_by_hand():
    confusion = torch.tensor([[3, 1, 0], [2, 4, 0], [0, 0, 0]])
    assert pixel_accuracy(confusion) == pytest.approx(7 / 10)
    assert frequency_weighted_iou(confusion) == pytest.approx(4 / 10 * 3 / 6 + 6 / 10 * 4 / 7)
    for measure in (pixel_accuracy, frequency_weighted_iou):
        assert measure(torch.zeros(2, 2, dtype=torch.long)) != measure(torch.zeros(2, 2, dtype=torch.long)), "NaN"
        with pytest.raises(InputError, match="confusion must be"):
            measure(torch.zeros(2, 3, dtype=torch.long))
