import dataclasses
import pickle

import numpy as np
import pytest
import torch

from semsyn.errors import InputError, InputTypeError, UnknownColorsError, UnknownIdsError, UnknownNameError
from semsyn.labels import LabelSpace

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
PLAIN = LabelSpace(name="plain", classes=("sky", "sea", "sand"), palette=(RED, GREEN, BLUE))
MAPPED = LabelSpace(
    name="mapped", classes=("sky", "sea", "sand"), remap={7: 0, -1: 1, 400: 2}, void_ids=(255, 0), void=3
)


def test_plain_ids_are_class_ids():
    label_map = torch.tensor([[[0, 1], [2, 0]]])
    class_ids = PLAIN.map_ids(label_map)
    assert class_ids.dtype == torch.int64
    assert torch.equal(class_ids, label_map)


def test_classes_are_found_by_name():
    assert [PLAIN.find_class(name) for name in PLAIN.classes] == [0, 1, 2]
    with pytest.raises(UnknownNameError, match="unknown class 'sandy'; did you mean sand"):
        PLAIN.find_class("sandy")
    with pytest.raises(InputTypeError, match="name must be text"):
        PLAIN.find_class(np.array([]))


def test_remap_and_void_come_before_the_identity():
    label_map = torch.tensor([7, -1, 400, 255, 0, 1, 2], dtype=torch.int16)
    assert MAPPED.map_ids(label_map).tolist() == [0, 1, 2, 3, 3, 1, 2]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.uint16, torch.int32, torch.int64], ids=str)
def test_every_integer_dtype_is_read(dtype):
    label_map = torch.tensor([[2, 1, 0]]).to(dtype)
    assert PLAIN.map_ids(label_map).tolist() == [[2, 1, 0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.int8, torch.complex64], ids=str)
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(InputTypeError, match=f"found {dtype}"):
        PLAIN.map_ids(torch.zeros(1, 2, 2, dtype=dtype))


def test_arrays_are_refused():
    with pytest.raises(InputTypeError, match="found list"):
        PLAIN.map_ids([[0, 1]])


def test_an_empty_map_is_refused():
    with pytest.raises(InputError, match=r"empty: shape \(1, 0, 4\)"):
        PLAIN.map_ids(torch.zeros(1, 0, 4, dtype=torch.int64))


def test_unknown_ids_are_named_and_counted():
    label_map = torch.zeros(2, 30, 40, dtype=torch.int64)
    label_map[0] = 9
    label_map[1, 0, :3] = 400_000_000_000
    label_map[1, 1, 0] = -5
    with pytest.raises(
        InputError, match="class_ids holds -5 in 1 pixel, 9 in 1200 pixels and 400000000000 in 3 pixels, but"
    ):
        PLAIN.map_ids(label_map)


def test_many_unknown_ids_are_summed_up():
    with pytest.raises(InputError, match="14 in 1 pixel and 5 more in 5 pixels, but num_classes is 3 "):
        PLAIN.map_ids(torch.arange(10, 20))


@pytest.mark.parametrize("stored", [[255], [9], [255, 9, 10, 11, 12]], ids=str)
def test_the_message_holds_code_that_cures_it(stored):
    label_map = torch.tensor([0, 1, *stored])
    with pytest.raises(UnknownIdsError) as error:
        PLAIN.map_ids(label_map)
    assert error.value.counts == dict.fromkeys([0, 1, *sorted(stored)], 1)
    code = str(error.value).partition("first: ")[2].partition(" makes")[0]
    space = eval(code, {"space": PLAIN})
    assert space.map_ids(label_map).tolist() == [0, 1, *[3] * len(stored)]


def test_a_mask_is_not_taken_for_void():
    mask = torch.tensor([[0, 255]])
    with pytest.raises(UnknownIdsError, match=r"a mask: say which class 255 is, as in space.reading\(remap={255: 1}"):
        PLAIN.map_ids(mask)
    assert PLAIN.reading(remap={255: 1}).map_ids(mask).tolist() == [[0, 1]]


