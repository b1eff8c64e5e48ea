import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.data.formats.annotations import Annotations, Drawing, Scene, SourceClass
from semsyn.data.formats.coding import make_coding
from semsyn.data.formats.write import Target, check_complete
from semsyn.errors import InputError
from semsyn.labels import LabelSpace
from tests.data.formats.writers import STREET, save

CLASSES = tuple(SourceClass(name, i) for i, name in enumerate(("sky", "tree", "road", "car")))


def make_target(folder: Path, *scenes: Scene) -> Target:
    annotations = Annotations(classes=CLASSES, scenes=scenes)
    return Target(folder, make_coding(annotations, None, {}, source="here", name="made"))


def make_scene(folder: Path, name: str = "street", instances: np.ndarray | None = None) -> Scene:
    path = save(STREET, folder / "source" / "street.png")
    return Scene(name, (path,), lambda: Drawing(STREET.astype(np.int64), instances))


def test_maps_instances_and_space(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, "town/street", instances=STREET.astype(np.int64) + 300)
    target = make_target(tmp_path / "out", scene)
    target.open([scene], {"source": "here"})
    assert not target.holds(scene, ()) and not target.has_instances(scene)
    target.write(scene)
    assert target.holds(scene, ()) and target.has_instances(scene)
    label_map = Image.open(tmp_path / "out" / "town" / "street.png")
    instances = np.array(Image.open(tmp_path / "out" / "instances" / "town" / "street.png"))
    assert label_map.mode == "L" and np.array_equal(np.array(label_map), STREET)
    assert instances.dtype == np.uint16 and np.array_equal(instances, STREET.astype(np.uint16) + 300)
    space = LabelSpace.from_json((tmp_path / "out" / "space.json").read_text())
    assert space.map_ids(torch.from_numpy(STREET)).tolist() == STREET.tolist()
    files = {path.name for path in (tmp_path / "out").rglob("*")}
    assert files == {"space.json", "prepared.json", "town", "street.png", "instances"}, "nothing is left over"


def test_maps_older_than_their_source_are_made_anew(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    target = make_target(tmp_path / "out", scene)
    target.open([scene], {})
    target.write(scene)
    companion = save(STREET, tmp_path / "list.png")
    os.utime(companion, (1, 1))
    assert target.holds(scene, (companion,))
    later = (tmp_path / "out" / "street.png").stat().st_mtime + 9
    os.utime(companion, (later, later))
    assert not target.holds(scene, (companion,)) and target.holds(scene, ())
    os.utime(scene.files[0], (later, later))
    assert not target.holds(scene, ())


def test_a_folder_goes_on_only_as_it_began(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    target = make_target(tmp_path / "out", scene)
    target.open([scene], {"source": "here", "map": {"a": "b"}})
    (tmp_path / "out" / "space.json").write_text("mine")
    target.open([scene], {"source": "here", "map": {"a": "b"}})
    assert (tmp_path / "out" / "space.json").read_text() == "mine", "what somebody changed stays"
    (tmp_path / "out" / "space.json").unlink()
    target.open([scene], {"source": "here", "map": {"a": "b"}})
    assert (tmp_path / "out" / "space.json").is_file(), "what an interruption left out is made up for"
    with pytest.raises(
        InputError, match='was made otherwise: source was "here" and is "there" now. Give another --out'
    ):
        target.open([scene], {"source": "there", "map": {"a": "b"}})
    with pytest.raises(InputError, match="map was .* and is {} now"):
        target.open([scene], {"source": "here", "map": {}})
    (tmp_path / "out" / "prepared.json").write_text("[")
    with pytest.raises(InputError, match="prepared.json is damaged"):
        target.open([scene], {"source": "here", "map": {"a": "b"}})


def test_other_peoples_files_stay(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    for out in (tmp_path / "source", tmp_path / "source" / "street.png"):
        with pytest.raises(InputError, match="exists and is not empty"):
            make_target(out, scene).open([scene], {})
    (tmp_path / "out" / ".semsyn-left").mkdir(parents=True)
    make_target(tmp_path / "out", scene).open([scene], {})
    assert json.loads((tmp_path / "out" / "prepared.json").read_text())["ids"] == [0, 1, 2, 3, -1]


def test_scenes_that_take_the_place_of_instances(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, "instances/street")
    with pytest.raises(InputError, match="a folder 'instances' is for instance maps"):
        make_target(tmp_path / "out", scene).open([scene], {})


def test_more_instances_than_a_picture_holds(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, instances=STREET.astype(np.int64) + 65535)
    target = make_target(tmp_path / "out", scene)
    with pytest.raises(InputError, match="has 65538 instances"):
        target.write(scene)
    assert not target.holds(scene, ())


def test_a_folder_that_is_not_finished_is_told_so(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    target = make_target(tmp_path / "out", scene)
    target.open([scene], {"source": "here"})
    with pytest.raises(InputError, match="out does not hold all maps yet.*same command again"):
        check_complete(tmp_path / "out")
    target.write(scene)
    target.close()
    check_complete(tmp_path / "out")
    target.open([scene], {"source": "here"})  # it may have to do some of it again
    with pytest.raises(InputError, match="does not hold all maps"):
        check_complete(tmp_path / "out")
    for other in ("source", "gone"):
        check_complete(tmp_path / other)
