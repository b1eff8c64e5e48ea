"""What pages and examples name is there, and is for users.

Imports come from the faces alone, the packages of ``tests/snapshots/public_names.txt``. Names and files in prose exist.
Commands have the options that are given to them.
"""

import ast
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import torch

from semsyn.cli.main import COMMANDS, make_parser
from tests.docs.pages import INLINE, NAMES, PAGES, ROOT, blocks, prose
from tests.snapshots.test_public_names import LIST

FACES = {face: set(names.split()) for face, names in (line.split(": ") for line in LIST.read_text().splitlines())}
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SHORT = {face.removeprefix("semsyn."): face for face in FACES if face != "semsyn"}
PATH = re.compile(r"[\w.*-]+(/[\w.*-]+)*/?")
HISTORY = "CHANGELOG.md"  # names what is gone


def is_public(module: str, name: str) -> bool:
    """Whether a face exports the name, or it is a face itself."""
    return name in FACES.get(module, ()) or f"{module}.{name}" in FACES


def private_imports(code: str) -> Iterator[tuple[int, str]]:
    """Line and text of everything that code takes from inside of semsyn, not from a face."""
    for node in ast.walk(ast.parse(code)):
        found: list[str] = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names if alias.name not in FACES and is_ours(alias.name)]
        elif isinstance(node, ast.ImportFrom) and is_ours(node.module or ""):
            module = node.module or ""
            found = [f"{module}.{alias.name}" for alias in node.names if not is_public(module, alias.name)]
        elif isinstance(node, ast.Attribute) and re.fullmatch(r"semsyn(\.\w+)+", dotted := ast.unparse(node)):
            found = [] if resolves(dotted) else [dotted]
        yield from ((getattr(node, "lineno", 0), name) for name in found)


def is_ours(module: str) -> bool:
    return module.partition(".")[0] == "semsyn"


