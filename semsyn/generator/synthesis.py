"""A picture, and what was found on the way to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from semsyn.errors import InputError
from semsyn.nn.parts.scene_parts import SceneParts
from semsyn.nn.routing.semantic_vectors import SemanticVectors


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
        return self._find("parts", "infers no parts; iPOSE does")

    @property
    def routing(self) -> SemanticVectors:
        """The logits of the experts that pixels take, at every level (SCGAN).

        Raises:
            InputError: if the generator has no experts.
        """
        return self._find("routing", "has no experts to choose from; SCGAN has")

    @property
    def preview(self) -> Tensor:
        """n 3 h w in [-1, 1], the picture that the semantic vectors alone give (SCGAN).

        Raises:
            InputError: if the generator paints none.
        """
        return self._find("preview", "paints no preview; SCGAN does, where its weights came with the head for it")

    def _find(self, name: str, otherwise: str) -> Any:
        if name not in self.extras:
            raise InputError(f"this generator {otherwise}.")
        return self.extras[name]
