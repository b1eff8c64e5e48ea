"""Every attack by the name of its kind: ``<module>.<function>``."""

from importlib import import_module

from semsyn.testing.attack.attempt import Attack

MODULES = (
    "tables",
    "maps",
    "ids",
    "arguments",
    "commands",
    "disk",
    "streams",
    "checkpoints",
    "configs",
    "writers",
    "hub",
)
"""Each has a tuple ``ATTACKS`` of functions."""

SLOW_MODULES = ("kills", "kills_of_work", "disk", "streams")
"""Each has a tuple ``SLOW_ATTACKS``: seconds for an input."""


def kinds() -> dict[str, Attack]:
    """The attacks, in the order in which they are listed."""
    return _collect(MODULES, "ATTACKS")


def slow_kinds() -> dict[str, Attack]:
    """Those that take seconds for an input."""
    return _collect(SLOW_MODULES, "SLOW_ATTACKS")


def _collect(modules: tuple[str, ...], attribute: str) -> dict[str, Attack]:
    loaded = {name: import_module(f"semsyn.testing.attack.{name}") for name in modules}
    return {f"{name}.{attack.__name__}": attack for name, m in loaded.items() for attack in getattr(m, attribute)}
