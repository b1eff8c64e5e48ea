import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from semsyn.data.formats.annotations import Request
from semsyn.data.formats.coco_panoptic import open_coco_panoptic
from semsyn.errors import InputError
from tests.data.formats.writers import STREET, save, write_coco_panoptic


@pytest.mark.parametrize("source", [".", "panoptic", "panoptic.json", "panoptic/street.png"])
def test_from_any_of_its_files(source: str, tmp_path: Path) -> None:
    write_coco_panoptic(tmp_path)
    annotations = open_coco_panoptic(tmp_path / source, Request())
    assert [c.name for c in annotations.classes] == ["car", "road", "tree", "sky"], "in the order of category ids"
    (scene,) = annotations.scenes
    drawing = scene.draw()
    assert scene.name == "street" and np.array_equal(drawing.class_ids, 3 - STREET)
    assert np.array_equal(drawing.instance_ids, STREET + 1)


def test_number_0_is_no_class(tmp_path: Path) -> None:
    write_coco_panoptic(tmp_path)
    picture = np.zeros((12, 16, 3))
    picture[0, 0, 0] = 5
    save(picture, tmp_path / "panoptic" / "street.png")
    annotations = open_coco_panoptic(tmp_path, Request())
    drawing = annotations.scenes[0].draw()
    assert annotations.void == 255
    assert drawing.class_ids[0, 0] == 3 and drawing.class_ids[1, 1] == 4
    assert drawing.instance_ids is not None and drawing.instance_ids.sum() == 1


def test_the_json_file_may_lie_elsewhere_or_be_missing(tmp_path: Path) -> None:
    write_coco_panoptic(tmp_path)
    elsewhere = tmp_path / "annotations" / "val.json"
    elsewhere.parent.mkdir()
    shutil.move(tmp_path / "panoptic.json", elsewhere)
    with pytest.raises(InputError, match=r"is missing.*Put panoptic_….json .*or give --annotations FILE"):
        open_coco_panoptic(tmp_path / "panoptic", Request())
    assert open_coco_panoptic(tmp_path / "panoptic", Request(annotations=elsewhere)).scenes
    for name in ("a.json", "b.json"):
        shutil.copy(elsewhere, tmp_path / name)
    with pytest.raises(InputError, match=r"a\.json and .*b\.json may both be the JSON file"):
        open_coco_panoptic(tmp_path / "panoptic", Request())


def test_some_pictures_alone(tmp_path: Path) -> None:
    write_coco_panoptic(tmp_path)
    save(np.zeros((4, 4, 3)), tmp_path / "panoptic" / "other.png")
    with pytest.warns(UserWarning, match="1 pictures are prepared: .* lists 1, .* holds 2"):
        assert len(open_coco_panoptic(tmp_path, Request()).scenes) == 1
    (tmp_path / "panoptic" / "street.png").unlink()
    with pytest.raises(InputError, match=r"lists none of the pictures .*, such as other"):
        open_coco_panoptic(tmp_path, Request())


def test_segments_that_nobody_lists(tmp_path: Path) -> None:
    write_coco_panoptic(tmp_path)
    data = json.loads((tmp_path / "panoptic.json").read_text())
    data["annotations"][0]["segments_info"].pop()
    (tmp_path / "panoptic.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"holds 8388617 in 12 pixels, none of the segments of the JSON file"):
        open_coco_panoptic(tmp_path, Request()).scenes[0].draw()
    data["annotations"][0]["segments_info"][0]["category_id"] = 3
    (tmp_path / "panoptic.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"street\.png: category 3 is none of its categories"):
        open_coco_panoptic(tmp_path, Request())
