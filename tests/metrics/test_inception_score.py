import math

import pytest
import torch

from semsyn.errors import InputError
from semsyn.metrics import inception_score
from semsyn.metrics.inception_score import ScoreSums


def test_sure_and_varied_pictures_score_the_number_of_classes():
    sure = 1000.0 * torch.eye(5).repeat(4, 1)
    assert inception_score(sure) == pytest.approx((5.0, 0.0))
    assert inception_score(sure, splits=4) == pytest.approx((5.0, 0.0))


def test_equal_or_unsure_pictures_score_one():
    assert inception_score(torch.randn(1, 7).expand(6, 7)) == pytest.approx((1.0, 0.0))
    assert inception_score(torch.zeros(6, 7)) == pytest.approx((1.0, 0.0))


def test_splits_are_parts_in_order_and_a_remainder_is_left_out():
    logits = torch.randn(11, 6)
    scores = [inception_score(part)[0] for part in logits[:9].split(3)]
    mean = sum(scores) / 3
    deviation = math.sqrt(sum((score - mean) ** 2 for score in scores) / 3)
    assert inception_score(logits, splits=3) == pytest.approx((mean, deviation))


def test_two_pictures_by_hand():
    p = torch.tensor([[0.75, 0.25], [0.25, 0.75]])
    divergence = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert inception_score(p.log())[0] == pytest.approx(math.exp(divergence))


@pytest.mark.parametrize("splits", [0, -1, 4])
def test_empty_splits_are_refused(splits):
    with pytest.raises(InputError, match=f"3 pictures cannot be cut into {splits} splits"):
        inception_score(torch.zeros(3, 2), splits=splits)


def test_pictures_in_any_order_and_from_several_processes():
    logits = torch.randn(11, 5)
    order = torch.randperm(11)
    parts = [ScoreSums.none(11, 5, splits=3) for _ in range(2)]
    for number, few in enumerate(order.split(3)):
        parts[number % 2] = parts[number % 2].add(logits[few], few)
    assert parts[0].merge(parts[1]).score() == pytest.approx(inception_score(logits, splits=3), rel=1e-12)
    with pytest.raises(InputError, match="3 of each split are needed"):
        parts[0].score()
