import pytest
import torch

from semsyn.errors import InputError
from semsyn.nn.compose.sampler import warp

IDENTITY = torch.tensor([[1.0, 0, 0], [0, 1, 0]])


def moved(right, down):
    theta = IDENTITY.clone()
    theta[:, 2] = torch.tensor([right, down])
    return theta[None]


def test_the_identity_makes_the_last_row_and_column_black():
    image = torch.rand(1, 3, 6, 8) + 0.1
    found = warp(image, IDENTITY[None])
    assert torch.equal(found[:, :, :-1, :-1], image[:, :, :-1, :-1])
    assert not found[:, :, -1].any() and not found[:, :, :, -1].any()


@pytest.mark.parametrize(("right", "down"), [(2, 1), (-3, 0), (0, -2)])
def test_whole_steps_copy_pixels(right, down):
    image = torch.rand(1, 2, 10, 12) + 0.1
    found = warp(image, moved(right, down))
    for r in range(10):
        for c in range(12):
            y, x = r + down, c + right
            wanted = image[0, :, y, x] if 0 <= y < 9 and 0 <= x < 11 else torch.zeros(2)
            assert torch.equal(found[0, :, r, c], wanted)


def test_half_steps_are_means_of_neighbours():
    image = torch.rand(1, 1, 6, 8)
    found = warp(image, moved(0.5, 0))
    torch.testing.assert_close(found[0, 0, :5, :7], (image[0, 0, :5, :7] + image[0, 0, :5, 1:]) / 2)


def test_out_of_the_frame_nothing_is_left():
    assert not warp(torch.rand(1, 3, 6, 8), moved(1e6, -1e6)).any()


def test_gradients_are_those_of_the_weights():
    image = torch.rand(2, 2, 6, 9, dtype=torch.float64, requires_grad=True)
    theta = (IDENTITY + torch.tensor([[0.03, 0.02, 0.37], [-0.04, 0.05, 0.21]])).double().expand(2, 2, 3)
    theta = theta.clone().requires_grad_()
    assert torch.autograd.gradcheck(warp, (image, theta), eps=1e-7)


def test_another_size_and_half_precision():
    image = torch.rand(1, 3, 256, 512)
    found = warp(image, IDENTITY[None], (128, 256))
    assert torch.equal(found, image[:, :, 64:192, 128:384]), "the middle"
    halves = warp(image.half(), moved(200, 100).half())
    assert torch.equal(halves, warp(image.half().float(), moved(200, 100)).half())


def test_wrong_shapes_are_named():
    with pytest.raises(InputError, match="theta"):
        warp(torch.rand(1, 3, 4, 4), torch.rand(1, 6))
