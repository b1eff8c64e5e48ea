"""What users may import: the names of the faces. A change is meant, and stands in the changelog.

``python -m tests.snapshots.test_public_names`` writes the list anew.
"""

import inspect
from importlib import import_module
from pathlib import Path

LIST = Path(__file__).parent / "public_names.txt"
FACES = ("", "critics", "data", "data.toyscenes", "evaluate", "functional", "hub", "losses", "metrics", "models", "nn")
FACES += ("train",)
MOST = 158


def public_names() -> dict[str, list[str]]:
    """By face."""
    faces = {".".join(filter(None, ("semsyn", face))): None for face in FACES}
    return {face: sorted(import_module(face).__all__) for face in faces}


def test_the_public_names_are_those_of_the_list():
    wanted = [line.split(": ") for line in LIST.read_text().splitlines()]
    assert public_names() == {face: names.split() for face, names in wanted}


def test_they_are_few():
    assert len({name for names in public_names().values() for name in names}) <= MOST


def test_each_is_documented_and_there():
    for face, names in public_names().items():
        module = import_module(face)
        for name in names:
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                assert inspect.getdoc(value), f"{face}.{name} has no docstring"


def test_no_other_package_has_a_face():
    """Names that are no part of a face may move without a word."""
    packages = {str(p.parent.relative_to(LIST.parents[2])).replace("/", ".") for p in root().rglob("__init__.py")}
    others = packages - set(public_names())
    assert not [package for package in others if hasattr(import_module(package), "__all__")]


def root() -> Path:
    return LIST.parents[2] / "semsyn"


if __name__ == "__main__":
    LIST.write_text("".join(f"{face}: {' '.join(names)}\n" for face, names in public_names().items()))
