"""How a generator is trained."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from torch import nn

from semsyn.errors import InputError, UnknownNameError
from semsyn.generator.config import Config
from semsyn.train.plan import Plan
from semsyn.train.setup import DEFAULT, Setup

if TYPE_CHECKING:
    from semsyn.train.training import Training

R = TypeVar("R", bound="Recipe")


@dataclass(frozen=True, kw_only=True)
class Recipe(Plan):
    """How a generator is trained against a critic: the fields are those of `semsyn.train.plan.Plan`."""

    def begin(self, config: Config, *, seed: int = 0, setup: Setup = DEFAULT) -> "Training":
        """A run at step 0.

        Args:
            config: of the generator.
            seed: of everything drawn.
            setup: how it is done here: device, precision, pieces of a batch, processes.

        Raises:
            InputError: if the losses look through trained networks of which nothing was said.
        """
        if self.needs_towers and self.towers:
            names = list(self.towers.values())
            raise InputError(
                f"the released losses look through {', '.join(names)}: give the weights, recipe.looking_through("
                f"{{{names[0]!r}: load_tower({names[0]!r}, PATH)}}), --{names[0]} PATH, or say that training goes "
                f"without, recipe.looking_through({{{names[0]!r}: None}}), --without {names[0]}."
            )
        from semsyn.train.training import Training  # whoever only reads recipes needs no loop

        return Training(self, config, seed=seed, setup=setup)

    def lasting(self: R, steps: int) -> R:
        """The same in so many steps, in one cycle of the rates."""
        return replace(self, cycles=self.cycles.lasting(steps))

    def looking_through(self: R, towers: Mapping[str, nn.Module | None]) -> R:
        """The same with losses that look through trained networks.

        Args:
            towers: by name, such as ``vgg16``; each is one of the recipe's ``towers``. None: losses go without it.

        Raises:
            UnknownNameError: for one that the recipe does not know.
        """
        arguments = {name: argument for argument, name in self.towers.items()}
        for name in towers:
            if name not in arguments:
                raise UnknownNameError("tower of this recipe", name, list(arguments))
        found = {arguments[name]: tower for name, tower in towers.items()}
        if not found:
            return self
        others = {argument: name for argument, name in self.towers.items() if argument not in found}
        return replace(self, objective=partial(self.objective, **found), towers=others)
