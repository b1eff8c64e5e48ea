"""Every attack by the name of its kind: ``<module>.<function>``."""

from types import ModuleType

from semsyn.testing.attack import (
    arguments,
    checkpoints,
    commands,
    configs,
    disk,
    hub,
    ids,
    kills,
    kills_of_work,
    maps,
    streams,
    tables,
    writers,
)
from semsyn.testing.attack.attempt import Attack

MODULES: tuple[ModuleType, ...] = (
    tables,
    maps,
    ids,
    arguments,
    commands,
    disk,
    streams,
    checkpoints,
    configs,
    writers,
    hub,
)
"""Each has a tuple ``ATTACKS`` of functions."""

SLOW_MODULES: tuple[ModuleType, ...] = (kills, kills_of_work, disk, streams)
"""Each has a tuple ``SLOW_ATTACKS``: seconds for an input."""


def kinds() -> dict[str, Attack]:
    """The attacks, in the order in which they are listed."""
    return {_name(module, attack): attack for module in MODULES for attack in module.ATTACKS}


def slow_kinds() -> dict[str, Attack]:
    """Those that take seconds for an input."""
    return {_name(module, attack): attack for module in SLOW_MODULES for attack in module.SLOW_ATTACKS}


def _name(module: ModuleType, attack: Attack) -> str:
    return f"{module.__name__.rpartition('.')[2]}.{attack.__name__}"
