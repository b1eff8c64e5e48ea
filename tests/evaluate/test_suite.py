import pytest
import torch
from torch import nn

from semsyn.data.parts.choose_supports import choose_supports
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes import CLASSES
from semsyn.errors import InputError
from semsyn.evaluate.judges import Judge
from semsyn.evaluate.suite import Suite, check_generator
from tests.hub.models import SPACE, make_generator

TOYSCENES = label_space("toyscenes")


@pytest.fixture(scope="module")
def suite(scenes):
    torch.manual_seed(0)
    return Suite(scenes, {"classes": Judge(nn.Conv2d(3, 15, 1), CLASSES)})  # classes by colour


def test_with_an_encoder_more_is_measured(suite, by_instance):
    measured = suite.measure(by_instance)
    assert list(measured.figures) == ["drawn", "encoded", "transfer", "two_seeds"]
    assert measured.seen["classes"].shape == (1, 15, 15)
    figures, best = measured.figures["drawn"]["classes"], suite.on_true["classes"]["miou"]
    assert figures["share_of_true"] == round(figures["miou"] / best, 4)
    assert measured.figures["drawn"] != measured.figures["encoded"]


def test_generators_are_compared_with_those_before(suite, by_instance):
    first = suite.measure(by_instance)
    by_instance.encoder = None
    second = suite.measure(by_instance, {"first": first})
    assert list(second.figures) == ["drawn", "over first"]
    assert second.figures["over first"] == {"classes": {"margin": 0, "interval": [0, 0]}}


def test_parts_are_measured_where_they_are_inferred(scenes, shapes):
    generator = make_generator("ipose", num_classes=15, image_size=(128, 128), num_parts=6, convention="toyscenes")
    generator.attach("supports", choose_supports(shapes.part_ids, shapes.categories))
    judges = {"classes": Judge(nn.Conv2d(3, 15, 1), CLASSES)}
    assert list(Suite(scenes, judges, shapes).measure(generator).figures) == ["drawn", "part_net"]
    assert list(Suite(scenes, judges).measure(generator).figures) == ["drawn"]


@pytest.mark.parametrize(
    ("case", "changes", "message"),
    [
        ("clade-edges", {}, "it has 5 classes, but the scenes have the 15 of 'toyscenes'"),
        ("clade-edges", {"num_classes": 15}, "it makes pictures of 64x64, but the scenes are 128x128"),
        ("clade-icpe", {"num_classes": 15, "image_size": (128, 128)}, r"it reads \['offsets'\] of layouts"),
        (
            "ipose",
            {"num_classes": 15, "image_size": (128, 128), "convention": "toyscenes"},
            "it comes without supports",
        ),
    ],
)
def test_generators_that_do_not_fit_are_refused(case, changes, message):
    with pytest.raises(InputError, match=message):
        check_generator(make_generator(case, **changes), TOYSCENES)


def test_classes_must_mean_the_same():
    generator = make_generator("clade-edges", num_classes=15, image_size=(128, 128))
    check_generator(generator, TOYSCENES)
    generator.label_space = TOYSCENES
    check_generator(generator, TOYSCENES)
    generator.label_space = SPACE
    with pytest.raises(InputError, match="the classes of 'five'"):
        check_generator(generator, TOYSCENES)
