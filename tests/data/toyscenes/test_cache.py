"""Scenes on disk are those that are drawn, with all that belongs to them."""

import numpy as np
import pytest
import torch

from semsyn.data.toyscenes import CLASSES, draw_scenes
from semsyn.data.toyscenes.cache import Scenes, load_scenes, load_shapes
from semsyn.data.toyscenes.classes import PART_NAMES
from semsyn.data.toyscenes.light import MOODS
from semsyn.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def scenes(folder) -> Scenes:
    return load_scenes(folder, "val", 6, has_parts=True)


def test_what_is_read_is_what_was_drawn(scenes):
    drawn = draw_scenes(range(6), size=(128, 128), split="val")
    layout, image = scenes.batch([4, 1])
    assert np.array_equal(layout.class_ids, drawn.class_ids[[4, 1]])
    assert np.array_equal(layout.instance_ids, drawn.instance_ids[[4, 1]])
    assert layout.edges is not None and layout.objects is None
    assert np.array_equal(((image + 1) * 127.5).round().movedim(1, -1), drawn.image[[4, 1]])
    assert np.array_equal(scenes.parts([4, 1]), drawn.part_ids[[4, 1]])


def test_files_have_known_names_and_are_made_once(folder, scenes, monkeypatch):
    target = folder / "val-seed0-6-128x128"
    names = {"image.npy", "class_ids.npy", "instance_ids.npy", "mood.npy", "part_ids.npy"}
    assert {path.name for path in target.iterdir()} == names
    shapes = load_shapes(folder, "val", 6)
    assert (folder / "shapes-val-seed0-6.pt").exists()
    monkeypatch.setattr("semsyn.data.toyscenes.cache.ProcessPoolExecutor", None)
    assert len(load_scenes(folder, "val", 6)) == 6
    assert torch.equal(load_shapes(folder, "val", 6).part_ids, shapes.part_ids)


def test_scenes_of_one_mood(scenes):
    kept = [len(scenes.only(mood)) for mood in MOODS]
    assert sum(kept) == len(scenes)
    mood = MOODS[scenes.mood[5]]
    last = scenes.only(mood)
    assert torch.equal(last.batch([len(last) - 1])[1], scenes.batch([5])[1])


def test_mirrored_parts_belong_to_mirrored_scenes(scenes):
    layout, _ = scenes.batch([0, 1], [True, False])
    parts = scenes.parts([0, 1], [True, False])
    have_parts = {"tree", "house", "boat", "car", "person"}
    names = {i: PART_NAMES[i].partition("/")[0] for i in parts.unique().tolist()}
    for part, name in names.items():
        classes = {CLASSES[c] for c in layout.class_ids[parts == part].unique().tolist()}
        assert classes == {name} if name else not classes & have_parts


def test_objects_are_those_of_the_mirrored_scene(scenes):
    (plain, _), (mirrored, _) = (scenes.requiring(("objects",)).batch([0, 1, 2], [flip] * 3) for flip in (False, True))
    assert len(plain.objects) == len(mirrored.objects) > 0
    for layout in (plain, mirrored):
        inside = layout.objects.crop(layout.instance_ids + 1) > 0
        assert bool((inside == layout.objects.silhouettes).all())


def test_parts_must_be_asked_for(folder, scenes):
    with pytest.raises(InputError, match="has_parts=True"):
        load_scenes(folder, "val", 6).parts([0])
