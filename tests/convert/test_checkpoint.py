import io
import os
import pickle
import struct
import tarfile
import warnings
import zipfile
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from semsyn.convert.checkpoint import read_metadata, read_state, read_states, sha256
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
    "with-options": lambda state, path: torch.save(
        {"opt": Namespace(name="x", nested=Namespace(a=[1])), "loss": np.float32(0.5), "state_dict": state}, path
    ),
    "with-options-legacy": lambda state, path: torch.save(
        {"loss": {"g": np.float64(0.5), "curve": np.arange(3)}, "state_dict": state, "opt": Namespace(name="x")},
        path,
        _use_new_zipfile_serialization=False,
    ),
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


def test_names_are_read_as_they_stand(tmp_path: Path) -> None:
    torch.save({"module.a": torch.ones(1)}, tmp_path / "a.pth")
    assert list(read_state(tmp_path / "a.pth")) == ["module.a"]


def test_several_states_are_told_by_where_they_stand(tmp_path: Path) -> None:
    one, two = {"a": torch.ones(1)}, {"b": torch.ones(2), "c": torch.ones(1)}
    optimizer = {"state": {0: {"step": torch.ones(1)}}, "param_groups": [{"lr": 0.1}]}
    nets: dict[str, object] = {"netG": one, "netD": two, "again": one}
    nets["itself"] = nets
    torch.save({"model": nets, "optimizer": optimizer, "epoch": 3, 7: two}, tmp_path / "a.pth")
    found = read_states(tmp_path / "a.pth")
    assert {name: list(state) for name, state in found.items()} == {"model.netG": ["a"], "model.netD": ["b", "c"]}
    with pytest.raises(
        CheckpointError, match=r"several state dicts: 'model.netG' \(1 tensors\), 'model.netD' \(2 tensors\)"
    ):
        read_state(tmp_path / "a.pth")


def test_harmless_classes_are_let_in_for_one_file_only(tmp_path: Path) -> None:
    torch.save({"opt": Namespace(a=1), "G": {"w": torch.ones(1)}}, tmp_path / "a.pth")
    read_states(tmp_path / "a.pth")
    with pytest.raises(pickle.UnpicklingError, match="argparse"):
        torch.load(tmp_path / "a.pth", weights_only=True)
    trace = tmp_path / "trace"
    torch.save({"opt": Namespace(a=Program(f"touch {trace}")), "G": {"w": torch.ones(1)}}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="holds code .*system.*was not opened"):
        read_states(tmp_path / "a.pth")
    assert not trace.exists()


DECLARED = {
    "strides": (
        {"w": torch.zeros(1).expand(1_000_000, 1_000_000)},
        r"'w' declares 4,000,000,000,000 bytes, .* holds 4 ",
    ),
    "shared": (
        {f"w{i}": tensor for i, tensor in enumerate([torch.zeros(300_000)] * 9)},
        "9 tensors declare 10,800,000",
    ),
}


@pytest.mark.parametrize(("state", "message"), DECLARED.values(), ids=DECLARED)
@pytest.mark.parametrize("legacy", [False, True])
def test_files_that_declare_more_than_they_hold_are_refused(
    state: dict[str, Tensor], message: str, legacy: bool, tmp_path: Path
) -> None:
    torch.save(state, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
    assert (tmp_path / "a.pth").stat().st_size < 2_000_000
    with pytest.raises(CheckpointError, match=f"{message}.*Do not trust it"):
        read_state(tmp_path / "a.pth")


def test_tied_and_sliced_weights_are_no_attack(tmp_path: Path) -> None:
    whole = torch.randn(4, 6)
    torch.save({"a": whole, "b": whole, "c": whole.T, "d": whole[1:3, ::2]}, tmp_path / "a.pth")
    assert torch.equal(read_state(tmp_path / "a.pth")["d"], whole[1:3, ::2])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ("sys_info", "pickle", "storages", "tensors"),
            r"tar format of PyTorch 0\.1, .*weights_only=False\), NEW\), and pass",
        ),
        (("latest_net_G.pth",), "is a tar archive: unpack it"),
    ],
)
def test_tar_files_are_called_what_they_are(names: tuple[str, ...], message: str, tmp_path: Path) -> None:
    path = tmp_path / "latest_net_G.pth"
    with tarfile.open(path, "w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(CheckpointError, match=message):
        read_state(path)


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
    "two-states": ({"G": {"a": torch.ones(1)}, "ema": {"a": torch.ones(1)}}, "several state dicts: 'G' .*, 'ema' "),
    "numbers-between": ({"a": torch.ones(1), "lr": 0.1}, r"tensors mixed with other values \(lr\), not a state dict"),
    "options-alone": (Namespace(lr=0.1), "holds options or numbers alone"),
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
