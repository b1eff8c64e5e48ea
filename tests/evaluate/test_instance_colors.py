import pytest
import torch

from semsyn.evaluate.instance_colors import correlation, instances_by_class, measure_diversity, measure_transfer
from semsyn.records.layout import Layout


def test_exact_transfer_correlates_fully(by_instance, scenes):
    found = measure_transfer(by_instance, scenes)
    assert found["color_correlation"] == pytest.approx(1, abs=1e-3)
    assert found["color_correlation_within_class"] == pytest.approx(1, abs=1e-3)
    assert found["pairs"] > len(scenes)


def test_one_colour_for_all_follows_less(at_once, scenes):
    found = measure_transfer(at_once, scenes)
    assert found["color_correlation"] < 0.9
    assert found["color_correlation_within_class"] < 0.99


def test_two_draws_lie_apart_as_far_as_their_codes(by_instance, at_once, scenes):
    for generator in (by_instance, at_once):
        found = measure_diversity(generator, scenes, count=3)
        assert found["mean_levels"] == pytest.approx(127.5 / 3, rel=0.5)  # of two uniform draws in [0, 1], a third
        assert 0.8 < found["share_over_4_levels"] <= 1


def test_only_the_code_of_the_instance_is_drawn_anew(by_instance, scenes):
    layout, _ = scenes.batch([0])
    largest = [ids[0] for ids in instances_by_class(layout).values()]
    pictures = []
    paint = type(by_instance).__call__

    class Watched(type(by_instance)):
        def __call__(self, layout, style):
            pictures.append(paint(self, layout, style))
            return pictures[-1]

    measure_diversity(Watched(), scenes, count=1)
    first, *others = pictures
    assert len(others) == len(largest)
    for instance, picture in zip(largest, others, strict=True):
        changed = (picture != first).any(1)
        assert bool(((layout.instance_ids == instance) | ~changed).all()) and bool(changed.any())


def test_instances_are_sorted_and_tiny_ones_left_out():
    instance_ids = torch.zeros(1, 16, 16, dtype=torch.int64)
    instance_ids[0, :5, :5], instance_ids[0, 8:, 8:], instance_ids[0, 15, :3] = 1, 2, 3
    layout = Layout(class_ids=(instance_ids > 0).long() * 4, instance_ids=instance_ids)
    assert instances_by_class(layout) == {0: [0], 4: [2, 1]}


def test_nothing_does_not_correlate():
    nothing = correlation(torch.zeros(0, 3), torch.zeros(0, 3))
    assert nothing != nothing
    x = torch.rand(5, 3)
    assert correlation(x, 2 - 3 * x) == pytest.approx(-1, abs=1e-5)
