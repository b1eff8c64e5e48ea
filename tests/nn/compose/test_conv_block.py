import pytest
import torch
import torch.nn.functional as F

from semsyn.nn.compose.conv_block import ConvBlock, ConvTower, same_pool


@pytest.fixture
def x():
    return torch.randn(3, 4, 9, 10, generator=torch.Generator().manual_seed(0))


def test_a_block_is_the_equation(x):
    block = ConvBlock(4, 6)
    torch.nn.init.normal_(block.norm.weight)
    torch.nn.init.normal_(block.norm.bias)
    y = F.conv2d(x, block.conv.weight, padding=1)
    mean, variance = y.mean((1, 2, 3), keepdim=True), y.var((1, 2, 3), keepdim=True, unbiased=False)
    y = (y - mean) / (variance + 1e-12).sqrt()
    y = y * block.norm.weight[:, None, None] + block.norm.bias[:, None, None]
    torch.testing.assert_close(block(x), torch.maximum(0.2 * y, y))


def test_a_block_of_nothing_gives_its_shift():
    block = ConvBlock(2, 3)
    torch.nn.init.constant_(block.norm.bias, 0.7)
    torch.testing.assert_close(block(torch.zeros(1, 2, 4, 4)), torch.full((1, 3, 4, 4), 0.7))


def test_parts_of_the_channels_sum_up(x):
    block = ConvBlock(4, 6)
    parts = block.part(x[:, :1], 0) + block.part(x[:, 1:], 1)
    torch.testing.assert_close(block.finish(parts), block(x))


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 6), (7, 11), (8, 5)])
@pytest.mark.parametrize("kernel_size", [2, 3])
def test_pools_take_what_there_is_of_a_window(size, kernel_size):
    x = torch.randn(1, 1, *size)
    found = {kind: same_pool(x, kind, kernel_size=kernel_size) for kind in ("average", "max")}
    rows, columns = (-(-side // 2) for side in size)
    assert found["average"].shape == found["max"].shape == (1, 1, rows, columns)
    before = [max((-(-side // 2) - 1) * 2 + kernel_size - side, 0) // 2 for side in size]
    for r in range(rows):
        for c in range(columns):
            top, left = 2 * r - before[0], 2 * c - before[1]
            window = x[0, 0, max(0, top) : top + kernel_size, max(0, left) : left + kernel_size]
            torch.testing.assert_close(found["average"][0, 0, r, c], window.mean())
            assert found["max"][0, 0, r, c] == window.max()


def test_a_tower_convolves_what_is_shared_once_for_all():
    tower = ConvTower(5, 2)
    own, shared = torch.randn(4, 2, 32, 40), torch.randn(2, 3, 32, 40)
    images = torch.tensor([1, 0, 1, 1])
    calls = []
    tower.stages[0][0].part = lambda x, first, part=tower.stages[0][0].part: calls.append(len(x)) or part(x, first)
    found = tower(own, shared, images)
    assert calls == [4, 2] and found.shape == (4, 16, 1, 2)
    for i in range(4):
        alone = tower(own[i : i + 1], shared[images[i]][None], torch.zeros(1, dtype=torch.int64))
        torch.testing.assert_close(alone[0], found[i], atol=1e-5, rtol=1e-4)
