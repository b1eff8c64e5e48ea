import pytest

from semsyn.data.formats.class_names import match_classes
from semsyn.errors import InputError, UnknownNameError
from semsyn.labels import LabelSpace

SPACE = LabelSpace(
    name="street",
    classes=("dining table", "door", "car", "Car", "traffic light", "tree"),
    palette=((0, 0, 0), (9, 9, 9), (255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 90, 9)),
)


def match(*names: str, **by_hand: str) -> list[int]:
    found = match_classes(names, SPACE, by_hand, used=names, source="here")
    assert list(found) == list(names)
    return list(found.values())


def test_names_in_other_spellings_and_synonyms() -> None:
    assert match("car", "Car", "dining-table", "Traffic_Light", "trafficlight", "door, double door") == [
        2,
        3,
        0,
        4,
        4,
        1,
    ]


def test_a_spelling_that_means_two_classes_means_none() -> None:
    with pytest.raises(InputError, match=r"'CAR' \(nearest: "):
        match("CAR")


def test_names_by_hand() -> None:
    assert match("lorry", "sign", "tree", lorry="car", sign="none") == [2, 6, 5]
    assert match("lorry", "sign", "tree", **{"*": "none", "tree": "door"}) == [6, 6, 1]
    assert match("lorry", "tree", **{"*": "Dining Table"}) == [0, 5]


def test_names_for_what_nobody_labelled() -> None:
    assert match("background", "_background_", "Unlabeled", "tree") == [6, 6, 6, 5]
    known = LabelSpace(name="known", classes=("tree", "background"))
    assert match_classes(["background"], known, {}, used=["background"], source="here") == {"background": 1}


def test_what_does_not_occur_need_not_be_known() -> None:
    assert match_classes(["lorry", "tree"], SPACE, {}, used=["tree"], source="here") == {"lorry": 6, "tree": 5}


def test_unknown_names_are_listed_with_what_is_near() -> None:
    with pytest.raises(InputError) as error:
        match("trees", "xyzw", "car", "#fe0101", *(f"thing {i}" for i in range(9)))
    text = str(error.value)
    assert text.startswith("here has 12 classes that label space 'street' lacks: 'trees' (nearest: tree), ")
    assert "'xyzw' (nothing near)" in text and "'#fe0101' (nearest: car)" in text and " and 6 more. " in text
    assert "--map 'trees=CLASS,…'" in text and "'*=none'" in text


def test_options_that_are_wrong() -> None:
    with pytest.raises(UnknownNameError, match="did you mean tree"):
        match("lorry", lorry="treee")
    with pytest.raises(InputError, match="--map names 'lory', but the classes of here are 'lorry', 'tree'"):
        match("lorry", "tree", lory="car")
