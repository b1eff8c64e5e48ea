import math

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.data.bank.samples.resampling import resize_cubic, resize_nearest, shift, turn


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 1.1, 2.0])
def test_a_constant_and_the_size_are_kept(factor):
    resized = resize_cubic(torch.full((2, 11, 17), 0.7), factor)
    assert resized.shape == (2, math.ceil(11 * factor), math.ceil(17 * factor))
    torch.testing.assert_close(resized, torch.full_like(resized, 0.7))


def test_enlarging_twice_is_pillows_bicubic_inside():
    """Pillow has the same kernel; at the border it renormalises where here edge pixels are mirrored."""
    x = torch.rand(20, 24)
    expected = torch.from_numpy(np.array(Image.fromarray(x.numpy()).resize((48, 40), Image.Resampling.BICUBIC)))
    torch.testing.assert_close(resize_cubic(x, 2.0)[6:-6, 6:-6].float(), expected[6:-6, 6:-6], atol=1e-5, rtol=0)


def test_nearest_repeats_and_of_two_takes_the_first():
    x = torch.arange(6).view(2, 3)
    assert torch.equal(resize_nearest(x, (4, 9)), x.repeat_interleave(2, 0).repeat_interleave(3, 1))
    assert resize_nearest(torch.arange(8).view(1, 8), (1, 4)).tolist() == [[0, 2, 4, 6]]


@pytest.mark.parametrize(("right", "down"), [(0, 0), (2, -3), (-1, 4), (30, 0)])
def test_whole_shifts_copy_and_bring_in_zeros(right, down):
    x = torch.rand(3, 7, 9)
    expected = torch.zeros(3, 7, 9, dtype=torch.float64)
    for r in range(7):
        for c in range(9):
            if 0 <= r - down < 7 and 0 <= c - right < 9:
                expected[:, r, c] = x[:, r - down, c - right]
    torch.testing.assert_close(shift(x, right, down), expected)


def test_parts_of_a_pixel_are_blended_inside_the_centres():
    assert shift(torch.tensor([[1.0, 3.0, 5.0]]), 0.25, 0).tolist() == [[0.0, 2.5, 4.5]]
    assert shift(torch.tensor([[1.0, 3.0, 5.0]]), -0.25, 0).tolist() == [[1.5, 3.5, 0.0]]


def test_turning_by_nothing_and_by_a_right_angle():
    mask = torch.rand(5, 9) > 0.5
    still = turn(mask, 0)
    assert still.shape == (5, 9) and torch.equal(still, mask)
    turned = turn(mask, 90)
    assert turned.shape == (9, 9), "a frame is loose by the last digit of a cosine"
    assert torch.equal(turned[:, 2:-2], torch.rot90(mask))


@pytest.mark.parametrize("degrees", [-2.5, 0.7, 33])
def test_turning_keeps_all_of_the_mask(degrees):
    mask = torch.zeros(20, 30, dtype=torch.uint8)
    mask[5:15, 5:25] = 1
    turned = turn(mask, degrees)
    assert all(a >= b for a, b in zip(turned.shape, mask.shape, strict=True)) and all(a % 2 for a in turned.shape)
    assert abs(int(turned.sum()) - 200) < 20
