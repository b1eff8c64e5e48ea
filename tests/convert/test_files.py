import os
from pathlib import Path

import pytest

from semsyn.convert.files import as_path, check_file, find_files, find_options, holds_originals, read_text
from semsyn.convert.options import read_options
from semsyn.errors import CheckpointError, InputError


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")


FOLDERS = {
    "spade": (("latest_net_G.pth", "opt.txt"), {"generator": "latest_net_G.pth"}),
    "inade": (("best_net_G.pth", "best_net_E.pth"), {"generator": "best_net_G.pth", "encoder": "best_net_E.pth"}),
    "renamed-encoder": (
        ("best_net_G.pth", "best_net_IE.pth"),
        {"generator": "best_net_G.pth", "encoder": "best_net_IE.pth"},
    ),
    "best-first": (("latest_net_G.pth", "best_net_G.pth", "10_net_G.pth"), {"generator": "best_net_G.pth"}),
    "one-epoch": (
        ("latest_net_E.pth", "latest_net_G.pth", "best_net_E.pth"),
        {"generator": "latest_net_G.pth", "encoder": "latest_net_E.pth"},
    ),
    "numbered": (("20_net_G.pth", "20_net_D.pth"), {"generator": "20_net_G.pth"}),
    "averaged": (("best_D.pth", "best_G.pth", "best_EMA.pth", "opt.txt"), {"generator": "best_EMA.pth"}),
    "averaged-first": (("best_EMA.pth", "best_G.pth", "latest_EMA.pth"), {"generator": "best_EMA.pth"}),
    "not-averaged": (("latest_G.pth", "latest_D.pth"), {"generator": "latest_G.pth"}),
}


@pytest.mark.parametrize(("names", "expected"), FOLDERS.values(), ids=FOLDERS)
def test_files_of_a_folder(names: tuple[str, ...], expected: dict[str, str], tmp_path: Path) -> None:
    touch(tmp_path, *names)
    assert holds_originals(tmp_path)
    files = find_files(tmp_path)
    assert {role: path.name for role, path in files.items()} == expected
    assert find_options(files) == (tmp_path / "opt.txt" if "opt.txt" in names else None)


def test_pickled_options_count_where_there_is_no_text(tmp_path: Path) -> None:
    touch(tmp_path, "latest_net_G.pth", "opt.pkl")
    files = find_files(tmp_path)
    assert find_options(files) == tmp_path / "opt.pkl"
    touch(tmp_path, "opt.txt")
    assert find_options(files) == tmp_path / "opt.txt"


@pytest.mark.parametrize("path", ["pipe", "/dev/zero", "absent\0"])
def test_what_is_no_regular_file_is_not_opened(path: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CheckpointError, match="no regular file but a pipe or device|is no path|there is no file"):
        check_file(tmp_path / path)
    with pytest.raises((CheckpointError, InputError)):
        find_files(tmp_path / path)


def test_texts_are_small_and_texts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfngf: 8")
    assert read_text(tmp_path / "a.txt", "a list") == "ngf: 8"
    with pytest.raises(CheckpointError, match="more than 4 bytes, too many for a list"):
        read_text(tmp_path / "a.txt", "a list", 4)


def test_weights_in_a_folder_of_their_own(tmp_path: Path) -> None:
    touch(tmp_path, "opt.txt", "best_iter.txt")
    touch(tmp_path / "models", "best_EMA.pth", "best_G.pth", "best_D.pth", "latest_EMA.pth")
    assert holds_originals(tmp_path)
    files = find_files(tmp_path)
    assert files == {"generator": tmp_path / "models" / "best_EMA.pth"}
    assert find_options(files) == tmp_path / "opt.txt"
    assert find_options({"generator": tmp_path / "other" / "best_EMA.pth"}) is None


def test_folders_that_do_not_tell(tmp_path: Path) -> None:
    assert not holds_originals(tmp_path)
    with pytest.raises(CheckpointError, match="expected latest_net_G.pth"):
        find_files(tmp_path)
    touch(tmp_path / "coco_pretrained", "latest_net_G.pth")
    with pytest.raises(CheckpointError, match="pass one of these folders: .*coco_pretrained"):
        find_files(tmp_path)
    touch(tmp_path, "10_net_G.pth", "20_net_G.pth")
    with pytest.raises(CheckpointError, match="several epochs \\(10, 20\\)"):
        find_files(tmp_path)
    touch(tmp_path, "best_net_G.pth", "best_net_E.pth", "best_net_IE.pth")
    with pytest.raises(CheckpointError, match="the same thing"):
        find_files(tmp_path)


def test_files_by_role(tmp_path: Path) -> None:
    touch(tmp_path, "g.pth", "e.pth", "best_net_E.pth", "best_net_D.pth")
    files = {"generator": tmp_path / "g.pth", "encoder": tmp_path / "e.pth"}
    assert find_files({role: str(path) for role, path in files.items()}) == files
    assert find_files(tmp_path / "g.pth") == {"generator": tmp_path / "g.pth"}
    with pytest.raises(CheckpointError, match="the roles are generator, encoder, part_net"):
        find_files({"generator": tmp_path / "g.pth", "vgg": tmp_path / "e.pth"}, ["part_net"])
    with pytest.raises(CheckpointError, match="the roles are generator, encoder"):
        find_files({"generator": tmp_path / "g.pth", "vgg": tmp_path / "e.pth"})
    for alone in ({"encoder": tmp_path / "e.pth"}, tmp_path / "best_net_E.pth"):
        with pytest.raises(CheckpointError, match="the generator's file is missing"):
            find_files(alone)
    with pytest.raises(CheckpointError, match="unknown or unused role discriminator"):
        find_files(tmp_path / "best_net_D.pth")
    with pytest.raises(CheckpointError, match="no file"):
        find_files({"generator": tmp_path / "absent.pth"})


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_options_that_are_no_file_are_told(kind: str, tmp_path: Path) -> None:
    (tmp_path / "latest_net_G.pth").write_bytes(b"x")
    options = tmp_path / "opt.txt"
    os.mkfifo(options) if kind == "pipe" else options.mkdir()
    assert find_options({"generator": tmp_path / "latest_net_G.pth"}) == options
    with pytest.raises(CheckpointError, match=r"opt.txt' is (no regular file but a pipe or device|a folder)"):
        read_options(options, {})


def test_names_that_the_system_does_not_take(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for name in ("a\0b", "x" * 300, "~nobody-of-this-name/a", str(tmp_path / "circle")):
        with pytest.raises(InputError, match="is no path|cannot be read"):
            find_files(name)
    assert as_path("~/a") == Path.home() / "a"
