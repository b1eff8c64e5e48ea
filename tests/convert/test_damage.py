"""Files with bytes changed at random (seeded): each is read, or refused by an error of ours, never by another."""

import contextlib
import io
import pickle
import random
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from semsyn.convert.checkpoint import read_states
from semsyn.convert.options import parse_options, parse_yaml
from semsyn.convert.plain_pickle import read_plain_pickle
from semsyn.errors import CheckpointError
from semsyn.models.scgan.released import RELEASED

SIGNS = "abc:_- []{}&*<>!#\n\t\"'0123456789.default: "


def damage(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed[: rng.randrange(len(changed))] if rng.random() < 0.2 else changed)


def save_all() -> Iterator[bytes]:
    weights = {"fc.weight": torch.arange(12.0).reshape(3, 4), "norm.num_batches_tracked": torch.tensor(3)}
    for content in (weights, {"G": weights, "opt": Namespace(a=1), "loss": np.float32(3)}):
        for is_zip in (True, False):
            file = io.BytesIO()
            torch.save(content, file, _use_new_zipfile_serialization=is_zip)
            yield file.getvalue()


@pytest.mark.parametrize("content", list(save_all()), ids=["zip", "legacy", "zip-options", "legacy-options"])
def test_weights(content: bytes, tmp_path: Path) -> None:
    rng = random.Random(0)
    for _ in range(200):
        (tmp_path / "a.pth").write_bytes(damage(content, rng))
        with contextlib.suppress(CheckpointError):
            read_states(tmp_path / "a.pth")


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_options(protocol: int) -> None:
    rng = random.Random(0)
    values = Namespace(a=1, b=[1, 2.5, "x", None, True], c={"d": (1, 2), "e": (1, 2, 3, 4)}, f=10**30)
    content = pickle.dumps(values, protocol)
    assert read_plain_pickle(content) == vars(values) | {"c": {"d": [1, 2], "e": [1, 2, 3, 4]}}
    for _ in range(1000):
        with contextlib.suppress(CheckpointError):
            read_plain_pickle(damage(content, rng))


def test_texts_of_options() -> None:
    rng = random.Random(0)
    for _ in range(1000):
        text = "".join(rng.choices(SIGNS, k=rng.randrange(200)))
        for parse in (parse_options, parse_yaml):
            with contextlib.suppress(CheckpointError):
                parse(text, RELEASED.options)
