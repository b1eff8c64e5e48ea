"""How pictures with rare colours are found: the rules, on numbers one can see through."""

import numpy as np
import pytest

from semsyn.data.scenes.color_rarity import ABSENT, cumulate, draw_pool, mean_colors, rarity_mask, score_rarity
from semsyn.errors import InputError


def test_mean_colours_of_classes():
    image = np.zeros((2, 2, 3), np.uint8)
    image[0] = [[10, 20, 30], [30, 40, 50]]
    colors = mean_colors(image, np.array([[1, 1], [0, 0]]), 3)
    assert colors.tolist() == [[0, 0, 0], [20, 30, 40], [ABSENT] * 3]
    with pytest.raises(InputError, match="must show the same"):
        mean_colors(image, np.zeros((2, 3), int))
    with pytest.raises(InputError, match="ids 0 to 7, but there are 3"):
        mean_colors(image, np.array([[7, 1], [0, 0]]), 3)


def test_the_odd_colour_is_the_rarest():
    rng = np.random.default_rng(0)
    colors = np.full((40, 2, 3), ABSENT)
    colors[:, 0] = 100 + rng.normal(size=(40, 3))
    colors[7, 0] = 140
    colors[:3, 1] = 50
    scores = score_rarity(colors, least=30)
    assert scores[:, 0].argmax() == 7 and (scores[:, 0] > 0).all()
    assert scores[:3, 1].tolist() == scores[:3, 0].tolist() and not scores[3:, 1].any(), "too few for a density"
    released = score_rarity(colors, least=30, as_released=True)
    np.testing.assert_allclose(released[:3, 1], 1 / scores[:3, 0])
    label_map = np.array([[0, 0], [1, 1]])
    assert rarity_mask(np.array([0.5, 2.0]), label_map).tolist() == [[[0.25, 0.25], [1.0, 1.0]]]


def test_an_epoch_takes_turns_between_distributions():
    distributions = cumulate(np.array([[1.0, 0.0], [1.0, 1.0], [2.0, 0.0]]), classes=(0, 1))
    assert distributions.tolist() == [[0.25, 0.5, 1.0], [0.0, 1.0, 1.0]]
    assert draw_pool(distributions, np.array([0.25, 0.3, 0.26, 1.0, 0.99])).tolist() == [0, 1, 1, 1, 2]
