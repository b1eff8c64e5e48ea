import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from semsyn.data.parts.choose_supports import choose_supports
from semsyn.data.parts.part_categories import TOYSCENES_CLASSES
from semsyn.data.parts.toy_parts import ToyShapes, toy_part_names, toy_supports
from semsyn.data.toyscenes import CLASSES, draw_scene
from semsyn.data.toyscenes.classes import PARTS
from semsyn.errors import InputError


@pytest.fixture(scope="module")
def shapes() -> ToyShapes:
    return ToyShapes.draw(16)


def test_every_object_with_parts_is_there(shapes: ToyShapes) -> None:
    with_parts = [CLASSES.index(name) for name in PARTS]
    assert set(shapes.categories.tolist()) == set(with_parts) == set(TOYSCENES_CLASSES)
    scene = draw_scene(3)
    seen = np.isin(scene.instances["class_id"], with_parts).sum()
    assert 0 < len(ToyShapes.draw([3])) <= seen, "specks below two pixels are no objects"
    assert shapes.part_ids.shape[1:] == (64, 64) and shapes.part_ids.flatten(1).any(1).all()


def test_part_ids_start_at_one_in_each_class(shapes: ToyShapes) -> None:
    for name, parts in PARTS.items():
        own = shapes.part_ids[shapes.categories == CLASSES.index(name)]
        assert own.unique().tolist() == list(range(len(parts) + 1)), name
        assert toy_part_names(CLASSES.index(name)) == parts


def test_silhouettes_are_those_that_the_generator_sees(shapes: ToyShapes) -> None:
    from semsyn.data.scenes.objects import find_objects

    scene = draw_scene(0)
    objects = find_objects(scene.instance_ids, scene.class_ids, convention="toyscenes")
    batch = next(iter(DataLoader(ToyShapes.draw([0]), batch_size=len(objects))))
    assert torch.equal(batch["silhouette"][:, 0] > 0, objects.silhouettes)
    assert torch.equal(batch["part_ids"] > 0, objects.silhouettes)
    assert torch.equal(batch["category"], objects.categories)


def test_small_objects_can_be_left_out(shapes: ToyShapes) -> None:
    large = ToyShapes.draw(16, min_pixels=300)
    assert 0 < len(large) < len(shapes) and large.pixels.min() >= 300
    assert len(large) == (shapes.pixels >= 300).sum()


def test_supports_have_every_part(shapes: ToyShapes) -> None:
    supports = choose_supports(shapes.part_ids, shapes.categories)
    assert supports.part_ids.shape == (len(PARTS), 3, 64, 64)
    for category, maps in zip(supports.categories.tolist(), supports.part_ids, strict=True):
        wanted = list(range(len(PARTS[CLASSES[category]]) + 1))
        assert [m.unique().tolist() for m in maps] == [wanted] * 3


def test_the_supports_of_toyscenes() -> None:
    supports = toy_supports(2)
    assert supports.categories.tolist() == sorted(TOYSCENES_CLASSES.values()) and supports.count == 2


def test_nothing_to_draw() -> None:
    with pytest.raises(InputError, match="no object with parts"):
        ToyShapes.draw(2, min_pixels=100_000)
