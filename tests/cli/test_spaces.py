import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from semsyn.cli.spaces import find_space
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import CheckpointError, InputError, UnknownNameError
from semsyn.hub import save_pretrained
from tests.cli.conftest import SPACE, write_map
from tests.hub.models import make_generator


def test_a_space_by_name_card_or_json_file(tmp_path: Path) -> None:
    assert find_space("cityscapes") == label_space("cityscapes")
    assert find_space("oasis/coco") == label_space("coco-stuff-unknown-first")
    (tmp_path / "mine.json").write_text(SPACE.to_json())
    assert find_space(str(tmp_path / "mine.json")) == SPACE


def test_a_space_of_a_weights_file_or_its_folder(clade: Path, tmp_path: Path, semsyn: Callable) -> None:
    assert find_space(str(clade)) == SPACE
    shutil.copy(clade, tmp_path / "model.safetensors")
    assert find_space(str(tmp_path)) == SPACE
    found = semsyn("inspect", write_map(tmp_path / "maps" / "a.png"), "--space", clade)
    assert (found.code, found.err) == (0, "")
    assert "label space 'five' knows all ids" in found.out


def test_a_name_is_no_folder_that_happens_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cityscapes").mkdir()
    assert find_space("cityscapes") == label_space("cityscapes")


def test_what_holds_no_space_says_so(tmp_path: Path) -> None:
    bare = save_pretrained(make_generator("clade-icpe"), tmp_path / "bare.safetensors")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    os.mkfifo(tmp_path / "pipe.json")
    for name, error, message in (
        (bare, InputError, "does not say what its ids mean"),
        (tmp_path / "absent.safetensors", CheckpointError, "there is no file"),
        (tmp_path / "absent.json", CheckpointError, "there is no file .* expected a label space"),
        (tmp_path / "bytes.json", CheckpointError, "cannot be read as a label space, it is no text"),
        (tmp_path / "pipe.json", CheckpointError, "no regular file but a pipe or device"),
        ("cityscape", UnknownNameError, "cityscapes"),
    ):
        with pytest.raises(error, match=message):
            find_space(str(name))
