import os
import pickle
import struct
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from semsyn.convert.checkpoint import (
    find_files,
    find_options,
    holds_originals,
    read_metadata,
    read_state,
    sha256,
)
from semsyn.errors import CheckpointError


def make_state() -> dict[str, Tensor]:
    return OrderedDict(
        {
            "fc.weight": torch.arange(12.0).reshape(3, 4),
            "norm.num_batches_tracked": torch.tensor(7),
            "half": torch.ones(2).half(),
        }
    )


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert list(found) == list(expected)
    for key, tensor in expected.items():
        assert found[key].dtype == tensor.dtype
        assert torch.equal(found[key], tensor)


WRITERS: dict[str, Callable[[dict[str, Tensor], Path], None]] = {
    "zip": lambda state, path: torch.save(state, path),
    "legacy": lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    "wrapped": lambda state, path: torch.save({"state_dict": state, "epoch": 3, "optimizer": {"state": {0: {}}}}, path),
    "data-parallel": lambda state, path: torch.save({f"module.{key}": tensor for key, tensor in state.items()}, path),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_states_are_read_as_written(write: Callable[[dict[str, Tensor], Path], None], tmp_path: Path) -> None:
    path = tmp_path / "latest_net_G.pth"
    write(make_state(), path)
    assert_same(read_state(path), make_state())
    assert read_metadata(path) == {}


def test_safetensors_are_read_whatever_the_suffix(tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.pth"):
        save_file(make_state(), tmp_path / name, metadata={"semsyn": "x"})
        found = read_state(tmp_path / name)
        assert_same({key: found[key] for key in make_state()}, make_state())
        assert read_metadata(tmp_path / name) == {"semsyn": "x"}


def test_a_prefix_that_only_some_keys_have_stays(tmp_path: Path) -> None:
    torch.save({"module.a": torch.ones(1), "b": torch.ones(1)}, tmp_path / "a.pth")
    assert list(read_state(tmp_path / "a.pth")) == ["module.a", "b"]


class Program:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_pickle_is_named_and_does_not_run(legacy: bool, tmp_path: Path) -> None:
    path, trace = tmp_path / "latest_net_G.pth", tmp_path / "trace"
    torch.save(
        {"fc.weight": torch.ones(1), "x": Program(f"touch {trace}")}, path, _use_new_zipfile_serialization=not legacy
    )
    with pytest.raises(CheckpointError, match=r"holds code .*system.*was not opened.*do not trust it"):
        read_state(path)
    assert not trace.exists()


def test_code_in_a_plain_pickle_does_not_run(tmp_path: Path) -> None:
    for protocol in (2, 4):
        path, trace = tmp_path / "a.pth", tmp_path / "trace"
        path.write_bytes(pickle.dumps({"x": Program(f"touch {trace}")}, protocol))
        with pytest.raises(CheckpointError, match="holds code|nothing that torch.save writes"):
            read_state(path)
        assert not trace.exists()


def test_a_whole_module_is_refused_with_the_way_out(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=r"torch\.nn\.modules\.linear\.Linear.*net\.state_dict\(\)"):
        read_state(tmp_path / "a.pth")


@pytest.mark.parametrize("write", [WRITERS["zip"], WRITERS["legacy"], save_file], ids=["zip", "legacy", "safetensors"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_truncated_files_say_so(write: Callable[[dict[str, Tensor], Path], None], share: float, tmp_path: Path) -> None:
    path = tmp_path / f"a.{'safetensors' if write is save_file else 'pth'}"
    write({"w": torch.randn(50, 50)}, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CheckpointError, match=r"truncated, damaged or no checkpoint.*Download it again"):
        read_state(path)


FOREIGN = {
    "empty": (b"", "is empty"),
    "text": (b"hello world", "truncated, damaged or no checkpoint"),
    "noise": (bytes(range(256)) * 9, "truncated, damaged or no checkpoint"),
    "web-page": (b"\n<!DOCTYPE html><html>", "is a web page"),
    "lfs-pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "git lfs pull"),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00", "unpack it"),
    "list": (pickle.dumps([1, 2], 2), "truncated, damaged or no checkpoint"),
    "huge-header": (struct.pack("<Q", 30) + b'{"a": 1' + b" " * 23, "truncated, damaged or no checkpoint"),
}


@pytest.mark.parametrize(("content", "message"), FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_checkpoint_is_called_what_it_is(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "best_net_G.pth"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch's own advice would lead to weights_only=False
        with pytest.raises(CheckpointError, match=message):
            read_state(path)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_zip_files_that_are_no_state_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.jit.script(nn.Linear(2, 2)).save(path)
    with pytest.raises(CheckpointError, match="TorchScript program"):
        read_state(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("checkpoints/latest_net_G.pth", b"x")
    with pytest.raises(CheckpointError, match="is a zip archive.*unpack it"):
        read_state(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(50_000_000))
    with pytest.raises(CheckpointError, match="decompression bomb"):
        read_state(path)


CONTENTS = {
    "no-state": ([torch.ones(1)], "a list without a state dict"),
    "nothing": ({}, "without a state dict"),
    "two-states": ({"G": {"a": torch.ones(1)}, "ema": {"a": torch.ones(1)}}, "several state dicts \\('G', 'ema'\\)"),
    "numbers-between": ({"a": torch.ones(1), "lr": 0.1}, "without a state dict"),
    "sparse": ({"a": torch.eye(3).to_sparse()}, "no plain dense tensor"),
}


@pytest.mark.parametrize(("content", "message"), CONTENTS.values(), ids=CONTENTS)
def test_other_contents_are_refused(content: object, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=message):
        read_state(tmp_path / "a.pth")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no file"):
        read_state(tmp_path / "absent.pth")
    with pytest.raises(CheckpointError, match="is a folder"):
        read_state(tmp_path)


def test_sha256_of_a_known_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


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
