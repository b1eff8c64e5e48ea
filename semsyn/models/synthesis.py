"""A picture, and what was found on the way to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from semsyn.errors import InputError
from semsyn.nn.scene_parts import SceneParts


@dataclass(frozen=True, kw_only=True)
class Synthesis:
    """What `Generator.synthesize` gives.

    Attributes:
        image: n 3 h w in [-1, 1].
        extras: by name.
    """

    image: Tensor
    extras: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> SceneParts:
        """The parts that were inferred (iPOSE).

        Raises:
            InputError: if the generator infers none.
        """
        if "parts" not in self.extras:
            raise InputError("this generator infers no parts; iPOSE does.")
        return self.extras["parts"]
