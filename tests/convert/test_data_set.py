import pytest

from semsyn.convert.data_set import DataSet, name_data_set, with_data_set

KNOWN = {
    "coco": DataSet(options={"label_nc": 182, "crop_size": 256}, label_space="coco-stuff"),
    "faces": DataSet(options={"label_nc": 18}, experiment="run-7"),
}


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, None),
        ({"dataset_mode": "coco"}, "coco"),
        ({"dataset": "Coco "}, "coco"),
        ({"dataset_mode": None, "dataset": "coco"}, "coco"),
        ({"dataset_mode": "None", "name": "run-7"}, "faces"),
        ({"dataset_mode": "mine", "dataset": "coco", "name": "run-7"}, "mine"),
        ({"name": "run-8"}, None),
    ],
)
def test_the_data_set_that_options_name(options: dict[str, object], name: str | None) -> None:
    assert name_data_set(options, KNOWN) == name


def test_options_win_over_what_the_data_set_sets() -> None:
    said = {"dataset_mode": "coco", "label_nc": 20, "crop_size": None}
    assert with_data_set(said, KNOWN) == {"label_nc": 20, "crop_size": 256, "dataset_mode": "coco"}
    assert with_data_set({"label_nc": 20}, KNOWN) == {"label_nc": 20}
