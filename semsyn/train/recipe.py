"""How a generator is trained."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from semsyn.generator.config import Config
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
