"""Which parts of which objects PartNet computes, and what it gives."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ObjectParts:
    """Inferred parts of m objects, each distinct part stream once: the parts that an object's supports lack are alike.

    Attributes:
        stream_logits: s h w.
        stream_features: s f h w.
        rows: m p, the stream of each part of each object.
    """

    stream_logits: Tensor
    stream_features: Tensor
    rows: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def logits(self) -> Tensor:
        """m p h w, raw; channel 0 is background."""
        return self.stream_logits[self.rows]

    @property
    def features(self) -> Tensor:
        """m p f h w."""
        return self.stream_features[self.rows]

    @property
    def part_ids(self) -> Tensor:
        """m h w int64, the part with the largest logit; of equal ones the first."""
        return self.logits.argmax(dim=1)

    @staticmethod
    def cat(pieces: "list[ObjectParts]") -> "ObjectParts":
        """Objects of several records, one after another."""
        if len(pieces) == 1:
            return pieces[0]
        starts = torch.tensor([len(p.stream_logits) for p in pieces]).cumsum(0).tolist()
        return ObjectParts(
            stream_logits=torch.cat([p.stream_logits for p in pieces]),
            stream_features=torch.cat([p.stream_features for p in pieces]),
            rows=torch.cat([p.rows + start for p, start in zip(pieces, [0, *starts], strict=False)]),
        )


@dataclass(frozen=True, kw_only=True)
class PartStreams:
    """Which (object, part) pairs are computed. s of them attend; a objects have one more stream for all absent parts.

    Attributes:
        owners: s, the object of each stream that attends.
        value_rows: s n, its blocks of values.
        bare: a, the objects with parts that no support has.
        rows: m p, the stream of each part; those of ``bare`` come after the s others.
    """

    owners: Tensor
    value_rows: Tensor
    bare: Tensor
    rows: Tensor

    @classmethod
    def merged(cls, value_rows: Tensor) -> "PartStreams":
        """The distinct ones, of the blocks of values m p n; how many there are depends on the data."""
        attends = (value_rows > 0).any(dim=2)
        owners, parts = attends.nonzero(as_tuple=True)
        lacks = ~attends.all(dim=1)
        rows = torch.zeros_like(attends, dtype=torch.int64)
        rows[attends] = torch.arange(len(owners), device=rows.device)
        shared = len(owners) + lacks.cumsum(0) - 1
        return cls(
            owners=owners,
            value_rows=value_rows[owners, parts],
            bare=lacks.nonzero()[:, 0],
            rows=torch.where(attends, rows, shared[:, None]),
        )

    @classmethod
    def every(cls, value_rows: Tensor) -> "PartStreams":
        """One per part, present or not: shapes depend on m alone."""
        m, p, _ = value_rows.shape
        objects = torch.arange(m, device=value_rows.device)
        return cls(
            owners=objects.repeat_interleave(p, output_size=m * p),
            value_rows=value_rows.flatten(0, 1),
            bare=objects[:0],
            rows=torch.arange(m * p, device=value_rows.device).view(m, p),
        )
