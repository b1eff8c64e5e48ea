import numpy as np
import pytest
import torch
from skimage.draw import polygon

from semsyn.data.scenes.instances import coco_instance_map, fill_polygon, reidentify
from semsyn.errors import InputError, InputTypeError


def test_ids_become_ranks():
    ids = torch.tensor([[26001, 7], [26000, 7]])
    assert reidentify(ids).tolist() == [[2, 0], [1, 0]]


def test_each_image_counts_for_itself():
    ids = torch.tensor([[[5, 9]], [[9, 200]]], dtype=torch.uint8)
    assert reidentify(ids).tolist() == [[[0, 1]], [[0, 1]]]


def test_ranks_wrap_as_released_only():
    ids = torch.arange(1000, 1300).reshape(1, 300)
    assert reidentify(ids).max() == 299
    assert reidentify(ids, as_released=True)[0, 254:258].tolist() == [254, 255, 0, 1]


def test_ids_must_be_integer_maps():
    with pytest.raises(InputTypeError, match="float32"):
        reidentify(torch.zeros(2, 2))
    with pytest.raises(InputError, match="h w or n h w"):
        reidentify(torch.zeros(1, 1, 2, 2, dtype=torch.int64))


def random_polygons():
    rng = np.random.default_rng(0)
    for vertices in (1, 2, 3, 4, 7, 20):
        for grid in (None, 1, 0.5):
            for _ in range(40):
                points = rng.uniform(0, 24, (2, vertices))
                yield points if grid is None else np.round(points / grid) * grid


def test_polygons_are_filled_as_by_skimage():
    for rows, columns in random_polygons():
        found, expected = fill_polygon(rows, columns), polygon(rows, columns)
        np.testing.assert_array_equal(np.stack(found), np.stack(expected), err_msg=f"rows {rows}, columns {columns}")


def test_polygons_may_lie_left_of_zero():
    rows, columns = fill_polygon(np.array([-3.0, -3.0, -1.0, -1.0]), np.array([-2.0, 0.0, 0.0, -2.0]))
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == [
        (r, c) for r in (-3, -2, -1) for c in (-2, -1, 0)
    ]


def square(left, top, side):
    """A ring over the pixels left … left + side - 1 (counted from 0)."""
    low_x, low_y = left + 1, top + 1  # COCO's script counts from 1
    high_x, high_y = low_x + side - 1, low_y + side - 1
    return [low_x, low_y, high_x, low_y, high_x, high_y, low_x, high_y]


def test_things_are_numbered_in_order_over_stuff():
    label_map = torch.full((6, 8), 120, dtype=torch.uint8)
    annotations = [
        {"segmentation": [square(0, 0, 2)]},
        {"segmentation": {"counts": [3, 5], "size": [6, 8]}},
        {"segmentation": [square(4, 0, 2), square(4, 4, 2)]},
        {"segmentation": [square(1, 1, 2)]},
    ]
    instances = coco_instance_map(label_map, annotations)
    expected = torch.full((6, 8), 120)
    expected[0:2, 0:2] = 0
    expected[0:2, 4:6] = expected[4:6, 4:6] = 1
    expected[1:3, 1:3] = 2
    assert torch.equal(instances, expected)
    assert label_map.eq(120).all()


def test_rings_past_the_border_are_clipped():
    label_map = torch.full((4, 5), 9)
    annotation = {"segmentation": [square(-1, -1, 2), square(3, 3, 5)]}
    expected = torch.full((4, 5), 9)
    expected[0, 0] = 0
    expected[3, 3:] = 0
    assert torch.equal(coco_instance_map(label_map, [annotation]), expected)


def test_rings_past_the_border_wrap_as_released():
    label_map = torch.full((4, 5), 9)
    expected = torch.full((4, 5), 9)
    expected[0, 0] = expected[-1, -1] = expected[0, -1] = expected[-1, 0] = 0
    annotation = {"segmentation": [square(-1, -1, 2)]}
    assert torch.equal(coco_instance_map(label_map, [annotation], as_released=True), expected)


def test_numbers_wrap_as_released_only():
    label_map = torch.full((1, 300), 9)
    annotations = [{"segmentation": [square(i, 0, 1)]} for i in range(300)]
    assert coco_instance_map(label_map, annotations)[0, 257] == 257
    assert coco_instance_map(label_map, annotations, as_released=True)[0, 257] == 1


@pytest.mark.parametrize(
    "ring", [[], [1, 2, 3], [1, 2, float("nan"), 3], [[1, 2], [3, 4]], ["a", "b"], [1, [2, 3]]], ids=str
)
def test_bad_rings_are_refused(ring):
    with pytest.raises(InputError, match="a ring must be"):
        coco_instance_map(torch.zeros(4, 4, dtype=torch.uint8), [{"segmentation": [ring]}])


def test_an_annotation_needs_a_segmentation():
    with pytest.raises(InputError, match="only \\['bbox'\\]"):
        coco_instance_map(torch.zeros(4, 4, dtype=torch.uint8), [{"bbox": [0, 0, 1, 1]}])
