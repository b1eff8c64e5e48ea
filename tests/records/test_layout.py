from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.errors import InputError, InputTypeError, UnknownNameError
from semsyn.functional import edges, region_offsets, resize_ids
from semsyn.labels import LabelSpace
from semsyn.records.layout import Layout, once_per_size

SPACE = LabelSpace(name="three", classes=("sky", "tree", "car"), remap={7: 2})
ALL = ("instance_ids", "edges", "offsets", "planes")


def make_maps(n: int = 2, h: int = 6, w: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return torch.randint(3, (n, h, w), generator=rng), torch.randint(4, (n, h, w), generator=rng)


def make_layout(n: int = 2, h: int = 6, w: int = 9) -> Layout:
    label_map, instance_map = make_maps(n, h, w)
    return Layout.of(label_map, instance_map, space=3, requires=ALL, planes=torch.randn(n, 1, h, w))


def test_ids_are_mapped_by_the_label_space() -> None:
    layout = Layout.of(torch.tensor([[0, 1, 7]], dtype=torch.uint8), space=SPACE)
    assert layout.class_ids.dtype == torch.int64
    assert layout.class_ids.tolist() == [[[0, 1, 2]]]
    assert len(layout) == 1 and layout.size == (1, 3)
    assert (layout.instance_ids, layout.edges, layout.offsets, layout.planes) == (None,) * 4


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.int64])
def test_arrays_of_any_integer_type(dtype: type) -> None:
    layout = Layout.of(np.array([[0, 1], [2, 3]], dtype=dtype), space=3)
    assert layout.class_ids.tolist() == [[[0, 1], [2, 3]]], "k itself, no class, is allowed"


def test_the_void_policy_of_the_space_holds() -> None:
    void = torch.tensor([[0, 2, 255]])
    with pytest.raises(InputError, match="255 in 1 pixel"):
        Layout.of(void, space=SPACE)
    assert Layout.of(void, space=replace(SPACE, void=3)).class_ids.tolist() == [[[0, 2, 3]]]
    assert Layout.of(void, space=replace(SPACE, void=1)).class_ids.tolist() == [[[0, 2, 1]]]


@pytest.mark.parametrize("space", [SPACE, 3])
def test_unknown_ids_are_named_and_counted(space: LabelSpace | int) -> None:
    label_map = torch.tensor([[0, 5, 5], [5, 200, 1]])
    with pytest.raises(InputError) as caught:
        Layout.of(label_map, space=space)
    message = str(caught.value)
    assert "5 in 3 pixels" in message and "200 in 1 pixel" in message and "num_classes is 3" in message
    assert "remap" in message


def test_negative_ids_are_unknown() -> None:
    with pytest.raises(InputError, match="-1 in 2 pixels"):
        Layout.of(torch.tensor([[0, -1, -1]]), space=3)


@pytest.mark.parametrize(
    "label_map",
    [
        torch.zeros(2, 2),
        torch.zeros(2, 2, dtype=torch.bool),
        np.zeros((2, 2), np.float32),
        "map.png",
        [["a", "b"]],
        None,
    ],
    ids=["float", "bool", "float array", "path", "words", "nothing"],
)
def test_other_types_are_refused(label_map: object) -> None:
    with pytest.raises(InputTypeError, match="label_map must (hold integers|be a tensor or an array)"):
        Layout.of(label_map, space=3)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 4, 4), (2, 0, 4)])
def test_empty_maps_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="label_map is empty"):
        Layout.of(torch.zeros(shape, dtype=torch.int64), space=3)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((5, 6, 3), np.uint8),
        np.asarray(Image.new("RGBA", (5, 6))),
        np.zeros((1, 5, 6, 3), np.uint8),
        np.zeros(4, np.uint8),
    ],
    ids=["RGB", "RGBA", "RGB batch", "row"],
)
def test_pictures_are_no_maps(picture: np.ndarray) -> None:
    with pytest.raises(InputError, match="must be h w or n h w.*read_label_map"):
        Layout.of(picture, space=3)


def test_instances_of_another_size_are_refused() -> None:
    label_map, instance_map = make_maps()
    with pytest.raises(InputError, match="instance_map is 2 x 6 x 8 but label_map is 2 x 6 x 9"):
        Layout.of(label_map, instance_map[..., :-1], space=3)
    with pytest.raises(InputError, match="instance_map is 1 x 6 x 9"):
        Layout.of(label_map, instance_map[:1], space=3)


