import pytest

from semsyn.data.spaces.label_space import label_space
from semsyn.data.spaces.readings import find_doubt, list_readings, list_siblings, read_as
from semsyn.labels import LabelSpace

TRAIN_IDS = {0: 400, 2: 300, 8: 100, 10: 150, 13: 50}  # road, building, vegetation, sky, car


def test_a_reading_has_shares_by_class():
    reading = read_as(TRAIN_IDS, label_space("cityscapes-train-ids"))
    assert list(reading.shares.items())[:2] == [("road", 0.4), ("building", 0.3)]
    assert reading.describe() == "road 40%, building 30%, sky 15%"
    assert read_as({0: 1, 99: 1}, label_space("cityscapes")) is None
    assert read_as({255: 1}, label_space("cityscapes")) is None


def test_every_space_that_fits_is_listed_once():
    names = [reading.space.name for reading in list_readings({0: 1, 20: 1})]
    assert "pascal-voc" in names
    assert "celeba" not in names
    assert "ade20k-raw" in names
    assert "ade20k-unknown-first" not in names  # it differs in 255 alone


@pytest.mark.parametrize(
    ("counts", "space", "expected"),
    [
        (TRAIN_IDS, "cityscapes", ["cityscapes-train-ids"]),
        ({1: 5, 17: 5}, "celeba", ["celeba-background-last", "celeba-face-parser-ids"]),
        ({0: 5, 1: 5}, "toyscenes", []),
    ],
)
def test_siblings_number_the_same_classes(counts, space, expected):
    found = [reading.space.name for reading in list_siblings(counts, label_space(space))]
    assert found == [name for name in expected if name in found]
    assert set(found) >= set(expected[-1:])


def test_a_void_that_becomes_a_class_is_doubted():
    counts = {2: 40, 3: 40, 255: 10}
    doubt = find_doubt(counts, label_space("ade20k-raw"))
    assert "10 pixels of id 255 are read as 'flag', as released" in doubt
    assert "Read as ade20k-train-ids they are" in doubt
    assert find_doubt(counts, label_space("ade20k-train-ids")) is None
    assert find_doubt({2: 40, 3: 40}, label_space("ade20k-raw")) is None


def test_names_of_files_are_evidence():
    ids = {7: 400, 8: 300, 11: 100}
    name = "ulm_000001_000019_gtFine_labelTrainIds.png"
    doubt = find_doubt(ids, label_space("cityscapes"), [name])
    assert "names say train ids" in doubt
    assert "Read as cityscapes-train-ids they are" in doubt
    assert find_doubt(ids, label_space("cityscapes"), [name.replace("labelTrainIds", "labelIds")]) is None
    assert find_doubt(ids, label_space("cityscapes-train-ids"), [name]) is None


def test_maps_of_what_is_hardly_drawn_are_doubted():
    doubt = find_doubt(TRAIN_IDS, label_space("cityscapes"))
    assert "hardly show: unlabeled 40%, rectification border 30%" in doubt
    assert "Read as cityscapes-train-ids they are road 40%" in doubt
    own = LabelSpace(name="mine", classes=("unlabeled", "thing"))
    assert find_doubt({0: 9, 1: 1}, own).endswith("Are the ids those of another data set?")
    assert find_doubt({0: 9, 7: 1}, own) is None  # unknown ids are an error elsewhere
