"""What docstrings and comments call `semsyn.…` is there."""

import importlib
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "semsyn"
REFERENCE = re.compile(r"`(semsyn(?:\.\w+)+)")


def exists(name: str) -> bool:
    """Whether a dotted name leads somewhere: a module, and from there on attributes."""
    package, *rest = name.split(".")
    found: object = importlib.import_module(package)
    for part in rest:
        package = f"{package}.{part}"
        if not hasattr(found, part):
            try:
                importlib.import_module(package)
            except ModuleNotFoundError:
                return False
        found = getattr(found, part)
    return True


def references() -> dict[str, str]:
    """Each name that is written in backticks, with the first file that has it."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in REFERENCE.findall(path.read_text(encoding="utf-8")):
            found.setdefault(name, str(path.relative_to(PACKAGE)))
    return found


def test_names_in_docstrings_are_there() -> None:
    known = references()
    assert known, "the pattern finds nothing"
    assert not {name: file for name, file in known.items() if not exists(name)}


@pytest.mark.parametrize(
    ("name", "is_there"),
    {
        "semsyn.nn": True,
        "semsyn.nn.spade.SPADE": True,
        "semsyn.nn.spade.SPADE.forward": True,
        "semsyn.nn.tent": False,
        "semsyn.nn.spade.SPADE.backward": False,
    }.items(),
)
def test_a_name_is_looked_up_to_its_end(name: str, is_there: bool) -> None:
    assert exists(name) == is_there
