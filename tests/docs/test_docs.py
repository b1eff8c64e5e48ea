"""What the pages promise: their Python runs, their links lead somewhere, the README's two commands can be found.

The blocks of a page run in order, as one program, in a folder that holds a copy of examples/maps. It is one folder for
all pages, as a reader has it who works through them. A block marked ``python no-run`` needs a file that only the reader
has; it must still be Python.
"""

import ast
import re
import shutil
from pathlib import Path

import pytest
import torch

from tests.docs.pages import NAMES, PAGES, ROOT, blocks, prose

LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
KINDS = {"python", "python no-run", "bash", "text", "json"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(ROOT / "examples" / "maps", folder / "examples" / "maps")
    return folder


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_python_runs(page: Path, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    torch.manual_seed(0)
    names: dict[str, object] = {"__name__": "__main__"}
    for kind, line, code in blocks(page):
        if kind == "python":
            padding = "\n" * line  # so that a traceback shows the page's line numbers
            exec(compile(padding + code, str(page), "exec"), names)


def test_no_command_writes_what_an_earlier_one_has_written() -> None:
    writers = re.compile(r"semsyn (?:convert|export|generate|prepare) [^\n]*?--out (?P<out>\S+)(?P<rest>[^\n]*)")
    written = [
        m["out"]
        for page in PAGES
        for kind, _, code in blocks(page)
        if kind == "bash"
        for m in writers.finditer(code.replace("\\\n", " "))
        if not re.search("--overwrite|--append", m["rest"])
    ]
    commands = [m for page in PAGES for _, _, code in blocks(page) for m in writers.finditer(code)]
    overwritten = [m["out"] for m in commands if "--append" not in m["rest"]]
    assert len(written) >= 3
    assert not [out for out in written if overwritten.count(out) > 1]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_fences_are_known_and_hold_python(page: Path) -> None:
    for kind, line, code in blocks(page):
        assert kind in KINDS, f"{page.name}:{line}: fence {kind!r}"
        if kind.startswith("python"):
            ast.parse(code, f"{page.name}:{line}")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_to_files(page: Path) -> None:
    targets = [m["target"].partition("#")[0] for m in LINK.finditer(prose(page))]
    lost = [t for t in targets if t and "://" not in t and not (page.parent / t).exists()]
    assert not lost


@pytest.mark.parametrize("mark", ["run", "test"])
def test_readme_has_the_command(mark: str) -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    at = lines.index(f"<!-- {mark} -->")
    assert lines[at + 1] == "```bash" and lines[at + 3] == "```"  # one command, which .ci/run executes as it stands


def test_the_changelog_knows_this_version() -> None:
    version = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert version is not None
    assert f"## {version[1]}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
