"""What a step learnt from, as plain values that any reader of tensors takes."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from semsyn.records.record import Record
from semsyn.train.shot import Batch, Draws


@runtime_checkable
class NamedPictures(Protocol):
    """Pictures that come from files."""

    def names(self, indices: list[int]) -> list[str]:
        """The files of some of them."""
        ...


def collect_evidence(
    pictures: object, numbers: list[int], batches: Sequence[Batch], draws: Sequence[Draws]
) -> dict[str, Any]:
    """Numbers, and names where there are any, of a batch's pictures; of each piece what it held and what was drawn.

    Args:
        pictures: that were learnt from.
        numbers: of the whole batch.
        batches, draws: this process' pieces.
    """
    return {
        "pictures": list(numbers),
        "names": pictures.names(numbers) if isinstance(pictures, NamedPictures) else [],
        "pieces": [
            {
                "real": _plain(batch.real),
                "mask": _plain(batch.mask),
                "layout": _plain(batch.layout),
                "style": _plain(drawn.style),
                "critic_style": _plain(drawn.critic_style),
                "paired": drawn.paired,
                "others": _plain(drawn.others),
            }
            for batch, drawn in zip(batches, draws, strict=True)
        ],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, Record):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.init}  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return value
