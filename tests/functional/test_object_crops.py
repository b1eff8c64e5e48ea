import pytest
import torch
import torch.nn.functional as F

from semsyn.errors import InputError
from semsyn.functional.object_boxes import object_windows
from semsyn.functional.object_crops import OUTSIDE, ObjectFrame, crop_objects, crop_pictures
from semsyn.testing.plain.ipose import plain_crop

SIZE = (30, 26)


def make_boxes(count: int = 40, seed: int = 2) -> torch.Tensor:
    """Boxes anywhere, at the borders too."""
    rng = torch.Generator().manual_seed(seed)
    first = torch.stack([torch.randint(0, side - 4, (count,), generator=rng) for side in SIZE], dim=1)
    extent = 2 + torch.randint(0, 20, (count, 2), generator=rng)
    last = torch.minimum(first + extent, torch.tensor(SIZE))
    return torch.stack([first[:, 0], last[:, 0], first[:, 1], last[:, 1]], dim=1)


def make_original_sizes(count: int = 40) -> torch.Tensor:
    choices = torch.tensor([[64, 64], [300, 450], [512, 333], [1, 1], [100, 700]])
    return choices[torch.arange(count) % len(choices)]


def test_crops_as_the_plain_form_makes_them() -> None:
    ids = torch.randint(5, (2, *SIZE), generator=torch.Generator().manual_seed(0))
    boxes, originals = make_boxes(), make_original_sizes()
    images, wanted = torch.arange(40) % 2, torch.arange(40) % 5
    frame = ObjectFrame.of(object_windows(boxes, SIZE), originals)
    found = crop_objects(ids, images, frame) == wanted[:, None, None]
    for i in range(40):
        mask = (ids[images[i]] == wanted[i]).float()
        expected, crop = plain_crop(mask, tuple(boxes[i].tolist()), tuple(originals[i].tolist()))
        assert torch.equal(found[i].float(), expected), i
        assert int(frame.sides[i]) == crop.side and tuple(frame.padding[i].tolist()) == crop.cut


def test_beside_the_window_is_outside() -> None:
    frame = ObjectFrame.of(torch.tensor([[2, 4, 0, 8]]), torch.ones(1, 2, dtype=torch.int64))
    crop = crop_objects(torch.full((1, 10, 10), 7), torch.tensor([0]), frame, size=8)[0]
    assert (crop[:3] == OUTSIDE).all() and (crop[3:5] == 7).all() and (crop[5:] == OUTSIDE).all()


def test_no_objects() -> None:
    frame = ObjectFrame.of(torch.zeros(0, 4, dtype=torch.int64), torch.ones(0, 2, dtype=torch.int64))
    nothing = torch.zeros(0, dtype=torch.int64)
    assert crop_objects(torch.zeros(1, 4, 4, dtype=torch.int64), nothing, frame).shape == (0, 64, 64)
    assert crop_pictures(torch.zeros(1, 3, 4, 4), nothing, frame).shape == (0, 3, 128, 128)


def test_crops_of_pictures_as_the_plain_form_makes_them() -> None:
    pictures = torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    boxes, originals, images = make_boxes(), make_original_sizes(), torch.arange(40) % 2
    found = crop_pictures(pictures, images, ObjectFrame.of(boxes, originals), size=48)
    for i in range(40):
        a, b, c, d = boxes[i].tolist()
        tall, wide = originals[i].tolist()
        crop, (h, w) = pictures[images[i], None, :, a:b, c:d], (b - a, d - c)
        size = (int(h * tall / wide), w) if tall > wide else (h, int(w * wide / tall))
        crop = F.interpolate(crop, size, mode="bilinear", align_corners=False)
        r = abs(size[0] - size[1]) // 2
        crop = F.pad(crop, (r, r, 0, 0) if size[0] > size[1] else (0, 0, r, r))
        expected = F.interpolate(crop, (48, 48), mode="nearest")[0]
        torch.testing.assert_close(found[i], expected, atol=1e-6, rtol=1e-6)


def test_gradients_reach_the_pictures() -> None:
    pictures = torch.rand(1, 1, *SIZE, dtype=torch.float64, requires_grad=True)
    frame = ObjectFrame.of(make_boxes(2), make_original_sizes(2))
    assert torch.autograd.gradcheck(
        lambda x: crop_pictures(x, torch.tensor([0, 0]), frame, size=6), pictures, fast_mode=True
    )


def test_maps_of_another_shape() -> None:
    frame = ObjectFrame.of(make_boxes(1), make_original_sizes(1))
    with pytest.raises(InputError, match="maps must be n h w"):
        crop_objects(torch.zeros(4, 4, dtype=torch.int64), torch.tensor([0]), frame)
    with pytest.raises(InputError, match="pictures must be n c h w"):
        crop_pictures(torch.zeros(3, 4, 4), torch.tensor([0]), frame)