def test_without_an_instance_map_every_class_is_one_instance() -> None:
    layout = Layout.of(make_maps()[0], space=3, requires=("instance_ids",))
    assert torch.equal(layout.instance_ids, layout.class_ids)
    assert layout.num_instances == 3


def test_small_instance_ids_are_kept_and_large_ones_ranked() -> None:
    label_map = torch.zeros(2, 1, 3, dtype=torch.int64)
    instance_map = torch.tensor([[[5, 0, 5]], [[24001, 7, 24000]]])
    layout = Layout.of(label_map, instance_map, space=3, requires=("instance_ids",))
    assert layout.instance_ids.tolist() == [[[5, 0, 5]], [[2, 0, 1]]]
    assert layout.num_instances == 6
    negative = Layout.of(label_map[:1], torch.tensor([[[-1, 3, 3]]]), space=3, requires=("instance_ids",))
    assert negative.instance_ids.tolist() == [[[0, 1, 1]]]


def test_instance_ids_do_not_depend_on_the_rest_of_the_batch() -> None:
    label_map = torch.zeros(2, 1, 3, dtype=torch.int64)
    instance_map = torch.tensor([[[9, 4, 4]], [[24001, 7, 24000]]])
    together = Layout.of(label_map, instance_map, space=3, requires=("instance_ids",))
    for i in range(2):
        alone = Layout.of(label_map[i], instance_map[i], space=3, requires=("instance_ids",))
        assert torch.equal(alone.instance_ids[0], together.instance_ids[i])


def test_an_instance_keeps_its_id_at_every_size() -> None:
    instance_map = torch.tensor([[1000, 2000, 3000, 3000]])  # the second vanishes at half the width
    small = Layout.of(torch.zeros_like(instance_map), instance_map, space=3, size=(1, 2), requires=("instance_ids",))
    assert set(small.instance_ids.flatten().tolist()) <= {0, 1, 2}
    assert small.instance_ids[0, 0, 1] == 2


def test_maps_are_resized_as_the_data_pipelines_do() -> None:
    label_map, instance_map = make_maps()
    layout = Layout.of(label_map, instance_map, space=3, size=(4, 5), requires=("instance_ids", "edges", "offsets"))
    assert layout.size == (4, 5)
    for i in range(2):
        picture = Image.fromarray(label_map[i].numpy().astype(np.uint8)).resize((5, 4), Image.Resampling.NEAREST)
        assert torch.equal(layout.class_ids[i], torch.from_numpy(np.array(picture)).long())
    at_size = resize_ids(instance_map, (4, 5), rule="centre")
    assert torch.equal(layout.edges, edges(at_size)), "edges are those of the resized instances"
    assert torch.equal(layout.offsets, resize_ids(region_offsets(label_map), (4, 5))), (
        "offsets are those of the original"
    )


def test_offsets_are_of_stored_ids_and_may_ignore_none() -> None:
    label_map = torch.tensor([[7, 7, 2, 2]])  # both become class 2, but are two regions
    offsets = Layout.of(label_map, space=SPACE, requires=("offsets",), offset_ignore=None).offsets
    assert torch.equal(offsets, region_offsets(label_map[None], ignore=None))
    ignored = Layout.of(label_map, space=SPACE, requires=("offsets",), offset_ignore=7).offsets
    assert not ignored[..., :2].any() and ignored[:, 1, :, 2:].all()


def test_planes_are_resized_checked_and_asked_for() -> None:
    label_map, _ = make_maps()
    planes = torch.randn(2, 3, 12, 18)
    layout = Layout.of(label_map, space=3, planes=planes, size=(4, 5))
    assert torch.equal(layout.planes, resize_ids(planes, (4, 5)))
    with pytest.raises(InputError, match="give planes"):
        Layout.of(label_map, space=3, requires=("planes",))
    for wrong in (planes[:1], planes[:, 0]):
        with pytest.raises(InputError, match="planes must be n p h w"):
            Layout.of(label_map, space=3, planes=wrong)