def test_a_space_is_read_in_another_way():
    ids = torch.tensor([0, 2, 7, 255])
    assert PLAIN.reading(void_ids=[7]).map_ids(ids).tolist() == [0, 2, 3, 3]
    assert PLAIN.reading(void_ids=[2, 7], void=1, remap={0: 2}).map_ids(ids).tolist() == [2, 1, 1, 1]
    again = PLAIN.reading(remap={7: 0, 2: 1}, void=3).reading(void_ids=[2])
    assert again.map_ids(ids).tolist() == [0, 3, 0, 3]
    assert PLAIN.reading() == PLAIN
    with pytest.raises(InputError, match="class ids end at 3"):
        PLAIN.reading(remap={7: 4})


def test_void_without_a_policy_is_an_error():
    with pytest.raises(InputError, match=r"255 in 4 pixels.*space.reading\(void=3\) makes them no class"):
        PLAIN.map_ids(torch.full((1, 2, 2), 255))


def test_void_may_be_a_class():
    space = dataclasses.replace(PLAIN, void=2)
    assert space.map_ids(torch.tensor([255, 0])).tolist() == [2, 0]


@pytest.mark.parametrize(
    "space", [PLAIN, MAPPED, dataclasses.replace(PLAIN, void=3)], ids=lambda s: f"{s.name}-{s.void}"
)
def test_unmap_inverts_map(space):
    class_ids = torch.arange(3 if space.void is None else 4)
    assert torch.equal(space.map_ids(space.unmap_ids(class_ids)), class_ids)


def test_unmap_needs_a_stored_id():
    with pytest.raises(InputError, match="no stored id for class id 3; set void=3"):
        PLAIN.unmap_ids(torch.tensor([0, 3]))


def test_colors_round_trip():
    class_ids = torch.randint(0, 3, (2, 5, 7))
    rgb = PLAIN.to_colors(class_ids)
    assert rgb.dtype == torch.uint8
    assert rgb.shape == (2, 5, 7, 3)
    assert torch.equal(PLAIN.from_colors(rgb), class_ids)


def test_no_class_is_black_and_read_as_void_says():
    class_ids = torch.tensor([0, 3])
    assert PLAIN.to_colors(class_ids).tolist() == [list(RED), [0, 0, 0]]
    assert torch.equal(dataclasses.replace(PLAIN, void=3).from_colors(PLAIN.to_colors(class_ids)), class_ids)
    with pytest.raises(InputError, match=r"\(0, 0, 0\) in 1 pixel"):
        PLAIN.from_colors(PLAIN.to_colors(class_ids))


def test_unknown_colors_are_named_and_counted():
    rgb = PLAIN.to_colors(torch.zeros(4, 4, dtype=torch.int64))
    rgb[0, :2] = torch.tensor([1, 2, 3])
    rgb[1, 0] = torch.tensor([255, 255, 255])
    with pytest.raises(
        InputError, match=r"holds \(1, 2, 3\) in 2 pixels and \(255, 255, 255\) in 1 pixel, which .* 'plain'"
    ):
        PLAIN.from_colors(rgb)


@pytest.mark.parametrize(
    ("rgb", "error"),
    [
        (torch.zeros(2, 2, 3), InputTypeError),
        (torch.zeros(2, 2, 4, dtype=torch.uint8), InputError),
        (torch.zeros(0, 2, 3, dtype=torch.uint8), InputError),
    ],
    ids=["dtype", "channels", "empty"],
)
def test_what_is_no_color_map_is_refused(rgb, error):
    with pytest.raises(error, match="a colour map must be"):
        PLAIN.from_colors(rgb)


def test_without_a_palette_there_are_no_colors():
    with pytest.raises(InputError, match="has no palette"):
        MAPPED.from_colors(torch.zeros(1, 1, 3, dtype=torch.uint8))
    with pytest.raises(InputError, match="has no palette"):
        MAPPED.to_colors(torch.zeros(1, 1, dtype=torch.int64))


@pytest.mark.parametrize("wrong", [-1, 4])
def test_class_ids_to_draw_must_be_class_ids(wrong):
    with pytest.raises(InputError, match=r"must lie in \[0, 3\]"):
        PLAIN.to_colors(torch.tensor([0, wrong]))


