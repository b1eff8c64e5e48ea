"""What a new family takes, tried on an invented one: the files of tests/measures/dye, and one that changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = Path(__file__).parent / "dye"
USE = "use.py"
CHANGES = {
    "models/__init__.py": (
        (
            "from semsyn.models.family import Family\n",
            "from semsyn.models.dye.config import DyeConfig\nfrom semsyn.models.family import Family\n",
        ),
        ("        SIMSConfig,\n    )", "        SIMSConfig,\n        DyeConfig,\n    )"),
    ),
}
MOST_NEW, MOST_CHANGED = 8, 3


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's code and tests of the house with the invented family in it."""
    root = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "semsyn", root / "semsyn", ignore=shutil.ignore_patterns("__pycache__"))
    for test in ("test_layering.py", "measures/test_house.py"):
        (root / "tests" / test).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "tests" / test, root / "tests" / test)
    for file in new_files():
        target = root / "semsyn" / file.relative_to(FILES)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(file, target)
    for name, changes in CHANGES.items():
        file = root / "semsyn" / name
        text = file.read_text(encoding="utf-8")
        for before, after in changes:
            assert text.count(before) == 1, f"{name} holds {before!r} {text.count(before)} times"
            text = text.replace(before, after)
        file.write_text(text, encoding="utf-8")
    return root


def new_files() -> list[Path]:
    return [file for file in FILES.rglob("*.py") if file.name != USE]


def run(root: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_few_files_are_new_or_change() -> None:
    assert len(new_files()) <= MOST_NEW
    assert len(CHANGES) <= MOST_CHANGED


def test_it_does_all_that_a_family_does(copy: Path, tmp_path: Path) -> None:
    result = run(copy, FILES / USE, tmp_path)
    assert result.returncode == 0 and result.stdout.endswith("all of it\n"), result.stderr


def test_the_house_stands(copy: Path) -> None:
    result = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert result.returncode == 0, result.stdout
