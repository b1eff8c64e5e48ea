"""A picture, and what was found on the way to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from semsyn.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Synthesis:
    """What `Generator.synthesize` gives.

    Attributes:
        image: n 3 h w in [-1, 1].
        extras: by name, see `Generator.finds`; ``synthesis["parts"]`` is ``synthesis.extras["parts"]``.
    """

    image: Tensor
    extras: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        """What was found under that name.

        Raises:
            InputError: if this generator finds no such thing.
        """
        if name not in self.extras:
            raise InputError(f"this generator finds no {name!r}; it finds {', '.join(self.extras) or 'nothing'}.")
        return self.extras[name]
