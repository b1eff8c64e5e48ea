import torch

from semsyn.functional.object_boxes import are_objects, even_boxes, object_boxes, object_windows
from semsyn.testing.plain.ipose import plain_window


def make_keys(seed: int = 0) -> torch.Tensor:
    return torch.randint(-3, 6, (3, 9, 11), generator=torch.Generator().manual_seed(seed))


def test_boxes_are_the_extents_of_each_region() -> None:
    keys = make_keys()
    keys[1] = -1  # an image without regions
    keys[keys == 2] = 123_456
    images, found, boxes = object_boxes(keys)
    expected = []
    for image in range(3):
        for key in sorted(k for k in keys[image].unique().tolist() if k >= 0):
            rows, columns = (keys[image] == key).nonzero(as_tuple=True)
            expected.append((image, key, int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())))
    assert torch.cat([images[:, None], found[:, None], boxes], dim=1).tolist() == [list(row) for row in expected]


def test_no_regions() -> None:
    images, found, boxes = object_boxes(torch.full((2, 4, 4), -1))
    assert len(images) == len(found) == 0 and boxes.shape == (0, 4)


def test_extents_become_even_where_there_is_room() -> None:
    boxes = torch.tensor([[2, 5, 1, 4], [0, 3, 6, 7], [3, 7, 0, 7]])
    assert even_boxes(boxes, (9, 7)).tolist() == [[2, 6, 1, 5], [0, 4, 5, 7], [3, 7, 0, 7]]


def test_small_boxes_are_no_objects() -> None:
    boxes = torch.tensor([[2, 4, 1, 3], [2, 3, 1, 9], [2, 9, 1, 2], [5, 5, 5, 5]])
    assert are_objects(boxes).tolist() == [True, False, False, False]


def test_windows_as_the_plain_form_has_them() -> None:
    rng = torch.Generator().manual_seed(1)
    low = torch.randint(0, 12, (200, 2), generator=rng)
    high = torch.minimum(low + torch.randint(1, 12, (200, 2), generator=rng), torch.tensor([14, 19]))
    boxes = torch.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], dim=1)
    boxes = boxes[(boxes[:, 1] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 2])]
    windows = object_windows(boxes, (14, 19))
    assert windows.tolist() == [list(plain_window(tuple(box), (14, 19))) for box in boxes.tolist()]
