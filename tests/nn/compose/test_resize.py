import pytest
import torch
import torch.nn.functional as F

from semsyn.nn.compose.resize import one_hot, resize

SIZES = [(1, 1), (3, 5), (7, 11), (14, 22), (20, 9)]


def plainly(x, size, align_corners):
    """Bilinear, pixel by pixel."""
    result = torch.empty(*x.shape[:2], *size, dtype=torch.float64)
    for r in range(size[0]):
        for c in range(size[1]):
            places = []
            for target, old, new in ((r, x.shape[2], size[0]), (c, x.shape[3], size[1])):
                source = target * (old - 1) / (new - 1) if align_corners and new > 1 else 0.0
                source = source if align_corners else target * old / new
                first = min(int(source), old - 1)
                places.append((first, min(first + 1, old - 1), source - first))
            (t, b, v), (l, r_, h) = places
            top = x[:, :, t, l] * (1 - h) + x[:, :, t, r_] * h
            bottom = x[:, :, b, l] * (1 - h) + x[:, :, b, r_] * h
            result[:, :, r, c] = top * (1 - v) + bottom * v
    return result


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("align_corners", [True, False])
def test_the_rules(size, align_corners):
    x = torch.randn(2, 3, 7, 11, dtype=torch.float64)
    found = resize(x, size, align_corners=align_corners)
    torch.testing.assert_close(found, plainly(x, size, align_corners), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [None, *SIZES])
@pytest.mark.parametrize("align_corners", [True, False])
def test_one_hot_maps_are_resized_from_ids(size, align_corners):
    ids = torch.randint(0, 5, (2, 7, 11))
    whole = F.one_hot(ids, 5).movedim(3, 1).float()
    wanted = whole if size is None else resize(whole, size, align_corners=align_corners)
    torch.testing.assert_close(one_hot(ids, 5, size, align_corners=align_corners), wanted, atol=1e-5, rtol=1e-5)


def test_half_of_the_size_by_the_other_rule_is_every_other_pixel():
    x = torch.randn(1, 2, 8, 12)
    assert torch.equal(resize(x, (4, 6), align_corners=False), x[:, :, ::2, ::2])
