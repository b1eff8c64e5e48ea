"""What docstrings of public names say of parameters and attributes, held against the code by griffe.

griffe comes with the extra ``docs``; `.ci/run` runs this where it is installed.
"""

import importlib.util
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.snapshots.test_public_names import LIST

griffe = pytest.importorskip("griffe", reason="griffe is not installed: pip install -e '.[docs]'")

ROOT = Path(__file__).parents[2]
OPTIONS = {"returns_named_value": False, "returns_multiple_items": False}
FACES = dict(line.split(": ") for line in LIST.read_text().splitlines())


@cache
def extension() -> Any:
    """What translates docstrings, for griffe and for the documentation."""
    spec = importlib.util.spec_from_file_location("docstrings", ROOT / ".ci" / "docstrings.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load(root: Path, package: str = "semsyn") -> Any:
    return griffe.load(
        package,
        search_paths=[root],
        extensions=griffe.load_extensions(extension().Docstrings()),
        docstring_parser="google",
        docstring_options=OPTIONS,
    )


@cache
def package() -> Any:
    return load(ROOT)


def find(face: Any, name: str) -> Any:
    """What a face exports by that name, itself; where a file has the same name, what that defines."""
    found = face[name]
    found = found.final_target if found.is_alias else found
    return found.members.get(name, found) if found.is_module else found


def documented(found: Any) -> Iterator[Any]:
    """A function or class, and the public methods of a class."""
    if found.is_function or found.is_class:
        yield found
    if found.is_class:
        members = [m for name, m in found.members.items() if not name.startswith("_") and not m.is_alias]
        yield from (m for m in members if m.is_function and "property" not in m.labels)


def complaints(found: Any) -> Iterator[str]:
    """Where a docstring and the code do not agree."""
    if found.docstring is None:
        return
    sections = {section.kind.value: section.value for section in found.docstring.parsed if section.kind.value != "text"}
    taken = [parameter.name for parameter in found.parameters if parameter.name not in ("self", "cls")]
    if "parameters" in sections:
        said = [item.name.lstrip("*") for item in sections["parameters"]]
        yield from (f"{found.path}: Args names {name!r}, which it does not take" for name in said if name not in taken)
        yield from (f"{found.path}: Args leaves out {name!r}" for name in taken if name not in said)
    for item in sections.get("attributes", ()):
        if item.name not in found.all_members:
            yield f"{found.path}: Attributes names {item.name!r}, which it does not have"


@pytest.mark.parametrize("face", FACES)
def test_docstrings_agree_with_the_code(face: str, caplog: pytest.LogCaptureFixture) -> None:
    module = package()[inner] if (inner := face.removeprefix("semsyn").lstrip(".")) else package()
    with caplog.at_level(logging.WARNING, logger="griffe"):
        public = [find(module, name) for name in FACES[face].split() if not name.startswith("__")]
        found = [text for name in public for part in documented(name) for text in complaints(part)]
    assert not found + [record.getMessage() for record in caplog.records]


WRONG = '''
def paint(layout, style, *, size=None):
    """Paint.

    Args:
        layout, styles: the maps and the codes.
    """


class Brush:
    """A brush.

    Attributes:
        hairs: many.
    """

    def __init__(self, width):
        self.width = width

    def stroke(self, length, colour):
        """A stroke.

        Args:
            length: of it.
        """
'''


def test_a_docstring_that_is_wrong_is_found(tmp_path: Path) -> None:
    (tmp_path / "brushes.py").write_text(WRONG)
    module = load(tmp_path, "brushes")
    found = [text for name in ("paint", "Brush") for part in documented(module[name]) for text in complaints(part)]
    assert [text.partition(": ")[2] for text in found] == [
        "Args names 'styles', which it does not take",
        "Args leaves out 'style'",
        "Args leaves out 'size'",
        "Attributes names 'hairs', which it does not have",
        "Args leaves out 'colour'",
    ]


def test_equations_tables_and_shapes_are_translated() -> None:
    text = "A layer.\n\n.. math:: y = x,\n   \\quad x\n\n====  ===\na, b  :math:`d`\n====  ===\n\n"
    text += "Shape: x is n c\n    h w.\n"
    assert extension().to_markdown(text).splitlines() == [
        "A layer.",
        "",
        "\\[",
        "y = x,",
        "\\quad x",
        "\\]",
        "",
        "|||",
        "|---|---|",
        "|a, b|\\(d\\)|",
        "",
        "**Shape:** x is n c",
        "h w.",
    ]
