import numpy as np
import pytest

from semsyn.data.formats.run_lengths import decode_mask, expand_counts
from semsyn.errors import InputError
from tests.data.formats.writers import STREET, run_lengths


def compress(runs: list[int]) -> str:
    """As COCO's tools write runs; kept apart from the decoder on purpose."""
    text = ""
    for i, run in enumerate(runs):
        value = run - runs[i - 2] if i > 2 else run
        while True:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            text += chr(48 + (bits | 32 if more else bits))
            if not more:
                break
    return text


@pytest.mark.parametrize("value", range(4))
def test_masks_come_back(value: int) -> None:
    mask = np.equal(STREET, value)
    for counts in (run_lengths(mask), compress(run_lengths(mask))):
        assert np.array_equal(decode_mask({"size": [12, 16], "counts": counts}, (12, 16), "here"), mask)


def test_known_strings() -> None:
    """Worked out by hand: 6 | 1 | 40 = 8 + 32 in two groups | 5 - 1."""
    assert expand_counts("61X14", "here") == [6, 1, 40, 5]
    assert expand_counts("0O", "here") == [0, -1], "a negative number"


@pytest.mark.parametrize("runs", [[0, 5, 100000, 3, 2**31, 1, 7], [192], [1, 2, 3, 4, 5, 6, 7]])
def test_numbers_of_any_size(runs: list[int]) -> None:
    assert expand_counts(compress(runs), "here") == runs


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ({"size": [12, 16], "counts": [10, 10]}, "must add up to 12 x 16"),
        ({"size": [12, 16], "counts": [-8, 200]}, "must add up"),
        ({"size": [12, 16], "counts": [192.0]}, "must add up"),
        ({"size": [12, 16], "counts": "61\x1f"}, "in the compressed runs"),
        ({"size": [12, 16], "counts": "6P"}, "cut off"),
        ({"size": [12, 16], "counts": "o" * 99}, "in the compressed runs"),
        ({"size": [16, 12], "counts": [192]}, r"the picture's size \[12, 16\]"),
        ({"counts": [192]}, "size"),
        ([1, 2], "needs counts"),
    ],
)
def test_damaged_masks(mask: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        decode_mask(mask, (12, 16), "here")