BROKEN = {
    "no-classes": ({"classes": ()}, "at least one class"),
    "empty-name": ({"classes": ("a", "", "b")}, "a name for each"),
    "repeated-name": ({"classes": ("a", "b", "a")}, "'a' more than once"),
    "short-palette": ({"palette": (RED, GREEN)}, "3 classes but 2 colours"),
    "repeated-color": ({"palette": (RED, GREEN, RED)}, r"colour \(255, 0, 0\) for several"),
    "color-range": ({"palette": (RED, GREEN, (0, 0, 256))}, "outside 0..255"),
    "remap-target": ({"remap": {5: 4}}, "maps to class 4, but class ids end at 3"),
    "void-target": ({"void": -1}, "maps to class -1"),
    "void-and-remap": ({"remap": {255: 1}}, "stored id 255 both"),
    "void-hides-class": ({"void_ids": (1,)}, "stored id 1 .* 'sea' and in void_ids"),
    "far-id": ({"remap": {10**9: 1}}, "stored ids end at"),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN)
def test_parts_that_do_not_fit_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(PLAIN, **change)


@pytest.mark.parametrize("space", [PLAIN, MAPPED], ids=lambda s: s.name)
def test_json_and_pickle_round_trips(space):
    assert LabelSpace.from_json(space.to_json()) == space
    assert pickle.loads(pickle.dumps(space)) == space
    assert hash(LabelSpace.from_dict(space.to_dict())) == hash(space)


BAD_DATA = {
    "not-json": ("{", "must be a JSON object"),
    "list": ("[]", "found list"),
    "no-classes": ('{"name": "a"}', r"found \['name'\]"),
    "unknown-entry": ('{"name": "a", "classes": ["b"], "ids": 3}', "ids"),
    "string-of-classes": ('{"name": "a", "classes": "bcd"}', "classes is a list"),
    "color": ('{"name": "a", "classes": ["b"], "palette": ["red"]}', "'a' cannot be read"),
    "long-color": ('{"name": "a", "classes": ["b"], "palette": ["#ff00ff00"]}', "'a' cannot be read"),
    "remap-key": ('{"name": "a", "classes": ["b"], "remap": {"x": 0}}', "'a' cannot be read"),
    "remap-target": ('{"name": "a", "classes": ["b"], "remap": {"3": 2}}', "class ids end at 1"),
}


@pytest.mark.parametrize(("text", "message"), BAD_DATA.values(), ids=BAD_DATA)
def test_bad_json_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        LabelSpace.from_json(text)


def test_a_space_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PLAIN.void = 3


def test_the_same_classes_in_another_order():
    theirs = LabelSpace(name="theirs", classes=("sky", "tree", "road"), palette=((1, 0, 0), (2, 0, 0), (3, 0, 0)))
    ours = LabelSpace(
        name="ours",
        classes=("road", "sky", "tree"),
        palette=((3, 0, 0), (4, 0, 0), (5, 0, 0)),
        remap={7: 0, 9: 3, 0: 2},
        void_ids=(255, -1),
        void=1,
    )
    ordered = ours.in_order_of(theirs)
    assert ordered.classes == theirs.classes
    stored = torch.tensor([0, 1, 2, 7, 9, 255, -1])
    names = [*ours.classes, None]
    expected = [names[i] for i in ours.map_ids(stored)]
    assert [[*theirs.classes, None][i] for i in ordered.map_ids(stored)] == expected
    assert expected == ["tree", "sky", "tree", "road", None, "sky", "sky"]
    rgb = torch.tensor([[3, 0, 0], [4, 0, 0]], dtype=torch.uint8)
    assert ordered.from_colors(rgb).tolist() == [2, 0]
    assert ours.in_order_of(ours) is ours


def test_other_classes_have_no_order():
    ours = LabelSpace(name="ours", classes=("road", "sky", "a", "b", "c"))
    theirs = LabelSpace(name="theirs", classes=("road", "sky", "tree", "x", "y"))
    message = "'a', 'b', 'c' are only in 'ours', 'tree', 'x', 'y' are only in 'theirs'. Give each class the name"
    with pytest.raises(InputError, match=message):
        ours.in_order_of(theirs)


def test_colours_near_the_palette_are_read_with_their_distance():
    space = LabelSpace(name="two", classes=("sky", "sea"), palette=((255, 0, 0), (0, 0, 255)))
    rgb = torch.tensor([[255, 0, 0], [3, 4, 255], [250, 0, 12]], dtype=torch.uint8)
    with pytest.raises(UnknownColorsError, match=r"\(3, 4, 255\) in 1 pixel"):
        space.from_colors(rgb)
    class_ids, distances = space.nearest_colors(rgb)
    assert class_ids.tolist() == [0, 1, 0]
    assert distances.tolist() == [0, 5, 13]
