"""TensorFlow checkpoints: what genuine ones hold, and what is refused."""

import os
from pathlib import Path

import pytest
import torch

from semsyn.convert.checkpoint import read_states
from semsyn.convert.crc32c import LANES, crc32c, masked_crc32c
from semsyn.convert.files import find_files, holds_originals
from semsyn.convert.tensor_bundle import find_index, is_index, read_bundle
from semsyn.errors import CheckpointError
from semsyn.testing.golden.case import Case
from tests.convert.bundles import message, number, write_bundle

GENUINE = Path(__file__).parents[1] / "golden/sims/checkpoint_v2.safetensors"


@pytest.fixture
def state():
    return {
        "g_a/weights": torch.randn(3, 3, 2, 4),
        "g_a/weights/Adam": torch.randn(3, 3, 2, 4),
        "g_b": torch.randn(6),
        "global_step": torch.tensor(7, dtype=torch.int64),
        "nothing": torch.zeros(0, 3),
        "half": torch.randn(5).half(),
    }


@pytest.fixture
def index(tmp_path, state):
    return write_bundle(tmp_path / "order" / "0100", state)


def test_checksums():
    assert crc32c(b"") == 0 and crc32c(b"123456789") == 0xE3069283
    assert masked_crc32c(b"") == 0xA282EAD8
    content = os.urandom(16 * LANES + 77)
    whole = crc32c(content)
    register = 0xFFFFFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    assert whole == register ^ 0xFFFFFFFF
    assert crc32c(content[:-1]) != whole


def test_a_genuine_checkpoint(tmp_path):
    case = Case.read(GENUINE)
    path = tmp_path / "model.ckpt.index"
    path.write_bytes(case.inputs["file_index"].numpy().tobytes())
    (tmp_path / "model.ckpt.data-00000-of-00001").write_bytes(case.inputs["file_data"].numpy().tobytes())
    found = read_bundle(path)
    wanted = {name.removeprefix("var/"): t for name, t in case.expected.items() if name.startswith("var/")}
    assert found.keys() == wanted.keys() and all(torch.equal(found[name], t) for name, t in wanted.items())


def test_every_variable_comes_back(index, state):
    found = read_bundle(index)
    assert found.keys() == state.keys()
    for name, tensor in state.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor)
    assert read_states(index).keys() == {""}


def test_a_path_may_mean_a_checkpoint_in_several_ways(index):
    values = index.with_name("model.ckpt.data-00000-of-00001")
    for path in (index, index.with_suffix(""), values, index.parent):
        assert find_index(path) == index
        assert find_files(path) == {"generator": index}
    assert is_index(index) and not is_index(values) and holds_originals(index.parent)
    assert find_index(index.parent / "other.pth") is None
    roles = {"generator": index.parent, "order": index.with_suffix("")}
    assert find_files(roles, ["order"]) == {"generator": index, "order": index}


def test_a_folder_of_several_is_refused(index):
    index.with_name("other.ckpt.index").write_bytes(index.read_bytes())
    with pytest.raises(CheckpointError, match="several TensorFlow checkpoints"):
        find_index(index.parent)


def test_a_missing_or_empty_file_of_values(index):
    values = index.with_name("model.ckpt.data-00000-of-00001")
    content = values.read_bytes()
    values.write_bytes(b"")
    with pytest.raises(CheckpointError, match="is empty"):
        read_bundle(index)
    values.unlink()
    with pytest.raises(CheckpointError, match="data-00000-of-00001 is missing beside"):
        read_bundle(index)
    values.write_bytes(content[:-1])
    with pytest.raises(CheckpointError, match="truncated"):
        read_bundle(index)


def test_a_changed_value_is_found(index):
    values = index.with_name("model.ckpt.data-00000-of-00001")
    content = bytearray(values.read_bytes())
    content[11] ^= 1
    values.write_bytes(content)
    with pytest.raises(CheckpointError, match="the checksum of 'g_a/weights' is another one"):
        read_bundle(index)


def test_an_index_cut_anywhere_is_refused(index):
    content = index.read_bytes()
    for length in range(len(content)):
        index.write_bytes(content[:length])
        with pytest.raises(CheckpointError):
            read_bundle(index)


def test_an_index_with_any_changed_byte_is_refused_or_read_as_it_was(index, state):
    content = index.read_bytes()
    for place in range(0, len(content), 3):
        changed = bytearray(content)
        changed[place] ^= 0x41
        index.write_bytes(changed)
        try:
            found = read_bundle(index)
        except CheckpointError:
            continue
        assert all(torch.equal(found[name], tensor) for name, tensor in state.items()), place


@pytest.mark.parametrize(
    ("header", "more", "message_"),
    [
        (number(1, 1) + number(2, 1), {}, "big-endian"),
        (b"", {}, "names no file of values"),
        (number(1, 1), {"text": number(1, 20)}, "type 20, which no network here has"),
        (number(1, 1), {"cut": number(1, 1) + message(7, b"")}, "saved in slices"),
        (number(1, 1), {"wrong": number(1, 1) + message(2, message(2, number(1, 5)))}, "not its shape"),
        (number(1, 1), {"other": number(1, 1) + number(3, 4)}, "data-00004-of-00001 is missing"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, state, header, more, message_):
    path = write_bundle(tmp_path, state, header, **more)
    with pytest.raises(CheckpointError, match=message_):
        read_bundle(path)


def test_texts_are_passed_over(tmp_path, state):
    path = write_bundle(tmp_path, state, text=number(1, 7))
    assert read_bundle(path).keys() == state.keys()


def test_other_files_are_no_index(tmp_path):
    path = tmp_path / "model.ckpt.index"
    for content in (b"", b"x" * 40, b"x" * 400):
        path.write_bytes(content)
        with pytest.raises(CheckpointError):
            read_states(path)
