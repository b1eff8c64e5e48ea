"""How a generator is trained."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from semsyn.errors import UnknownNameError
from semsyn.generator.config import Config
from semsyn.nn.towers.tower import Tower
from semsyn.train.plan import Plan
from semsyn.train.schedule import Cycles

if TYPE_CHECKING:
    from semsyn.train.training import Training

R = TypeVar("R", bound="Recipe")


@dataclass(frozen=True, kw_only=True)
class Recipe(Plan):
    """How a generator is trained against a critic: the fields are those of `semsyn.train.plan.Plan`."""

    def begin(self, config: Config, *, seed: int) -> "Training":
        """A run at step 0."""
        from semsyn.train.training import Training  # whoever only reads recipes needs no loop

        return Training(self, config, seed=seed)

    def lasting(self: R, steps: int) -> R:
        """The same in so many steps, in one cycle."""
        return replace(self, cycles=Cycles((steps,), self.cycles.decay_from))

    def looking_through(self: R, towers: Mapping[str, Tower]) -> R:
        """The same with losses that look through trained networks.

        Args:
            towers: by name, such as ``vgg16``; each is one of the recipe's ``towers``.

        Raises:
            UnknownNameError: for one that the recipe does not know.
        """
        arguments = {name: argument for argument, name in self.towers.items()}
        for name in towers:
            if name not in arguments:
                raise UnknownNameError("tower of this recipe", name, list(arguments))
        found = {arguments[name]: tower for name, tower in towers.items()}
        return replace(self, objective=partial(self.objective, **found)) if found else self
