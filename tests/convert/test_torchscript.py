import pickle
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from semsyn.convert.torchscript import read_torchscript
from semsyn.errors import CheckpointError


class Program(nn.Module):
    """Weights of several dtypes, a shared storage, attributes of other kinds."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.visual = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LayerNorm(4))
        self.scale = nn.Parameter(torch.randn(3).half())
        self.register_buffer("count", torch.arange(5)[1:4])
        self.register_buffer("turned", torch.randn(2, 3).T)
        self.width, self.names = 5, ["a", "b"]

    def forward(self, x: Tensor) -> Tensor:
        return self.visual[0](x)


def write(path: Path, *, script: bool = False) -> Program:
    program = Program()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would rather export
        made = torch.jit.script(program) if script else torch.jit.trace(program, torch.zeros(1, 3, 8, 8))
        made.save(path)
    return program


@pytest.mark.parametrize("script", [False, True], ids=["traced", "scripted"])
def test_weights_of_a_program(tmp_path: Path, script: bool) -> None:
    program = write(tmp_path / "program.pt", script=script)
    found, expected = read_torchscript(tmp_path / "program.pt"), program.state_dict()
    assert found.keys() == expected.keys()
    for key, tensor in expected.items():
        assert found[key].dtype == tensor.dtype and torch.equal(found[key], tensor), key


def rewrite(path: Path, name: str, content: bytes) -> Path:
    """A copy with another entry ``…/name``."""
    copy = path.with_name("copy.pt")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for entry in old.namelist():
            new.writestr(entry, content if entry.endswith(name) else old.read(entry))
    return copy


class Evil:
    def __reduce__(self) -> object:
        return (Path.touch, (Path("hacked"),))


def test_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "program.pt")
    for bad in (pickle.dumps(Evil()), b"cos\nsystem\n(S'touch hacked'\ntR.", b"\x80\x04noise", b""):
        with pytest.raises(CheckpointError, match=r"copy.pt is damaged, or no TorchScript archive"):
            read_torchscript(rewrite(tmp_path / "program.pt", "/data.pkl", bad))
    assert not (tmp_path / "hacked").exists()


def test_storages_that_are_too_short(tmp_path: Path) -> None:
    write(tmp_path / "program.pt")
    with pytest.raises(CheckpointError, match="bytes, not those of"):
        read_torchscript(rewrite(tmp_path / "program.pt", "/data/0", b"1234"))


def test_other_files(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(3)}, tmp_path / "state.pth")
    with pytest.raises(CheckpointError, match="is damaged, or no TorchScript|holds no weights"):
        read_torchscript(tmp_path / "state.pth")
    (tmp_path / "text.pt").write_text("hello")
    for name in ("text.pt", "missing.pt"):
        with pytest.raises(CheckpointError, match="is no TorchScript archive"):
            read_torchscript(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"0" * 50_000_000)
    with pytest.raises(CheckpointError, match="or is a bomb"):
        read_torchscript(tmp_path / "bomb.pt")
