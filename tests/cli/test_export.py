import json
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import pytest
import torch


@pytest.mark.slow
def test_an_onnx_file(clade: Path, tmp_path: Path, semsyn: Callable) -> None:
    out = tmp_path / "new" / "clade.onnx"
    code, text, err = semsyn("export", clade, out, "--size", "32x64")
    assert (code, err) == (0, "")
    assert text.splitlines() == [
        f"written  {out} ({out.stat().st_size / 1e6:.1f} MB)",
        "inputs   class_ids: n 32 64",
        "output   image: n 3 32 64, in [-1, 1]",
    ]
    assert [i.name for i in onnxruntime.InferenceSession(out).get_inputs()] == ["class_ids"]


@pytest.mark.slow
def test_a_torch_file(inade: Path, tmp_path: Path, semsyn: Callable) -> None:
    out = tmp_path / "inade.pt2"
    code, text, err = semsyn("export", inade, out, "--json", "--format", "torch")
    assert (code, err) == (0, "")
    found = json.loads(text)
    assert found["format"] == "torch"
    assert found["inputs"] == {
        "class_ids": "n 64 64",
        "instance_ids": "n 64 64",
        "start": "n 8",
        "instances": "n i 2 4",
    }
    assert torch.export.load(out)


@pytest.mark.slow
def test_a_free_size(clade: Path, tmp_path: Path, semsyn: Callable) -> None:
    out = tmp_path / "clade.pt2"
    text = semsyn("export", clade, out).out
    assert "inputs   class_ids: n h w\n" in text
    assert "size     h and w are multiples of 32, from 64\n" in text


def test_wrong_requests(clade: Path, tmp_path: Path, semsyn: Callable) -> None:
    taken = tmp_path / "taken.onnx"
    taken.write_bytes(b"mine")
    for argv, message in (
        ((clade, taken), "taken.onnx exists and was kept; pass --overwrite"),
        ((clade, tmp_path / "a.bin"), "a.bin must end in .onnx or .pt2"),
        ((clade, tmp_path / "a.pt2", "--format", "onnx"), "a.pt2 must end in .onnx"),
        ((clade, tmp_path / "a.pt2", "--format", "tflite"), "invalid choice: 'tflite'"),
        ((clade, tmp_path / "a.pt2", "--size", "30x64"), "multiples of 32"),
        (("clade/toysenes", tmp_path / "a.pt2"), "unknown name 'clade/toysenes'; did you mean clade/toyscenes"),
        ((tmp_path / "no.safetensors", tmp_path / "a.pt2"), "there is no file"),
    ):
        code, _, err = semsyn("export", *argv)
        assert code == 2, argv
        assert err.startswith("semsyn: error: ") and err.count("\n") == 1
        assert message in err
    assert taken.read_bytes() == b"mine"
