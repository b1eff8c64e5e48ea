"""Files that are whole: whoever writes beside them, whatever lies in the way, whenever the process is killed."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from semsyn.data.io import stage
from semsyn.data.io.stage import clear_remains
from semsyn.data.io.tensor_files import write_tensors, write_torch
from semsyn.data.io.whole_file import whole_file, whole_files, whole_folder, write_picture, write_text
from semsyn.errors import HubError, InputError


@pytest.fixture(autouse=True)
def every_write_is_the_first(monkeypatch):
    monkeypatch.setattr(stage, "_sweep_once", stage._sweep_once.__wrapped__)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def leave(folder: Path, suffix: str, **texts: str) -> Path:
    """What a killed process leaves."""
    left = folder / f".semsyn-abcd1234{suffix}"
    left.mkdir(mode=0o700)
    for name, text in texts.items():
        (left / name).write_text(text)
    return left


def test_an_error_leaves_what_was_there(tmp_path):
    write_text(tmp_path / "a", "old")
    with pytest.raises(KeyError), whole_file(tmp_path / "a") as part:
        part.write_text("ne")
        raise KeyError
    with pytest.raises(KeyError), whole_files(tmp_path) as parts:
        (parts / "a").write_text("ne")
        raise KeyError
    with pytest.raises(KeyError), whole_folder(tmp_path / "b") as new:
        (new / "c").write_text("ne")
        raise KeyError
    assert names(tmp_path) == ["a"] and (tmp_path / "a").read_text() == "old"


def test_files_that_belong_together_come_together(tmp_path):
    write_text(tmp_path / "a", "old")
    with whole_files(tmp_path) as parts:
        (parts / "a").write_text("new")
        (parts / "b").write_text("new")
        assert names(tmp_path)[1:] == ["a"] and (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a", "b"] and (tmp_path / "a").read_text() == "new"


def test_a_folder_comes_as_a_whole(tmp_path, monkeypatch):
    for name in ("new/inside", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with whole_folder(tmp_path / name) as new:
            (new / "a").write_text("x")
        assert names(tmp_path / name) == ["a"]
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == stat.S_IMODE((tmp_path / "new").stat().st_mode)
    with pytest.raises(InputError, match="not empty"), whole_folder(tmp_path / "new"):
        pass
    with pytest.raises(InputError, match="no folder"), whole_folder(tmp_path / "empty" / "a"):
        pass
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with whole_folder(Path(".")) as new:
        (new / "a").write_text("x")
    assert names(tmp_path / "here") == ["a"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_the_mode_is_the_umasks(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_tensors({"a": torch.zeros(2)}, tmp_path / "a.safetensors")
        write_torch({"a": 1}, tmp_path / "a.pt")
        write_picture(Image.new("L", (2, 2)), tmp_path / "a.png")
        with whole_files(tmp_path) as parts:
            os.close(os.open(parts / "b", os.O_CREAT, 0o600))
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o666 & ~umask}


def test_links_are_not_followed(tmp_path):
    (tmp_path / "other").write_text("kept")
    for name in ("a", ".a.part", ".semsyn-a"):
        (tmp_path / name).symlink_to(tmp_path / "other")
    write_text(tmp_path / "a", "new")
    assert (tmp_path / "other").read_text() == "kept"
    assert (tmp_path / "a").read_text() == "new" and not (tmp_path / "a").is_symlink()


def test_devices_pipes_and_folders_are_no_targets(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "link", "folder", "a\0b"):
        with pytest.raises(InputError, match="pipe or a device|directory|no path"):
            write_text(tmp_path / name, "x")
    with pytest.raises(InputError, match="directory"), whole_files(tmp_path) as parts:
        (parts / "folder").write_text("x")
    assert names(tmp_path) == ["folder", "link", "pipe"]


def test_remains_of_killed_processes_go(tmp_path):
    leave(tmp_path, ".part", a="half")
    write_text(tmp_path / "b", "x")
    assert names(tmp_path) == ["b"]


def test_what_a_killed_process_had_completed_is_put_in_place(tmp_path):
    write_text(tmp_path / "config.json", "old")
    leave(tmp_path, ".done", **{"config.json": "new", "README.md": "new"})
    clear_remains(tmp_path)
    assert names(tmp_path) == ["README.md", "config.json"] and (tmp_path / "config.json").read_text() == "new"


def test_only_remains_are_cleared(tmp_path):
    for name in (".semsyn-mine", ".semsyn-abcd1234", "semsyn-abcd1234.part", ".semsyn-abcd12345.part"):
        (tmp_path / name).mkdir()
    (tmp_path / ".semsyn-file1234.part").write_text("a file")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a").write_text("kept")
    (tmp_path / ".semsyn-link1234.done").symlink_to(tmp_path / "elsewhere")
    before = names(tmp_path)
    clear_remains(tmp_path)
    assert names(tmp_path) == before and (tmp_path / "elsewhere" / "a").exists()


def test_what_lives_stays(tmp_path):
    with whole_file(tmp_path / "a") as part:
        part.write_text("x")
        clear_remains(tmp_path)
        subprocess.run(
            [sys.executable, "-c", "import sys; from pathlib import Path; from semsyn.data.io.stage import "
             "clear_remains; clear_remains(Path(sys.argv[1]))", tmp_path], check=True,
        )  # fmt: skip
        assert part.exists()
    assert (tmp_path / "a").read_text() == "x"


def test_many_may_write_the_same_file(tmp_path):
    failures = []

    def write(text: str) -> None:
        try:
            for _ in range(25):
                write_text(tmp_path / "a", text * 5000)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(text,)) for text in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and names(tmp_path) == ["a"]
    assert len(set((tmp_path / "a").read_text())) == 1


def test_names_that_are_no_text(tmp_path):
    folder = tmp_path / os.fsdecode(b"\xff")
    write_tensors({"a": torch.ones(2)}, folder / os.fsdecode(b"b\xfe.safetensors"))
    write_torch({"a": 1}, folder / os.fsdecode(b"b\xfe.pt"))
    assert len(names(folder)) == 2


def test_tensors_that_share_memory_are_written_apart(tmp_path):
    base = torch.arange(6.0)
    state = {"a": base, "b": base, "c": base[2:4], "d": base.reshape(2, 3).T, "e": torch.zeros(0), "f": torch.zeros(0)}
    write_tensors(state, tmp_path / "a.safetensors")
    found = load_file(tmp_path / "a.safetensors")
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


FULL = """
import resource, signal, sys, torch
from pathlib import Path
from PIL import Image
from semsyn.data.io.tensor_files import write_tensors, write_torch
from semsyn.data.io.whole_file import write_picture, write_text
from semsyn.errors import InputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
noise, here = torch.rand(100, 100), Path(sys.argv[1])
for write in (
    lambda: write_tensors({"a": noise}, here / "a"),
    lambda: write_torch({"a": noise}, here / "a"),
    lambda: write_text(here / "a", "x" * 2000),
    lambda: write_picture(Image.fromarray((noise * 255).byte().numpy()), here / "a"),
):
    try:
        write()
    except InputError as error:
        print("refused")
"""


def test_a_full_disk_is_an_error_of_ours(tmp_path):
    (tmp_path / "a").write_text("old")
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True)
    assert done.stdout == "refused\n" * 4, done.stderr
    assert names(tmp_path) == ["a"] and (tmp_path / "a").read_text() == "old"


def test_errors_of_ours_stay_as_they_are(tmp_path):
    with pytest.raises(HubError, match="no network"), whole_file(tmp_path / "a"):
        raise HubError("no network")
