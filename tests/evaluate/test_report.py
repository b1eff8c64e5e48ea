import json

import pytest

from semsyn.data.io.whole_file import write_picture
from semsyn.errors import InputError
from semsyn.evaluate.report import to_json, write_json


def test_what_cannot_be_told_is_null(tmp_path):
    results = {"a": {"iou": float("nan"), "miou": 0.5}, "interval": [0.1, float("nan")], "pairs": 3}
    expected = {"a": {"iou": None, "miou": 0.5}, "interval": [0.1, None], "pairs": 3}
    assert json.loads(to_json(results)) == expected
    write_json(results, tmp_path / "new" / "results.json")
    assert json.loads((tmp_path / "new" / "results.json").read_text()) == expected


def test_an_error_leaves_what_was_there(tmp_path):
    class Broken:
        def save(self, file, format):
            file.write_bytes(b"half of")
            raise OSError("disk full")

    (tmp_path / "sheet.png").write_bytes(b"before")
    with pytest.raises(InputError, match=r"sheet\.png cannot be written: disk full"):
        write_picture(Broken(), tmp_path / "sheet.png")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("sheet.png", b"before")]
