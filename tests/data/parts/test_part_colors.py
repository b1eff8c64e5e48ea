import pytest
import torch

from semsyn.data.parts.part_colors import PART_COLORS, draw_parts
from semsyn.errors import InputTypeError


def test_parts_in_their_colours() -> None:
    drawn = draw_parts(torch.arange(9).view(3, 3))
    assert drawn.shape == (3, 3, 3) and drawn.dtype == torch.uint8
    assert drawn.flatten(0, 1).tolist() == [*map(list, PART_COLORS), [0, 0, 0], [0, 0, 0]]


def test_ids_are_integers() -> None:
    with pytest.raises(InputTypeError, match="part_ids"):
        draw_parts(torch.zeros(2, 2))
