"""Which files belong together, and what is said of those that do not."""

import shutil

import pytest

from semsyn.data.scenes.presets import ADE20K, CITYSCAPES
from semsyn.errors import InputError
from semsyn.train.scene_files import find_scenes
from tests.train.conftest import write_scenes


def names(scenes):
    return [(s.picture.name, s.label_map.name, s.instance_map and s.instance_map.name) for s in scenes]


def test_pictures_maps_and_instances_pair_by_name(scenes_folder):
    found = find_scenes(scenes_folder)
    assert names(found) == [(f"scene{i}.png",) * 3 for i in range(4)]
    assert [s.label_map.parent.name for s in found] == ["labels"] * 4
    assert find_scenes(scenes_folder, "val") == []


def test_a_folder_of_the_split_is_taken(tmp_path):
    for split, count in (("train", 3), ("val", 2)):
        write_scenes(tmp_path / split, count, has_instances=False)
    assert [len(find_scenes(tmp_path, split)) for split in ("train", "val")] == [3, 2]
    assert find_scenes(tmp_path)[0].instance_map is None


def test_maps_may_lie_in_the_folder_itself(scenes_folder):
    """As `semsyn prepare labels` writes them."""
    for path in (scenes_folder / "labels").iterdir():
        path.rename(scenes_folder / path.name)
    (scenes_folder / "labels").rmdir()
    (scenes_folder / "images").rename(scenes_folder / "pictures")
    assert names(find_scenes(scenes_folder)) == [(f"scene{i}.png",) * 3 for i in range(4)]


def test_known_endings_do_not_part_files(scenes_folder):
    (scenes_folder / "labels" / "scene0.png").rename(scenes_folder / "labels" / "scene0_label.png")
    assert find_scenes(scenes_folder)[0].label_map.name == "scene0_label.png"
    shutil.copy(scenes_folder / "labels" / "scene0_label.png", scenes_folder / "labels" / "scene0.png")
    with pytest.raises(InputError, match="would be files of one scene"):
        find_scenes(scenes_folder)


def test_data_sets_lie_as_their_authors_lay_them_out(tmp_path):
    write_scenes(tmp_path / "plain", 1, has_instances=False)
    shutil.copytree(tmp_path / "plain" / "images", tmp_path / "images" / "training")
    shutil.copytree(tmp_path / "plain" / "labels", tmp_path / "annotations" / "training")
    assert names(find_scenes(tmp_path, "train", ADE20K)) == [("scene0.png", "scene0.png", None)]
    frame = tmp_path / "city"
    picture = frame / "leftImg8bit" / "train" / "a" / "a_1_2_leftImg8bit.png"
    maps = [frame / "gtFine" / "train" / "a" / f"a_1_2_gtFine_{kind}Ids.png" for kind in ("label", "instance")]
    for path in (picture, *maps):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "plain" / "labels" / "scene0.png", path)
    assert names(find_scenes(frame, "train", CITYSCAPES)) == [tuple(p.name for p in (picture, *maps))]
    assert names(find_scenes(tmp_path / "plain", "train", ADE20K)) == [("scene0.png", "scene0.png", None)]


def test_what_does_not_pair_up_is_named(scenes_folder):
    (scenes_folder / "images" / "scene1.png").unlink()
    (scenes_folder / "labels" / "scene2.png").unlink()
    (scenes_folder / "instances" / "scene3.png").unlink()
    with pytest.raises(InputError) as caught:
        find_scenes(scenes_folder)
    for part in (
        "pictures without a label map: scene2.png",
        "label maps without a picture: scene1.png",
        "pictures without an instance map: scene3.png",
    ):
        assert part in str(caught.value)


def test_folders_without_pictures_are_told(tmp_path, scenes_folder):
    with pytest.raises(InputError, match="nowhere is not there"):
        find_scenes(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="has no folder of pictures: put them into"):
        find_scenes(tmp_path / "empty")
    for path in (scenes_folder / "images").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="images holds no picture"):
        find_scenes(scenes_folder)
