"""Original states of our own generators, and their way back."""

from collections.abc import Mapping

from torch import Tensor

from semsyn import Generator
from semsyn.convert.original import OriginalModel, Released
from semsyn.models import FAMILIES

RELEASED: dict[str, Released] = {name: family.released for name, family in FAMILIES.items()}


def originals(generator: Generator) -> dict[str, dict[str, Tensor]]:
    """The state of a generator by role, in original names."""
    return RELEASED[generator.config.family].invert(generator.config, generator.state_dict())


def read(states: Mapping[str, Mapping[str, Tensor]], what: str = "the file") -> OriginalModel:
    """Original states by role as one model of a family."""
    return OriginalModel.of(states, list(RELEASED.values()), what=what)
