"""One published system: a folder with five files of fixed names."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from semsyn.convert.original import Released
from semsyn.generator.config import Config
from semsyn.models.card import Card

if TYPE_CHECKING:
    from semsyn.train.objective import Objective


@dataclass(frozen=True)
class Family:
    """A family, known by its config; the other files of its folder are found beside that one, when they are asked for.

    Attributes:
        config: the class in ``config.py``, frozen plain values.
    """

    config: type[Config]

    @property
    def name(self) -> str:
        """As in ``family/dataset``."""
        return self.config.family

    @property
    def title(self) -> str:
        """As in its paper."""
        return self.config.title

    def file(self, name: str) -> ModuleType:
        """A file of the family's folder: ``network``, ``released``, ``cards`` or ``recipe``."""
        return import_module(f"{self.config.__module__.rpartition('.')[0]}.{name}")

    @cached_property
    def released(self) -> Released:
        """How its original files are read: ``RELEASED`` of ``released.py``."""
        released: Released = self.file("released").RELEASED
        return released

    @cached_property
    def cards(self) -> tuple[Card, ...]:
        """Its weights and presets: ``CARDS`` of ``cards.py``."""
        cards: tuple[Card, ...] = self.file("cards").CARDS
        return cards

    @property
    def measured(self) -> tuple[str, ...]:
        """What benchmarks measure by default: ``MEASURED`` of ``cards.py``, where it is there."""
        return getattr(self.file("cards"), "MEASURED", ())

    @property
    def towers(self) -> tuple[str, ...]:
        """The trained networks that its released losses look through, by the option of `objective` that takes them."""
        towers: tuple[str, ...] = self.file("recipe").TOWERS
        return towers

    def objective(self, config: Config, **options: Any) -> "Objective":
        """What a generator of that config is trained for, as released; options are those of ``recipe.py``."""
        objective: Objective = self.file("recipe").objective(config, **options)
        return objective

    @cached_property
    def recipes(self) -> Mapping[str, Any]:
        """How its networks are trained, by name: ``RECIPES`` of ``recipe.py``."""
        recipes: Mapping[str, Any] = self.file("recipe").RECIPES
        return recipes
