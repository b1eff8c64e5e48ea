from pathlib import Path

import pytest

from semsyn.convert.options import parse_options, read_options
from semsyn.errors import CheckpointError

TEXT = """\
----------------- Options ---------------
             aspect_ratio: 2.0
                batchSize: 16                            \t[default: 1]
   contain_dontcare_label: False
                 dataroot: /data/a: b                    \t[default: ./datasets/cityscapes/]
                 label_nc: 35                            \t[default: 182]
                     name: cityscapes  \t[default: label2coco]
              no_instance: False
num_upsampling_layers: more                              \t[default: normal]
              phase_extra:
                crop_size: 512
                  use_vae: True                          \t[default: False]
----------------- End -------------------
"""


def test_values_have_their_types() -> None:
    assert parse_options(TEXT) == {
        "aspect_ratio": 2.0,
        "batchSize": "16",
        "contain_dontcare_label": False,
        "dataroot": "/data/a: b",
        "label_nc": 35,
        "name": "cityscapes",
        "no_instance": False,
        "num_upsampling_layers": "more",
        "phase_extra": "",
        "crop_size": 512,
        "use_vae": True,
    }


def test_windows_line_ends(tmp_path: Path) -> None:
    (tmp_path / "opt.txt").write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert read_options(tmp_path / "opt.txt") == parse_options(TEXT)


BROKEN = {
    "wrong-type": ("label_nc: many\n", "line 1 .*label_nc must be of kind int, found 'many'"),
    "no-flag": ("---- Options ----\n use_vae: 1\n", "line 2 .*use_vae must be of kind flag"),
    "no-option": ("ngf: 64\nhello\n", "line 2 .*not 'name: value': 'hello'"),
    "empty": ("---- Options ----\n---- End ----\n", "no 'name: value' line"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_files_name_the_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "opt.txt").write_text(text)
    with pytest.raises(CheckpointError, match=message):
        read_options(tmp_path / "opt.txt")


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "opt.txt").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "opt.txt", tmp_path / "absent.txt"):
        with pytest.raises(CheckpointError, match="cannot be read as an options file"):
            read_options(path)
