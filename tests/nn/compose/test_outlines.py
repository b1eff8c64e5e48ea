import pytest
import torch

from semsyn.nn.compose.outlines import band, dilate, mark_edges


def plain_edges(mask: torch.Tensor) -> torch.Tensor:
    """The definition, pixel by pixel."""
    h, w = mask.shape
    at = lambda r, c: int(mask[min(max(r, 0), h - 1), min(max(c, 0), w - 1)])  # noqa: E731

    def gradient(r: int, c: int) -> tuple[float, float]:
        rows = [(at(r - 1, c + d) - at(r + 1, c + d)) * (2 - abs(d)) for d in (-1, 0, 1)]
        columns = [(at(r + d, c - 1) - at(r + d, c + 1)) * (2 - abs(d)) for d in (-1, 0, 1)]
        return sum(columns) / 8, sum(rows) / 8

    def strength(r: int, c: int) -> float | None:
        if not (0 <= r < h and 0 <= c < w):
            return None
        x, y = gradient(r, c)
        return x * x + y * y

    marked = torch.zeros_like(mask)
    for r in range(h):
        for c in range(w):
            x, y = gradient(r, c)
            b = x * x + y * y
            left, right, above, below = (strength(*p) for p in ((r, c - 1), (r, c + 1), (r - 1, c), (r + 1, c)))
            across = (left is None or left <= b) and (right is None or b > right)
            down = (above is None or above <= b) and (below is None or b > below)
            marked[r, c] = b > 0 and ((abs(x) >= abs(y) and across) or (abs(y) >= abs(x) and down))
    return marked


@pytest.mark.parametrize("seed", range(4))
def test_edges_are_those_of_the_definition(seed):
    mask = torch.rand(9, 13, generator=torch.Generator().manual_seed(seed)) > 0.3 + 0.1 * seed
    assert torch.equal(mark_edges(mask), plain_edges(mask))


def test_a_straight_border_is_marked_on_its_far_side_and_the_frame_is_no_border():
    mask = torch.zeros(6, 8, dtype=torch.bool)
    mask[:, 3:] = True
    assert mark_edges(mask).nonzero()[:, 1].unique().tolist() == [3]
    assert not mark_edges(torch.ones(5, 5, dtype=torch.bool)).any()


@pytest.mark.parametrize("width", [0, 1, 2, 3, 4, 7, 12, 30])
def test_squares_grow_half_a_pixel_more_down_and_right(width):
    mask = torch.zeros(11, 15, dtype=torch.bool)
    mask[4, 6] = mask[10, 0] = True
    expected = torch.zeros_like(mask)
    for r, c in mask.nonzero().tolist():
        up, down = (width - 1) // 2, width // 2
        expected[max(0, r - up) : r + down + 1, max(0, c - up) : c + down + 1] = width > 0
    assert torch.equal(dilate(mask, width), expected)


def test_many_masks_at_once_are_those_one_by_one():
    masks = torch.rand(2, 3, 10, 12) > 0.6
    together = band(masks, 4)
    assert torch.equal(together[1, 2], dilate(mark_edges(masks[1, 2]), 4))
