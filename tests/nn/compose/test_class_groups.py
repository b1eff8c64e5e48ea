import pytest

from semsyn.data.bank.groups import class_groups
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError
from semsyn.labels import LabelSpace
from semsyn.nn.compose.class_groups import ClassGroups, order_by_depth


def test_without_an_order_classes_stand_in_the_order_of_their_ids():
    groups = ClassGroups(num_classes=3)
    assert groups.order == (0, 1, 2) and groups.thin == ()


def test_ranks_are_places_in_the_order():
    assert ClassGroups(num_classes=3, order=(2, 0, 1)).ranks == (1, 2, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 0}, "at least one class"),
        ({"num_classes": 3, "thin": (3,)}, r"thin names class 3, but ids lie in \[0, 3\)"),
        ({"num_classes": 3, "order": (0, 1)}, "order names 2 of 3 classes"),
        ({"num_classes": 3, "ground": (1, 1)}, "ground names a class twice"),
    ],
)
def test_groups_that_do_not_fit_are_told(options, message):
    with pytest.raises(InputError, match=message):
        ClassGroups(**options)


def test_they_go_through_json():
    groups = class_groups(label_space("cityscapes-used"))
    assert ClassGroups.from_dict(groups.to_dict()) == groups
    with pytest.raises(InputError, match="have no 'thick'"):
        ClassGroups.from_dict({"num_classes": 2, "thick": [1]})


def test_classes_are_sorted_by_the_share_of_encounters_in_which_they_were_behind():
    behind = [[0, 0, 4, 0], [1, 0, 0, 0], [0, 3, 0, 0], [0, 0, 0, 0]]  # shares 4/5, 1/4, 3/7; class 3 was never met
    assert order_by_depth(behind) == (0, 2, 1, 3)


def test_groups_follow_the_names_of_the_classes():
    space = label_space("cityscapes-used")
    turned = LabelSpace(name="turned", classes=space.classes[::-1])
    groups, other = class_groups(space), class_groups(turned)
    assert [space.classes[i] for i in groups.order] == [turned.classes[i] for i in other.order]
    assert {space.classes[i] for i in groups.thin} == {turned.classes[i] for i in other.thin} == {
        "pole", "traffic light", "traffic sign"
    }  # fmt: skip


def test_other_classes_have_no_groups():
    assert class_groups(label_space("facades")) == ClassGroups(num_classes=13)
    assert class_groups(label_space("toyscenes")).casters == (13,)
