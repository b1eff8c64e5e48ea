"""`import semsyn`, and all of its names, in a fresh process: quick, and nothing but the core dependencies."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = {"semsyn", "torch", "numpy", "einops", "PIL", "safetensors"}  # huggingface_hub is imported when the Hub is asked
SECONDS = 0.3
TRIES = 5

IMPORT = """
import json, sys, time
import torch
before, start = set(sys.modules), time.process_time()
import semsyn
for name in semsyn.__all__:  # the root loads its names when they are asked for
    getattr(semsyn, name)
seconds = time.process_time() - start
# Cython's numpy modules register a few names without a spec, which no file stands behind.
loaded = {name.partition(".")[0] for name in set(sys.modules) - before if sys.modules[name].__spec__}
third_party = sorted(loaded - set(sys.stdlib_module_names))
print(json.dumps({"seconds": seconds, "third_party": third_party, "cuda": torch.cuda.is_initialized()}))
"""


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


def slowest_imports(count: int = 12) -> str:
    """What ``-X importtime`` says of the modules that semsyn loads and torch alone does not."""
    lines = run_python("-X", "importtime", "-c", "import torch; from semsyn import *").stderr.splitlines()
    rows = [[field.strip() for field in line.removeprefix("import time:").split("|")] for line in lines]
    names = [name for *_, name in rows]
    mine = [row for row in rows[names.index("torch") + 1 :] if row[0].isdigit()]
    mine.sort(key=lambda row: -int(row[0]))
    return "\n".join(f"{int(own) / 1000:8.1f} ms  {name}" for own, _, name in mine[:count])


@pytest.fixture(scope="module")
def measured():
    """One measurement per fresh process, until one is quick enough: other work on the machine only ever adds time."""
    results = []
    while len(results) < TRIES and not (results and results[-1]["seconds"] < SECONDS):
        results.append(json.loads(run_python("-c", IMPORT).stdout))
    return min(results, key=lambda result: result["seconds"])


def test_import_loads_no_optional_package(measured):
    assert set(measured["third_party"]) <= CORE
    assert not measured["cuda"]


def test_import_is_quick(measured):
    assert measured["seconds"] < SECONDS, (
        f"import semsyn takes this long beyond torch; its own time, by module:\n{slowest_imports()}"
    )


def test_every_public_name_is_there():
    missing = run_python("-c", "import semsyn; print([n for n in semsyn.__all__ if not hasattr(semsyn, n)])").stdout
    assert missing.strip() == "[]"
