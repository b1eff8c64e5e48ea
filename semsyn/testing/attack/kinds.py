"""Every attack by the name of its kind: ``<module>.<function>``."""

from types import ModuleType

from semsyn.testing.attack import tables
from semsyn.testing.attack.attempt import Attack

MODULES: tuple[ModuleType, ...] = (tables,)
"""Each has a tuple ``ATTACKS`` of functions."""


def kinds() -> dict[str, Attack]:
    """The attacks, in the order in which they are listed."""
    return {f"{m.__name__.rpartition('.')[2]}.{a.__name__}": a for m in MODULES for a in m.ATTACKS}
