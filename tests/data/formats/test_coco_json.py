from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semsyn.data.formats.annotations import Request
from semsyn.data.formats.coco_json import open_coco_json
from semsyn.errors import InputError
from tests.data.formats.test_run_lengths import compress
from tests.data.formats.writers import STREET, coco_image, run_lengths, save_json, write_coco_json

CATEGORIES = [{"id": 9, "name": "car"}, {"id": 2, "name": "tree"}]


def annotate(*objects: dict[str, Any], **changes: Any) -> dict[str, Any]:
    annotations = [{"id": i, "image_id": 7, **item} for i, item in enumerate(objects)]
    return {"images": [coco_image()], "annotations": annotations, "categories": CATEGORIES, **changes}


def box(left: int, top: int, right: int, bottom: int) -> list[list[float]]:
    return [[left, top, right, top, right, bottom, left, bottom]]


def draw(data: dict[str, Any], folder: Path) -> tuple[np.ndarray, np.ndarray]:
    (scene,) = open_coco_json(save_json(data, folder / "a.json"), Request()).scenes
    drawing = scene.draw()
    assert drawing.instance_ids is not None
    return drawing.class_ids, drawing.instance_ids


def test_polygons_of_an_object_are_one(tmp_path: Path) -> None:
    parts = [*box(1, 1, 3, 3), *box(8, 1, 10, 3)]
    class_ids, instance_ids = draw(annotate({"category_id": 9, "segmentation": parts}), tmp_path)
    assert (class_ids[1:4, 1:4] == 2).all() and (class_ids[1:4, 8:11] == 2).all() and class_ids.sum() == 36
    assert set(np.unique(instance_ids)) == {0, 1}


def test_small_objects_stay_seen_and_crowds_lie_beneath(tmp_path: Path) -> None:
    small = {"category_id": 9, "segmentation": box(4, 4, 6, 6)}
    large = {"category_id": 2, "segmentation": box(0, 0, 12, 10)}
    everywhere = {"size": [12, 16], "counts": [0, 192]}
    crowd = {"category_id": 9, "iscrowd": 1, "segmentation": everywhere}
    tiny_crowd = {"category_id": 9, "iscrowd": 1, "segmentation": box(2, 2, 3, 3)}
    class_ids, instance_ids = draw(annotate(small, large, crowd, tiny_crowd), tmp_path)
    assert class_ids[5, 5] == 2 and instance_ids[5, 5] == 1
    assert class_ids[2, 2] == 1 and instance_ids[2, 2] == 2
    assert class_ids[11, 15] == 2 and instance_ids[11, 15] == 3


def test_compressed_masks(tmp_path: Path) -> None:
    mask = np.equal(STREET, 3)
    counts = compress(run_lengths(mask))
    class_ids, _ = draw(annotate({"category_id": 9, "segmentation": {"size": [12, 16], "counts": counts}}), tmp_path)
    assert np.array_equal(class_ids, mask * 2)


def test_what_leaves_the_picture_is_cut_off(tmp_path: Path) -> None:
    class_ids, _ = draw(annotate({"category_id": 2, "segmentation": box(-50, -50, 500, 3)}), tmp_path)
    assert (class_ids[:4] == 1).all() and not class_ids[4:].any()


def test_background_is_class_0_once(tmp_path: Path) -> None:
    for names, expected in ((["car"], ["background", "car"]), (["car", "background"], ["background", "car"])):
        categories = [{"id": i, "name": name} for i, name in enumerate(names)]
        data = annotate({"category_id": 0, "segmentation": box(0, 0, 3, 3)}, categories=categories)
        annotations = open_coco_json(save_json(data, tmp_path / "a.json"), Request())
        assert [c.name for c in annotations.classes] == expected
        assert annotations.scenes[0].draw().class_ids[0, 0] == 1


def test_unused_categories_are_known(tmp_path: Path) -> None:
    data = annotate({"category_id": 9, "segmentation": box(0, 0, 3, 3)})
    annotations = open_coco_json(save_json(data, tmp_path / "a.json"), Request())
    assert {c.name: c.is_used for c in annotations.classes} == {"background": True, "tree": False, "car": True}


def test_splits_with_a_file_each(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        write_coco_json(tmp_path / split)
    annotations = open_coco_json(tmp_path, Request())
    assert [scene.name for scene in annotations.scenes] == ["train/street", "valid/street"]
    write_coco_json(tmp_path / "train" / "again")
    (tmp_path / "train" / "again" / "instances.json").rename(tmp_path / "train" / "more.json")
    with pytest.raises(InputError, match="'train/street', which was there before"):
        open_coco_json(tmp_path, Request())
    save_json(annotate(), tmp_path / "train" / "more.json")
    with pytest.raises(InputError, match="have other categories"):
        open_coco_json(tmp_path, Request())


def test_names_with_folders(tmp_path: Path) -> None:
    data = annotate(images=[coco_image("train2017\\a.jpg")])
    assert open_coco_json(save_json(data, tmp_path / "a.json"), Request()).scenes[0].name == "train2017/a"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (annotate({"category_id": 9, "segmentation": []}), "annotation 0 has no segmentation: boxes alone"),
        (annotate({"category_id": 9, "bbox": [1, 2, 3, 4]}), "has no segmentation"),
        (annotate({"category_id": 5, "segmentation": box(0, 0, 1, 1)}), "category 5 is none of its categories"),
        (
            annotate({"category_id": "car", "segmentation": box(0, 0, 1, 1)}),
            "a whole number, but it is 'car'",
        ),
        (annotate(categories=[]), "has no categories"),
        (annotate(categories=[*CATEGORIES, *CATEGORIES]), "category 9 has no name, or is there twice"),
        (annotate(categories=[{"id": 1, "name": "car"}, {"id": 2, "name": "car"}]), "has class 'car' twice"),
        (annotate(images=[{"id": 7, "file_name": "a.jpg"}]), "'height' must be a whole number, but it is missing"),
        (annotate(images=[coco_image(), coco_image()]), "which was there before"),
        (annotate(images=3), "'images' must be a list, but it is '3'"),
        (annotate(images=[None]), "'file_name' must be a text, but it is missing"),
        ({"images": []}, "'categories' must be a list, but it is missing"),
    ],
)
def test_files_that_are_wrong(data: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        open_coco_json(save_json(data, tmp_path / "a.json"), Request())


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([[1, 2, 3]], "a polygon must be"),
        ([1, 2, 3, 4], "a polygon must be"),
        ("61X14", "a polygon must be"),
        ([["a", 1, 2, 3]], "needs at least 1 points"),
        ([[1, 2, float("nan"), 3, 4, 5]], "needs at least 1 points"),
        ([[1, 2, 1e30, 3, 4, 5]], "numbers below 1,000,000"),
        ({"size": [3, 3], "counts": [9]}, "the picture's size"),
    ],
)
def test_shapes_that_are_wrong(segmentation: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        draw(annotate({"category_id": 9, "segmentation": segmentation}), tmp_path)


def test_sizes_that_no_picture_has(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a picture of 12 x 10000000000 pixels cannot be"):
        draw(annotate(images=[{**coco_image(), "width": 10**10}]), tmp_path)


def test_without_a_file(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("{}")
    with pytest.raises(InputError, match="holds no annotation file of COCO"):
        open_coco_json(tmp_path, Request())
    (tmp_path / "broken.json").write_text('{"images": [')
    with pytest.raises(InputError, match="is not JSON that can be read"):
        open_coco_json(tmp_path, Request(annotations=tmp_path / "broken.json"))
