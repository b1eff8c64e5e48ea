"""Arguments are checked against annotations, and named."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from semsyn.errors import InputError, InputTypeError
from semsyn.signature import check_count, checked


@checked(floats="x many", count=1, pair=0)
def call(
    x: Tensor,
    ids: Tensor | None = None,
    *,
    count: int = 1,
    pair: int | tuple[int, int] = 1,
    factor: float | None = None,
    has: bool = False,
    name: Literal["a", "b"] = "a",
    many: Sequence[Tensor] = (),
    table: Mapping[int, int] | None = None,
    make: Callable[[int], nn.Module] | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> str:
    """What it says."""
    return "called"


X = torch.zeros(2)
GOOD = {
    "ids": (X, None, nn.Parameter(X)),
    "count": (1, 2**20, np.int64(3)),
    "pair": (0, 3, (1, 2), [1, 2]),
    "factor": (1, 0.5, np.float32(2), None, -3.0),
    "has": (True, np.bool_(False)),
    "name": ("a", "c"),  # names that there are not are for the function to tell
    "many": ([X, X], (), nn.ParameterList([X])),
    "table": ({}, {1: 2}),
    "make": (nn.ReLU, lambda _: nn.ReLU()),
    "device": ("cpu", torch.device("meta"), None),
    "dtype": (torch.float16, None),
}
WRONG = {
    "x": (
        (None, "a tensor, found NoneType"),
        (np.zeros(2), "from_numpy"),
        (X.long(), "hold floats, found torch.int64"),
    ),
    "ids": ((3, "a tensor, found int"), (np.zeros(2), "from_numpy"), ([X], "a tensor, found list")),
    "count": (
        (0, "from 1 to 1,048,576, found 0"),
        (2**40, "from 1 to"),
        (2**63, "64 bits"),
        (True, "a whole number, found True"),
        (1.5, "a whole number, found 1.5"),
        ("1", "a whole number"),
        (None, "found None"),
        (X, r"found a tensor of shape \(2,\)"),
        (np.array(2), "a whole number"),
    ),
    "pair": (((1, 2, 3), "2 of a whole number"), ((-1, 1), "from 0"), ("ab", "found 'ab'"), ((1, None), "found")),
    "factor": ((float("nan"), "a finite number"), (float("inf"), "finite"), ("1", "found '1'"), (True, "found True")),
    "has": ((1, "True or False, found 1"), (None, "found None")),
    "name": ((1, "one of 'a', 'b', found 1"), (None, "found None")),
    "many": ((X, "several of"), ([1], "several of"), ("ab", "found 'ab'"), ([X.bool()], "hold floats")),
    "table": (([], "a mapping"), (3, "a mapping")),
    "make": ((3, "a function"), ("relu", "a function")),
    "device": (("gpu", "a device that is here"), (3.5, "a device"), (2**70, "a device")),
    "dtype": ((torch.int64, "a dtype of floats"), ("float32", "a dtype")),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_fits_is_taken(name: str) -> None:
    for value in GOOD[name]:
        assert call(X, **{name: value}) == "called"  # type: ignore[arg-type]


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_is_named(name: str) -> None:
    for value, message in WRONG[name]:
        arguments = {"x": X, name: value}
        with pytest.raises((InputError, InputTypeError), match=f"^{name} must .*{message}"):
            call(**arguments)  # type: ignore[arg-type]


def test_it_stays_what_it_was() -> None:
    assert call.__doc__ == "What it says." and call.__name__ == "call"
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        call()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
        call(X, y=1)  # type: ignore[call-arg]


def test_nothing_is_looked_at_in_a_graph() -> None:
    run = torch.compile(lambda x: x + len(call(x, factor=0.5)), backend="eager", fullgraph=True)
    assert run(X).tolist() == [6, 6]


def test_counts() -> None:
    check_count(3, "n", 1, 3)
    with pytest.raises(InputError, match="n must be from 1 to 3, found 4"):
        check_count(4, "n", 1, 3)
    with pytest.raises(InputTypeError, match=r"n must be a whole number, found 1\.0"):
        check_count(1.0, "n")
