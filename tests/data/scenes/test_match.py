from pathlib import Path

import pytest
import torch

from semsyn.data.io.label_maps import read_instance_map, read_label_map
from semsyn.data.scenes.match import show_same_scene

MAPS = sorted((Path(__file__).parents[3] / "examples/maps").glob("*.png"))


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_instances_of_other_scenes_are_noticed(path: Path) -> None:
    labels = read_label_map(path)
    for other in MAPS:
        instances = read_instance_map(other.parent / "instances" / other.name)
        assert show_same_scene(instances, labels) == (other == path)


def test_instances_may_span_and_split_classes() -> None:
    labels = torch.zeros(60, 60, dtype=torch.int64)
    labels[20:40, 20:40], labels[40:, 20:40] = 1, 2
    person = (labels > 0).long()  # one instance of two classes
    assert show_same_scene(person, labels)
    person[30:] *= 2  # the second class is cut in two
    assert show_same_scene(person, labels)
    assert not show_same_scene(person.flip(1).roll(11, 1), labels)


def test_too_little_to_tell_is_no_contradiction() -> None:
    labels = torch.zeros(8, 8, dtype=torch.int64)
    assert show_same_scene(torch.ones(8, 8, dtype=torch.int64), labels)
    assert show_same_scene(torch.ones(4, 4, dtype=torch.int64), labels)
