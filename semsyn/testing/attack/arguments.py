"""Odd arguments for every public function, constructor and layer: wrong types, dtypes, shapes, numbers, nothing at all.

What semsyn cannot use it refuses, naming the argument; it never fails somewhere inside.
"""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from semsyn.records.condition import Condition
from semsyn.records.layout import Layout
from semsyn.testing.attack.attempt import Attack, WrongAnswer
from semsyn.testing.attack.subjects import H, N, Subject, W, calls, constructors, functions

ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, 1, 2, -1, 2**31, 2**63, 10**30, -(2**40), 1.5, -0.5, 1e300, float("nan"), float("inf"),
    "", "text", "cpu", b"", [], [1], [None], (), (1, 2, 3), (0, 0), (-1, 4), {}, {"a": 1}, object(), slice(None), int,
    np.zeros((N, H, W)), np.zeros(0), np.float32(1), np.int64(3), np.array(2), torch.float32, torch.int64,
    torch.zeros(0), torch.tensor(3), torch.zeros(N, H, W), torch.zeros(1, 1, 1, 1, 1), [torch.zeros(2)],
    [[torch.zeros(2)]],
)  # fmt: skip

CHANGES: tuple[Callable[[Tensor], Any], ...] = (
    Tensor.long, Tensor.bool, Tensor.half, Tensor.double, Tensor.bfloat16, Tensor.int, Tensor.numpy, Tensor.tolist,
    lambda t: t.to(torch.complex64),
    lambda t: t.to(torch.uint8),
    lambda t: t[0] if t.ndim else t,
    lambda t: t[None],
    lambda t: t[..., None],
    lambda t: t[:0] if t.ndim else t,
    lambda t: t[..., :0] if t.ndim else t,
    lambda t: t[:, :0] if t.ndim > 1 else t,
    lambda t: t[..., :1] if t.ndim else t,
    lambda t: t[:1] if t.ndim else t,
    lambda t: t[..., 1:] if t.ndim else t,
    lambda t: torch.cat([t, t]) if t.ndim else t,
    lambda t: torch.cat([t, t], 1) if t.ndim > 1 else t,
    lambda t: t.transpose(0, -1) if t.ndim > 1 else t,
    lambda t: t.flatten(),
    lambda t: t.sum(),
    lambda t: t - 5,
    lambda t: t * 10**9,
    lambda t: t * float("nan") if t.is_floating_point() else t * 0 - 1,
    lambda t: torch.full_like(t, 127),
    lambda t: t[:1].expand_as(t) if t.ndim else t,
)  # fmt: skip


def odd(rng: random.Random, value: Any) -> Any:
    """Something else than a value: another value altogether, or a tensor changed."""
    if isinstance(value, Tensor) and rng.random() < 0.6:
        try:
            return rng.choice(CHANGES)(value)
        except (RuntimeError, TypeError, IndexError):  # what cannot be changed so
            return None
    if isinstance(value, Condition | Layout) and rng.random() < 0.6:
        change = rng.choice(CHANGES[2:5])
        return value.map_tensors(
            lambda t: change(t) if t.is_floating_point() or isinstance(value, Condition) else t[:1]
        )
    if isinstance(value, list | tuple) and value and rng.random() < 0.5:
        return [*value[:-1], odd(rng, value[-1])]
    return rng.choice(ODD_VALUES)


def _try(rng: random.Random, subjects: Mapping[str, Subject]) -> Any:
    name = rng.choice(list(subjects))
    function, make = subjects[name]
    arguments = make()
    for argument in rng.sample(list(arguments), min(len(arguments), rng.choice((1, 1, 1, 2)))):
        arguments[argument] = odd(rng, arguments[argument])
    positional = [arguments.pop("")] if "" in arguments else []
    if isinstance(function, nn.Module):
        function.train(rng.random() < 0.3)
    with torch.set_grad_enabled(rng.random() < 0.3):
        return function(*positional, **arguments)


def of_functions(rng: random.Random, folder: Path) -> None:
    """One or two odd arguments of a function."""
    _try(rng, functions())


def of_constructors(rng: random.Random, folder: Path) -> None:
    """One or two odd arguments of a constructor."""
    _try(rng, constructors())


def of_calls(rng: random.Random, folder: Path) -> None:
    """One or two odd arguments of a layer's call."""
    _try(rng, calls())


def empty(rng: random.Random, folder: Path) -> None:
    """No picture at all: what comes of it has none either."""
    name = rng.choice([name for name, (_, make) in calls().items() if "layout" not in make()])
    layer, make = calls()[name]
    layer.eval()  # type: ignore[attr-defined]
    arguments = {
        key: value[:0]
        if isinstance(value, Tensor)
        else value.map_tensors(lambda t: t[:0])
        if value is not None
        else None
        for key, value in make().items()
    }
    positional = [arguments.pop("")] if "" in arguments else []
    with torch.no_grad():
        found = layer(*positional, **arguments)
    if isinstance(found, Tensor) and len(found):
        raise WrongAnswer(f"{name} makes {tuple(found.shape)} of nothing")


ATTACKS: tuple[Attack, ...] = (of_functions, of_constructors, of_calls, empty)
