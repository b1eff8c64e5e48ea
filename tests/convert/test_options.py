from pathlib import Path

import pytest

from semsyn.convert.options import find_yaml, parse_options, parse_yaml, read_options
from semsyn.errors import CheckpointError
from semsyn.models.clade.released import RELEASED as CLADE
from semsyn.models.scgan.released import RELEASED as SCGAN

KINDS = {**CLADE.options, **SCGAN.options}

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
    assert parse_options(TEXT, KINDS) == {
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
    assert read_options(tmp_path / "opt.txt", KINDS) == parse_options(TEXT, KINDS)


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
        read_options(tmp_path / "opt.txt", KINDS)


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "opt.txt").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "opt.txt", tmp_path / "absent.txt"):
        with pytest.raises(CheckpointError, match="cannot be read as an options file"):
            read_options(path, KINDS)


YAML = """\
name: scgan-celeba   # a comment
label_nc: 18
temperature: 5e-2
position: true
num_upsampling_layers: normal
gpu_ids: [0, 1]
nothing:
"""


def test_yml_values_have_their_types() -> None:
    assert parse_yaml(YAML, KINDS) == {
        "name": "scgan-celeba",
        "label_nc": 18,
        "temperature": 0.05,
        "position": True,
        "num_upsampling_layers": "normal",
    }


BROKEN_YAML = {
    "wrong-type": ("label_nc: many", "the yml file: label_nc must be of kind int, found 'many'"),
    "no-flag": ("position: 1", "position must be of kind flag, found '1'"),
    "no-plain-value": ("position: [true]", "gives position no plain value, but a list"),
    "code": ("a: !!python/object/apply:os.mkdir [x]", "no yml file of options.*could not determine a constructor"),
    "no-mapping": ("- a", "does not map option names to values"),
    "numbers": ("1: 2", "does not map option names to values"),
    "empty": ("", "does not map option names to values"),
    "deep": ("[" * 3000, "no yml file of options"),
    "tabs": ("\ta: b", "no yml file of options"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN_YAML.values(), ids=BROKEN_YAML)
def test_broken_yml_files(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(text)
    with pytest.raises(CheckpointError, match=f"a.yml: .*{message}"):
        read_options(tmp_path / "a.yml", KINDS)


def test_a_small_file_cannot_fill_the_memory() -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{i + 1}: &a{i + 1} [*a{i}, *a{i}]" for i in range(60)), "ngf: 8"]
    assert parse_yaml("\n".join(lines), KINDS) == {"ngf": 8}


def test_the_yml_of_an_experiment_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints" / "scgan-celeba"
    generator = folder / "best_net_G.pth"
    (tmp_path / "config").mkdir()
    folder.mkdir(parents=True)
    assert find_yaml(generator, KINDS) is None
    (tmp_path / "config" / "coco.yml").write_text("name: scgan-coco-best\nngf: 32")
    assert find_yaml(generator, KINDS) is None
    train, test = (tmp_path / "config" / f"celeba{kind}.yml" for kind in ("", "-test"))
    train.write_text("name: scgan-celeba\nngf: 48\nbatchSize: 8")
    test.write_text("name: scgan-celeba\nngf: 48\nbatchSize: 2")
    assert find_yaml(generator, KINDS) == test
    train.write_text("name: scgan-celeba\nngf: 32")
    with pytest.raises(CheckpointError, match="all have the name 'scgan-celeba', but differ: pass one of them"):
        find_yaml(generator, KINDS)
    (folder / "mine.yaml").write_text("ngf: 8")
    assert find_yaml(generator, KINDS) == folder / "mine.yaml"
