import pytest
import torch

from semsyn.data.parts.choose_supports import choose_supports
from semsyn.data.toyscenes import CLASSES
from semsyn.data.toyscenes.classes import PARTS
from semsyn.errors import InputError
from semsyn.evaluate.parts import describe_parts, find_part_net, score_parts
from semsyn.nn.parts.part_net import PartNet
from tests.hub.models import make_generator


@pytest.fixture(scope="module")
def supports(shapes):
    return choose_supports(shapes.part_ids, shapes.categories)


def test_figures_name_the_parts(supports, shapes):
    network = PartNet((2, 2, 2, 2), num_parts=6, num_layers=1)
    found = describe_parts(score_parts(network, supports, shapes))
    assert {name: tuple(figures)[1:] for name, figures in found["classes"].items()} == {
        name: tuple(PARTS[name]) for name in found["classes"]
    }
    assert set(found["classes"]) == {CLASSES[c] for c in shapes.categories.unique().tolist()}
    assert 0 <= found["miou"] <= 1 and 0 <= found["accuracy"] <= 1


def test_categories_without_supports_are_refused(supports, shapes):
    some = supports.select(supports.categories[:1].tolist())
    with pytest.raises(InputError, match="no support maps|not among those"):
        score_parts(PartNet((2, 2, 2, 2), num_parts=6, num_layers=1), some, shapes)


def test_what_infers_parts_is_found_by_what_it_says_of_itself(supports):
    generator = make_generator("ipose", num_parts=6)
    with pytest.raises(InputError, match="has no support maps"):
        find_part_net(generator)
    generator.attach("supports", supports)
    network, found = find_part_net(generator)
    assert isinstance(network, PartNet) and network.num_parts == 6
    assert torch.equal(found.part_ids, supports.part_ids) and torch.equal(found.categories, supports.categories)
    with pytest.raises(InputError, match="infers no parts"):
        find_part_net(make_generator("clade-icpe"))
