"""What `import semsyn` and its names load, in a fresh process: the core dependencies, and no more than asked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import semsyn

ROOT = Path(__file__).parents[1]
CORE = {"semsyn", "torch", "numpy", "einops", "PIL", "safetensors"}  # huggingface_hub is imported when the Hub is asked
SLOW = {
    "torch._dynamo",
    "torch._inductor",
    "triton",
    "semsyn.bench",
    "semsyn.evaluate",
    "semsyn.testing",
    "semsyn.train",
}

IMPORT = """
import json, sys
import torch
before = set(sys.modules)
import semsyn
for name in semsyn.__all__:  # the root loads its names when they are asked for
    getattr(semsyn, name)
# Cython's numpy modules register a few names without a spec, which no file stands behind.
loaded = sorted(name for name in set(sys.modules) - before if sys.modules[name].__spec__)
print(json.dumps({"loaded": loaded, "cuda": torch.cuda.is_initialized()}))
"""


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def loaded():
    return json.loads(run_python("-c", IMPORT).stdout)


def test_names_load_no_optional_package(loaded):
    assert {name.partition(".")[0] for name in loaded["loaded"]} - set(sys.stdlib_module_names) <= CORE
    assert not loaded["cuda"]


def test_names_load_nothing_that_they_do_not_need(loaded):
    assert not SLOW & set(loaded["loaded"])


def test_the_root_alone_does_not_wait_for_torch():
    assert run_python("-c", "import semsyn, sys; print('torch' in sys.modules)").stdout.strip() == "False"


def test_every_public_name_is_there():
    missing = run_python("-c", "import semsyn; print([n for n in semsyn.__all__ if not hasattr(semsyn, n)])").stdout
    assert missing.strip() == "[]"


def test_packages_are_there_without_being_imported():
    assert run_python("-c", "import semsyn; print(semsyn.nn.SPADE.__name__)").stdout.strip() == "SPADE"
    assert run_python("-c", "import semsyn; print(semsyn.errors.InputError.__name__)").stdout.strip() == "InputError"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("list_models", r"list_pretrained\(\)"),
        ("create_model", r"create\(name, num_classes=…\)"),
        ("from_pretrained", r"Generator.from_pretrained\(name\)"),
        ("load_pretraned", "there is load_pretrained"),
    ],
)
def test_the_names_of_other_libraries_lead_to_ours(name, hint):
    with pytest.raises(AttributeError, match=hint):
        getattr(semsyn, name)
