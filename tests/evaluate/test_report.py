import json

import numpy as np
import pytest

from semsyn.data.io.whole_file import write_picture
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError
from semsyn.evaluate.report import draw_sheet, to_json, write_json

SPACE = label_space("toyscenes")


def test_what_cannot_be_told_is_null(tmp_path):
    results = {"a": {"iou": float("nan"), "miou": 0.5}, "interval": [0.1, float("nan")], "pairs": 3}
    expected = {"a": {"iou": None, "miou": 0.5}, "interval": [0.1, None], "pairs": 3}
    assert json.loads(to_json(results)) == expected
    write_json(results, tmp_path / "new" / "results.json")
    assert json.loads((tmp_path / "new" / "results.json").read_text()) == expected


def test_rows_of_the_sheet(by_instance, scenes, tmp_path):
    sheet = draw_sheet(by_instance, scenes, SPACE, count=3)
    assert sheet.size == (3 * 128, 5 * 128)
    pixels = np.asarray(sheet)
    layout, _ = scenes.batch([0, 1, 2])
    assert np.array_equal(pixels[:128, 128:256], SPACE.to_colors(layout.class_ids)[1])
    assert np.array_equal(pixels[128:256, 256:], scenes.image[2])
    by_instance.encoder = None
    plain = np.asarray(draw_sheet(by_instance, scenes, SPACE))
    assert plain.shape == (3 * 128, 6 * 128, 3)
    assert np.array_equal(plain[256:, : 3 * 128], pixels[512:]), "the last row: one draw, by the scene's number"
    write_picture(sheet, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").exists()


def test_an_error_leaves_what_was_there(tmp_path):
    class Broken:
        def save(self, file, format):
            file.write_bytes(b"half of")
            raise OSError("disk full")

    (tmp_path / "sheet.png").write_bytes(b"before")
    with pytest.raises(InputError, match=r"sheet\.png cannot be written: disk full"):
        write_picture(Broken(), tmp_path / "sheet.png")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("sheet.png", b"before")]
