import contextlib
import os
import pickle
import time
from argparse import Namespace
from pathlib import Path

import pytest

from semsyn.convert.options import check_options, find_yaml, parse_options, parse_yaml, read_options
from semsyn.errors import CheckpointError
from semsyn.models.clade.released import RELEASED as CLADE
from semsyn.models.scgan.released import RELEASED as SCGAN


class Program:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.trace),)


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
    (tmp_path / "large.txt").write_bytes(b"ngf: 8\n" * 100_000)
    os.mkfifo(tmp_path / "pipe.txt")
    for name, message in {
        "opt.txt": "cannot be read as an options file, it is no text",
        "absent.txt": "there is no file .* expected an options file",
        "large.txt": "more than 262,144 bytes, too many for an options file",
        "pipe.txt": "no regular file but a pipe or device",
        ".": "is a folder",
    }.items():
        with pytest.raises(CheckpointError, match=message):
            read_options(tmp_path / name, KINDS)


@pytest.mark.parametrize(
    "text",
    ["-" * 100_000 + "x", "a:" + " " * 100_000 + "x", " " * 100_000 + "a", "a: " + "[default: " * 10_000 + "x"],
    ids=["dashes", "spaces", "spaces-first", "defaults"],
)
def test_no_line_takes_long(text: str) -> None:
    start = time.process_time()
    with contextlib.suppress(CheckpointError):
        parse_options(text, KINDS)
    assert time.process_time() - start < 1


def test_values_in_brackets_stay() -> None:
    assert parse_options("gpu_ids: [0, 1]\nname: x [default: y]", KINDS) == {"gpu_ids": "[0, 1]", "name": "x"}


def test_pickled_options_are_read_without_unpickling(tmp_path: Path) -> None:
    options = Namespace(label_nc=35, aspect_ratio=2, use_vae=True, dataset_mode="coco", gpu_ids=[0], phase=None)
    path, trace = tmp_path / "opt.pkl", tmp_path / "trace"
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        path.write_bytes(pickle.dumps(options, protocol))
        found = read_options(path, KINDS)
        assert found == {"label_nc": 35, "aspect_ratio": 2.0, "use_vae": True, "dataset_mode": "coco"}
    options.extra = Program(trace)
    path.write_bytes(pickle.dumps(options))
    with pytest.raises(CheckpointError, match=r"opt.pkl holds code .*mkdir.*was not opened"):
        read_options(path, KINDS)
    assert not trace.exists()
    for value, message in (({"label_nc": "many"}, "label_nc must be of kind int"), ([1], "does not map option names")):
        path.write_bytes(pickle.dumps(value))
        with pytest.raises(CheckpointError, match=message):
            read_options(path, KINDS)


def test_options_as_names_and_values() -> None:
    assert check_options({"label_nc": 5, "ig_sigma": 2, "crop_size": None}, KINDS) == {"label_nc": 5, "ig_sigma": 2.0}
    with pytest.raises(CheckpointError, match="options=: label_nc must be of kind int, found 'x'"):
        check_options({"label_nc": "x"}, KINDS)


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
    "digits": (f"ngf: 1{'0' * 5000}", "no yml file of options|holds a number that is none"),
    "merge": ("a: &a {b: 1}\n<<: *a", "no yml file of options"),
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
    merged = ["a0: &a0 {x: 1, y: 2}", *(f"a{i + 1}: &a{i + 1} {{<<: [*a{i}, *a{i}]}}" for i in range(60)), "ngf: 8"]
    with pytest.raises(CheckpointError, match="no yml file of options"):
        parse_yaml("\n".join(merged), KINDS)


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
    (tmp_path / "config" / "celeba.yml").unlink()
    for name, text in {
        "compose.yml": "services: {web: {image: x}}",
        "list.yml": "- scgan-celeba",
        "broken.yml": "a: [",
        "other.yml": "name: scgan-celeba\nversion: 3",
    }.items():  # those of other programs do not stand in the way, nor in the folder itself
        (tmp_path / "config" / name).write_text(text)
        (folder / name).write_text(text)
        assert find_yaml(generator, KINDS) == test, name
    os.mkfifo(tmp_path / "config" / "pipe.yml")
    (folder / "mine.yaml").write_text("ngf: 8")
    assert find_yaml(generator, KINDS) == folder / "mine.yaml"
