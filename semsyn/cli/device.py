"""The device that a command works on."""

import torch

from semsyn.errors import InputError

__all__ = ["find_device"]


def find_device(name: str | None, local_rank: int = 0) -> torch.device:
    """The device of that name, or of the process of that number on this machine.

    Raises:
        InputError: if it cannot be used.
    """
    if name in (None, "cuda") and torch.cuda.is_available():
        return torch.device("cuda", local_rank % torch.cuda.device_count())
    try:
        device = torch.device("cpu" if name is None else name)
        torch.ones(1, device=device).cpu()
    except Exception as error:  # each kind of device has its own way to be absent
        first = str(error).strip().split("\n")[0]
        raise InputError(f"--device {name} cannot be used here: {first.rstrip('.')}. Try --device cpu.") from error
    return device
