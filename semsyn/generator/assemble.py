"""A generator around weights that are there already."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from semsyn.errors import CheckpointError, InputError, list_some
from semsyn.generator.config import Config
from semsyn.generator.generator import Generator

_some = partial(list_some, longest=160)  # a key with two shapes


def assemble(config: Config, state: Mapping[str, Tensor], *, dtype: torch.dtype | None = None) -> Generator:
    """Build a generator around a state, without drawing weights that would be overwritten.

    Args:
        config: says what it is.
        state: every entry of the generator's state dict.
        dtype: of the floating-point tensors; None is float32.

    Returns:
        the generator in evaluation mode, on the CPU.

    Raises:
        CheckpointError: if entries are missing, left over or of another shape; the message lists them.
        InputError: if the config itself cannot be built.
    """
    dtype = torch.float32 if dtype is None else dtype
    with torch.device("meta"):
        generator = _build(config)
    expected = generator.state_dict()
    check_state(state, expected, what=config.describe())
    fitting = {key: cast(tensor, dtype) if expected[key].is_floating_point() else tensor.to(expected[key].dtype)
               for key, tensor in state.items()}  # fmt: skip
    generator.load_state_dict(fitting, assign=True)
    return generator.eval()


def attach_given(generator: Generator, resources: Mapping[str, Any]) -> None:
    """`Generator.attach` for each that is given; None: it is not."""
    for name, value in resources.items():
        if value is not None:
            generator.attach(name, value)


def _build(config: Config) -> Generator:
    try:
        generator: Generator = config.build()
    except (TypeError, ValueError, ArithmeticError, RuntimeError, KeyError, IndexError) as error:
        raise InputError(f"no network can be built from {config}: {error}") from error
    return generator


def cast(tensor: Tensor, dtype: torch.dtype | None) -> Tensor:
    """A floating-point tensor in another dtype; any other tensor, and with None every one, as it is."""
    return tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor


def check_state(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], *, what: str) -> None:
    """Check that a converted state fills a network exactly.

    Raises:
        CheckpointError: listing keys that are missing or too many, shapes that differ, and numbers of another kind.
    """
    missing, extra = sorted(set(expected) - set(state)), sorted(set(state) - set(expected))
    shapes = [
        f"{k}: {tuple(state[k].shape)}, needed {tuple(t.shape)}"
        for k, t in expected.items()
        if k in state and state[k].shape != t.shape
    ]
    kinds = [
        f"{k}: {str(state[k].dtype).removeprefix('torch.')}"
        for k, t in expected.items()
        if k in state and not shapes and not _is_of_kind(state[k], t)
    ]
    problems = [
        *([f"{len(missing)} weights are missing ({_some(missing)})"] if missing else []),
        *([f"{len(extra)} weights have no place ({_some(extra)})"] if extra else []),
        *([f"{len(shapes)} shapes differ ({_some(shapes)})"] if shapes else []),
        *([f"{len(kinds)} hold numbers of another kind ({_some(kinds)})"] if kinds else []),
    ]
    if problems:
        raise CheckpointError(f"the checkpoint does not fit {what}: {'; '.join(problems)}.")


def _is_of_kind(found: Tensor, expected: Tensor) -> bool:
    """Weights are floating-point numbers of any width; counters and ids whole ones, which averaging makes floats of."""
    if expected.is_floating_point():
        return found.is_floating_point()
    if found.is_meta:  # of which only the shape is asked
        return not found.is_complex()
    return not found.is_complex() and torch.equal(found.to(expected.dtype).to(found.dtype), found)
