"""What a run tells programs about itself: JSON lines, and TensorBoard."""

import json
import math
import resource
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from semsyn.data.io.whole_file import write_text
from semsyn.errors import InputError

LOG = "log.jsonl"


class Log:
    """Records, one JSON object a line, in ``log.jsonl``.

    Args:
        folder: of the file.
        step: where the run goes on: what was told of later steps is forgotten, since they are done again.
        has_board: also write TensorBoard's files, to the folder ``board``.

    Raises:
        InputError: if the file cannot be written, or TensorBoard is wanted and not installed.
    """

    def __init__(self, folder: Path, *, step: int, has_board: bool = False) -> None:
        self.file = folder / LOG
        self._board = _open_board(folder / "board", step) if has_board else None
        if self.file.exists():
            kept = [line for line in self.file.read_text(encoding="utf-8").splitlines() if _is_before(line, step)]
            write_text(self.file, "".join(f"{line}\n" for line in kept))

    def write(self, step: int, **record: Any) -> None:
        """Add a record; numbers inside go to TensorBoard, too. What is no finite number is null."""
        try:
            with open(self.file, "a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **_plain(record)}, allow_nan=False) + "\n")
        except OSError as error:
            raise InputError(f"{self.file} cannot be written: {error.strerror or error}.") from error
        if self._board is not None:
            for name, value in _flat(record):
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what waits."""
        if self._board is not None:
            self._board.close()


def memory() -> int:
    """Bytes that the process took at most: of the GPU where there is one, else of the machine."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def describe_time(seconds: float) -> str:
    """``1:02:03``, or ``2:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _open_board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError("TensorBoard is not installed: pip install tensorboard, or leave it out.") from error
    return SummaryWriter(str(folder), purge_step=step)


def _is_before(line: str, step: int) -> bool:
    with suppress(ValueError, KeyError, TypeError):  # a line that a killed process left half
        return bool(json.loads(line)["step"] <= step)
    return False


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _flat(record: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for name, value in record.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}/")
        elif isinstance(value, int | float):
            found.append((f"{prefix}{name}", float(value)))
    return found
