"""Docstrings as they are written here, to what the documentation's parser reads; `mkdocs.yml` and the tests use it.

They are in Google's style with a few habits more: arguments that are explained together share a line, shapes and
references are paragraphs, equations and tables are written as in reStructuredText.
"""

import re
from typing import Any

import griffe

SECTIONS = ("Args:", "Attributes:")
SHARED = re.compile(r"^(?P<indent> +)(?P<names>\*{0,2}\w+(?:, \*{0,2}\w+)+): (?P<text>.*)$")
MATH = re.compile(r"^\.\. math:: (?P<first>.*)$")
PARAGRAPH = re.compile(r"^(?P<name>Shape|Reference|References): (?P<first>.*)$")
RULE = re.compile(r"^=+(?: +=+)+$")


def to_markdown(text: str) -> str:
    """A docstring in the words of the parser."""
    lines = text.splitlines()
    for change in (_shared, _paragraphs, _equations, _tables):
        lines = change(lines)
    return re.sub(r":math:`([^`]*)`", r"\\(\1\\)", "\n".join(lines))


def _shared(lines: list[str]) -> list[str]:
    """``a, b: text`` in a section of arguments becomes a line for each."""
    found, is_inside = [], False
    for line in lines:
        if line and not line.startswith(" "):
            is_inside = line in SECTIONS
        if is_inside and (shared := SHARED.match(line)):
            *others, last = shared["names"].split(", ")
            found += [f"{shared['indent']}{name}: see ``{last}``." for name in others]
            line = f"{shared['indent']}{last}: {shared['text']}"
        found.append(line)
    return found


def _paragraphs(lines: list[str]) -> list[str]:
    """``Shape: text``, whose text goes on with an indent, becomes a paragraph that begins with a bold word."""
    found, is_inside = [], False
    for line in lines:
        if paragraph := PARAGRAPH.match(line):
            is_inside = True
            line = f"**{paragraph['name']}:** {paragraph['first']}"
        elif is_inside:
            is_inside = bool(line)
            line = line.strip()
        found.append(line)
    return found


def _equations(lines: list[str]) -> list[str]:
    """``.. math::`` and the indented lines that go on with it become a formula of their own."""
    found: list[str] = []
    inside: list[str] = []
    for line in [*lines, ""]:
        if math := MATH.match(line):
            inside = [math["first"]]
        elif inside and line.startswith(" "):
            inside.append(line.strip())
        else:
            found += ["\\[", *inside, "\\]"] if inside else []
            inside = []
            found.append(line)
    return found[:-1]


def _tables(lines: list[str]) -> list[str]:
    """Tables between rules of ``=`` become those between bars; columns are where the rules have gaps."""
    rules = [i for i, line in enumerate(lines) if RULE.match(line)]
    found = list(lines)
    for start, stop in reversed(list(_pairs(rules, lines))):
        columns = [m.span() for m in re.finditer("=+", lines[start])]
        rows = [[line[a:b].strip() for a, b in _ends(columns, line)] for line in lines[start + 1 : stop]]
        rows = [row for row in rows if not row[0].startswith("=")]
        head = rows.pop(0) if any(start < rule < stop for rule in rules) else [""] * len(columns)
        bars = ["|" + "|".join(row) + "|" for row in (head, ["---"] * len(columns), *rows)]
        found[start : stop + 1] = bars
    return found


def _pairs(rules: list[int], lines: list[str]) -> list[tuple[int, int]]:
    """First and last rule of each table; a blank line ends one."""
    tables: list[tuple[int, int]] = []
    for rule in rules:
        if tables and all(lines[tables[-1][0] : rule]):
            tables[-1] = tables[-1][0], rule
        else:
            tables.append((rule, rule))
    return tables


def _ends(columns: list[tuple[int, int]], line: str) -> list[tuple[int, int]]:
    return [*columns[:-1], (columns[-1][0], max(len(line), columns[-1][0]))]


class Docstrings(griffe.Extension):
    """Rewrites every docstring when it is found."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value)