def test_an_unknown_requirement_is_named() -> None:
    with pytest.raises(InputError, match=r"no \['depth'\]"):
        Layout.of(make_maps()[0], space=3, requires=("depth",))


def test_pyramid_is_nearest_from_full_size_each_size_once() -> None:
    layout = make_layout()
    sizes = [(2, 3), (4, 5), (2, 3), (6, 9)]
    levels = layout.pyramid(iter(sizes))
    assert [level.size for level in levels] == sizes
    assert levels[0] is levels[2]
    for level in levels:
        for name in ("class_ids", "instance_ids", "edges", "offsets", "planes"):
            assert torch.equal(getattr(level, name), resize_ids(getattr(layout, name), level.size)), name


def test_slicing_repeating_and_putting_together() -> None:
    layout = make_layout(3)
    again = Layout.cat([layout[:1], layout[1:]])
    twice = layout.repeat(2)
    picked = layout[torch.tensor([2, 0])]
    for name in ("class_ids", "instance_ids", "edges", "offsets", "planes"):
        t = getattr(layout, name)
        assert torch.equal(getattr(again, name), t), name
        assert torch.equal(getattr(twice, name), t[[0, 0, 1, 1, 2, 2]]), name
        assert torch.equal(getattr(picked, name), t[[2, 0]]), name
    assert len(twice) == 6


def test_layouts_that_do_not_belong_together() -> None:
    layout = make_layout()
    with pytest.raises(InputError, match="no layouts"):
        Layout.cat([])
    for pair in ([layout, replace(layout, edges=None)], [replace(layout, edges=None), layout]):
        with pytest.raises(InputError, match="edges"):
            Layout.cat(pair)
    with pytest.raises(InputError, match=r"differ in size: \[\(6, 9\), \(4, 5\)\]"):
        Layout.cat([layout, make_layout(1, 4, 5)])


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        make_layout().class_ids = torch.zeros(1)


def test_equal_sizes_share_a_result() -> None:
    made: list[tuple[int, int]] = []

    def make(size: tuple[int, int]) -> int:
        made.append(size)
        return len(made)

    assert once_per_size(make, [(1, 2), (2, 4), (1, 2), (2, 4), (4, 8)]) == (1, 2, 1, 2, 3)
    assert made == [(1, 2), (2, 4), (4, 8)]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (None, InputTypeError, "label_map must be a tensor or an array of integers, found NoneType"),
        ("map.png", InputTypeError, "label_map must be a tensor or an array of integers"),
        (torch.zeros(1, 3, 4, 5), InputTypeError, r"\(1, 3, 4, 5\); argmax\(1\) makes ids of a one-hot map"),
        (torch.zeros(1, 3, 4, 5).long(), InputError, r"ids need no axis of channels: take argmax\(1\)"),
        (torch.zeros(1, 1, 4, 5).long(), InputError, r"or label_map\[:, 0\]"),
        (torch.zeros(4, 5, 1).long(), InputError, r"h w 1, it seems. Drop the axis of channels: label_map\[..., 0\]"),
    ],
    ids=["None", "path", "one-hot", "integer one-hot", "n 1 h w", "h w 1"],
)
def test_what_is_no_map_is_told(given: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Layout.of(given, space=3)


def test_flipped_arrays_are_read() -> None:
    ids = np.arange(6).reshape(2, 3)
    layout = Layout.of(ids[::-1, ::-1], ids[:, ::-1], space=6, requires=("instance_ids",))
    assert layout.class_ids.tolist() == [[[5, 4, 3], [2, 1, 0]]]
    assert layout.instance_ids.tolist() == [[[2, 1, 0], [5, 4, 3]]]


def test_a_space_by_name_and_one_number_for_both_sides() -> None:
    ids = torch.zeros(4, 6, dtype=torch.int64)
    assert Layout.of(ids, space="toyscenes", size=2).size == (2, 2)
    with pytest.raises(UnknownNameError, match="ade20k"):
        Layout.of(ids, space="ade2k")
    with pytest.raises(InputTypeError, match="space must be a label space, its name or a number of classes, found 1.5"):
        Layout.of(ids, space=1.5)
    for size in ("64", 1.5, (1, 2, 3), (1.5, 2)):
        with pytest.raises(InputTypeError, match=r"size must be \(height, width\) or one number for both"):
            Layout.of(ids, space=3, size=size)