def resolves(dotted: str) -> bool:
    """Whether a dotted name starts with a face and, if it goes on, with a name of it."""
    parts = dotted.split(".")
    faces = [".".join(parts[: i + 1]) for i in range(len(parts)) if ".".join(parts[: i + 1]) in FACES]
    rest = parts[faces[-1].count(".") + 1 :] if faces else parts
    return bool(faces) and (not rest or rest[0] in FACES[faces[-1]])


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_pages_import_from_faces(page: Path) -> None:
    for kind, line, code in blocks(page):
        if kind.startswith("python"):
            found = [f"{page.name}:{line + at}: {name}" for at, name in private_imports(code)]
            assert not found


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.name)
def test_examples_import_from_faces(script: Path) -> None:
    assert not list(private_imports(script.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "code",
    [
        "from semsyn.nn.clade import CLADE",
        "from semsyn.nn import MakeNorm",
        "import semsyn.nn.clade",
        "from semsyn import testing",
        "import semsyn\nsemsyn.nn.clade.CLADE(4, 5)",
        "def f():\n    from semsyn.testing.cases import untrained",
    ],
)
def test_an_import_from_inside_is_found(code: str) -> None:
    assert list(private_imports(code))


@pytest.mark.parametrize(
    "code",
    [
        "import semsyn\nsemsyn.load_pretrained('x').fuse()",
        "import semsyn.data.toyscenes",
        "from semsyn.data import toyscenes, presets",
        "from semsyn.nn import CLADE\nfrom torch import nn\nnn.Module()",
    ],
)
def test_imports_from_faces_are_accepted(code: str) -> None:
    assert not list(private_imports(code))


def unknown_names(text: str) -> list[str]:
    """Names in inline code that no face has: ``semsyn.x.y`` in full, or ``nn.x`` for short."""
    unknown = []
    for span in INLINE.findall(text):
        if (found := re.match(r"semsyn(\.\w+)+", span)) and not resolves(found[0]):
            unknown.append(found[0])
        found = re.match(rf"({'|'.join(map(re.escape, SHORT))})\.(\w+)", span)
        if found and not is_public(SHORT[found[1]], found[2]) and not is_torch(*found.groups()):
            unknown.append(found[0])
    return unknown


def is_torch(module: str, name: str) -> bool:
    return hasattr(getattr(torch, module, None), name)


def lost_files(text: str) -> list[str]:
    """Paths in inline code, of the repository or of the package, that lead to no file; ``<family>`` stands for any."""
    paths = {span: re.sub("<[^>]*>", "*", span) for span in INLINE.findall(text)}
    return [span for span, path in paths.items() if is_path(path) and not leads_somewhere(path)]


def is_path(text: str) -> bool:
    return bool(PATH.fullmatch(text)) and (text.startswith(ROOMS) or text.endswith(".py")) and "/" in text


def leads_somewhere(path: str) -> bool:
    return any(any(root.glob(path.strip("/"))) for root in (ROOT, ROOT / "semsyn"))


ROOMS = tuple(f"{room}/" for room in ("semsyn", "tests", "examples", "docs", *(d.name for d in ROOT.glob("semsyn/*/"))))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_names_and_files_in_prose_are_there(page: Path) -> None:
    if page.name != HISTORY:
        assert not unknown_names(prose(page)) and not lost_files(prose(page))


def test_names_and_files_that_are_gone_are_found() -> None:
    assert unknown_names("`semsyn.data.Transform` and `nn.CrossAttention(4)`") == ["semsyn.data.Transform"] + [
        "nn.CrossAttention"
    ]
    assert lost_files("`nn/clade.py`, `semsyn/nn/claude.py` and `models/<family>/card.py`") == [
        "semsyn/nn/claude.py",
        "models/<family>/card.py",
    ]


def misquoted(code: str) -> list[str]:
    """Lines of a block that its file, named in the first line as ``# path.py``, does not have."""
    first, *lines = code.splitlines()
    if not (named := re.fullmatch(r"# (\S+\.py)", first)):
        return []
    held = {line.strip() for line in (ROOT / named[1]).read_text(encoding="utf-8").splitlines()}
    return [line for line in lines if line.strip() not in held | {""}]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_quotations_of_files_are_true(page: Path) -> None:
    for kind, line, code in blocks(page):
        if kind.startswith("python"):
            assert not misquoted(code), f"{page.name}:{line}"


def test_a_wrong_quotation_is_found() -> None:
    assert misquoted("# semsyn/nn/clade.py\nclass CLADE(ConditionalNorm):\n    reads = 3\n") == ["    reads = 3"]


def bad_commands(code: str) -> list[str]:
    """Lines that the command line of semsyn would refuse, and scripts that are not there."""
    bad = []
    for line in code.splitlines():
        for command in re.split(r"\s&&\s", line):
            words = shlex.split(command, comments=True)
            if words[:1] == ["semsyn"] and not is_accepted(words[1:]):
                bad.append(command)
            if words[:1] == ["python"] and words[1:2] != ["-m"] and not (ROOT / words[1]).is_file():
                bad.append(command)
    return bad


def is_accepted(words: list[str]) -> bool:
    try:
        make_parser(words[0]).parse_args(words)
    except (SystemExit, ValueError, KeyError):  # SemsynError is one of the two
        return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_are_accepted(page: Path) -> None:
    for kind, line, code in blocks(page):
        if kind == "bash":
            assert not bad_commands(code), f"{page.name}:{line}"
    named = set(re.findall(r"`semsyn ([a-z]+)", prose(page)))
    assert named <= set(COMMANDS)


@pytest.mark.parametrize(
    "code",
    [
        "semsyn train clade/toyscenes",
        "semsyn paint x --out y",
        "pip install . && semsyn list --all-of-them",
        "python examples/train.py",
    ],
)
def test_a_bad_command_is_found(code: str) -> None:
    assert bad_commands(code)


def unreferenced(page: str, face: str) -> list[str]:
    """Public names that a page of the reference does not show.

    ``::: face`` shows all of a face but what has the name of the file that defines it: that is named in full.
    """
    lines = page.splitlines()
    place = ROOT.joinpath(*face.split("."))
    named = [name for name in FACES[face] if (place / f"{name}.py").is_file()]
    homes = {name: getattr(import_module(face), name).__module__ for name in named}
    wanted = [face, *(f"{homes[name]}.{name}" for name in named)]
    return [name for name in wanted if f"::: {name}" not in lines]


@pytest.mark.parametrize("face", FACES)
def test_the_reference_shows_all_public_names(face: str) -> None:
    page = ROOT / "docs" / "reference" / f"{face.rpartition('.')[2]}.md"
    assert not unreferenced(page.read_text(encoding="utf-8"), face)


def test_a_name_that_the_reference_lacks_is_found() -> None:
    assert "semsyn.losses.feature_matching.feature_matching" in unreferenced("::: semsyn.losses\n", "semsyn.losses")
