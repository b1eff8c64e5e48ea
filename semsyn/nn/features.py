"""What layers are given and made of, checked where it comes in: named errors in place of those from deep inside."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from semsyn.errors import InputError, InputTypeError, check_shape
from semsyn.nn.plain_child import dtype_of
from semsyn.ops.modes import is_traced
from semsyn.signature import check_floats


def check_features(
    x: Any, name: str = "x", *, channels: int | None = None, reader: nn.Module | None = None, least: int = 1
) -> None:
    """Check features or pictures, n c h w. Nothing is looked at under `torch.compile`, export and tracing.

    Args:
        x: them.
        name: what messages call them.
        channels: c; None: any number.
        reader: what convolves them: they have its dtype, unless autocast sees to that. None: any floats.
        least: pixels of a side; the batch may be empty.

    Raises:
        InputTypeError: for what is no tensor of floats, or of another dtype.
        InputError: for another shape.
    """
    if is_traced():
        return
    check_shape(x, "n c h w", name=name, **({} if channels is None else {"c": channels}))
    check_floats(x, name)
    if min(x.shape[2:]) < least:
        raise InputError(f"{name} is {x.shape[2]} x {x.shape[3]} pixels, but a side has at least {least}.")
    if reader is not None and x.dtype != (wanted := dtype_of(reader)) and not torch.is_autocast_enabled(x.device.type):
        raise InputTypeError(
            f"{name} holds {x.dtype}, but the parameters of {type(reader).__name__} are {wanted}: give "
            f"{name}.to({wanted}), or move the module."
        )


def check_batch(norm: nn.BatchNorm2d, x: Any) -> None:
    """Check the features of a batch norm, n c h w.

    Raises:
        InputTypeError, InputError: as `check_features`; also for another dtype than the statistics', and where a batch
            has a single number per channel to take statistics of.
    """
    check_features(x, channels=norm.num_features, least=0)
    own = None if norm.running_mean is None else norm.running_mean.dtype
    is_mixed = own == torch.float32 and x.dtype in (torch.float16, torch.bfloat16)  # which torch computes
    if own not in (None, x.dtype) and not is_mixed:
        raise InputTypeError(
            f"x holds {x.dtype}, but the statistics of {type(norm).__name__} are {own}: give x.to({own}), or move the "
            "module."
        )
    if norm.training and 0 < x.numel() <= norm.num_features:
        raise InputError(
            f"x has shape {tuple(x.shape)}: batch statistics need more than one pixel of each channel. Take larger "
            "pictures or batches, or evaluation: eval()."
        )


def make_module(make: Callable[..., Any], name: str, *sizes: int) -> nn.Module:
    """What a factory that somebody gave makes.

    Raises:
        InputTypeError: unless it is a module.
    """
    made = make(*sizes)
    if not isinstance(made, nn.Module):
        raise InputTypeError(
            f"{name} must make a torch module of {' and '.join(map(str, sizes))} channels, but gives {made!r:.60}."
        )
    return made
