"""Base class of layers that read a Condition: norms and convolutions alike."""

from torch import Tensor, nn

from semsyn.condition import CONDITION_FIELDS, Condition
from semsyn.errors import InputError
from semsyn.functional import resize_ids


class Conditional(nn.Module):
    """A layer called as ``layer(x, cond)``.

    Attributes:
        reads: the `Condition` fields it needs; a network checks at construction that something writes them.
        out_channels: channels of its result.
    """

    reads: tuple[str, ...] = ()
    out_channels: int

    def __init__(self) -> None:
        super().__init__()
        assert set(self.reads) <= set(CONDITION_FIELDS), self.reads

    def conditions(self, x: Tensor, cond: "Condition | Tensor") -> Condition:
        """Check that cond has what this layer reads, at the size of x.

        Bare class_ids (n h w, any size) become a Condition.
        """
        if isinstance(cond, Tensor):
            cond = Condition(class_ids=resize_ids(cond, (x.shape[2], x.shape[3])))
        if missing := cond.missing(self.reads):
            raise InputError(
                f"{type(self).__name__} reads {missing}, which the condition does not hold. See Condition.of(...)."
            )
        if cond.batch != len(x):
            raise InputError(f"the condition is for {cond.batch} images, found {len(x)}.")
        if cond.size != x.shape[2:]:
            raise InputError(
                f"the condition is for {cond.size} features, found {tuple(x.shape[2:])}. Give Condition.of(..., size=)."
            )
        return cond
