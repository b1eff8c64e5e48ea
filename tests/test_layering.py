"""The rules of imports and of file sizes, checked on the source: nothing is imported to find out.

Every import counts, those inside functions too: a lower layer that knows a higher one is wrong however late it asks.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_LINES = 400

# Highest first. Names on one line are siblings, which never import one another.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("semsyn",),  # the package's own __init__: re-exports
    ("exporter",),
    ("hub",),
    ("models",),
    ("convert", "train", "evaluate"),
    ("generator",),
    ("fast", "losses", "metrics", "critics", "data"),
    ("nn",),
    ("records",),
    ("functional",),
    ("ops",),
    ("basics",),
)
# Single files that make one layer.
FILES = dict.fromkeys(("labels", "exact", "signature", "ranks", "errors"), "basics")
FREE = {"testing", "bench"}  # may import all
MAY_IMPORT_FREE = FREE | {"cli", "__main__"}
RANKS = {unit: rank for rank, units in enumerate(reversed(LAYERS)) for unit in units}

CORE = {"torch", "numpy", "einops", "PIL", "huggingface_hub", "safetensors", "semsyn"}


def find_violations(root: Path) -> list[str]:
    """Everything that breaks a rule below `root`, as ``path:line: what``."""
    found = []
    for folder in ("semsyn", "tests", "examples"):
        for path in sorted((root / folder).rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            found += [(path, *v) for v in check_file(path.relative_to(root), source, root)]
    return [f"{path.relative_to(root)}:{line}: {what}" for path, line, what in found]


def check_file(path: Path, source: str, root: Path) -> Iterator[tuple[int, str]]:
    count = len(source.splitlines())
    if count > MAX_LINES:
        yield count, f"{count} lines, more than {MAX_LINES}: split it by idea"
    tree = ast.parse(source)
    unit = unit_of(path.with_suffix("").parts)
    if path.parts[0] == "semsyn" and unit not in RANKS and unit not in FREE:
        yield 1, f"{unit!r} is in no layer: add it to LAYERS in tests/test_layering.py"
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            yield node.lineno, f"from {node.module} import *: name what is used"
    if path.parts[0] != "semsyn":
        return
    if path.name == "__init__.py":
        yield from check_init(
            tree, is_root=len(path.parts) == 2, is_registry=path.parts[1:] == ("models", "__init__.py")
        )
    lazy = {id(node) for node in find_lazy_imports(tree)}
    for node in ast.walk(tree):
        for module in imported_modules(node, path, root):
            is_own = module.partition(".")[0] == "semsyn"
            check = check_internal if is_own else check_external
            yield from ((node.lineno, what) for what in check(path, module, is_lazy=id(node) in lazy))
            if is_own and path.name != "__init__.py" and is_face(module, root):
                yield node.lineno, f"{module} is a face, for users: import from the file that defines the name"


def is_face(module: str, root: Path) -> bool:
    """Whether a module exports names of other files. The registry is none: it defines what it is asked for."""
    file = root.joinpath(*module.split("."), "__init__.py")
    is_exempt = module in ("semsyn", "semsyn.models")
    return not is_exempt and file.is_file() and "__all__" in file.read_text(encoding="utf-8")


def check_internal(path: Path, module: str, *, is_lazy: bool) -> Iterator[str]:
    source, target = unit_of(path.with_suffix("").parts), unit_of(module.split("."))
    if path.name == "kernel.py" and module.endswith(".reference"):
        yield f"a kernel imports its reference, {module}"
    if module.endswith(".kernel") and not is_lazy:
        yield f"{module} loads Triton: import it inside the function that needs it"
    if source == target or source in FREE:
        return
    if target not in RANKS and target not in FREE:
        yield f"{module} is in no layer"
    elif target in FREE:
        if source not in MAY_IMPORT_FREE:
            yield f"{source} imports {module}, but {target} is for tests, examples and cli alone"
    elif RANKS[target] > RANKS[source]:
        yield f"{source} imports {module} from the layer {target}, which is above"
    elif RANKS[target] == RANKS[source]:
        yield f"{source} imports {module} from its sibling {target}"


def check_external(path: Path, module: str, *, is_lazy: bool) -> Iterator[str]:
    package = module.partition(".")[0]
    if package in sys.stdlib_module_names:
        return
    if unit_of(path.with_suffix("").parts) in ("records", "basics") and package != "torch":
        yield f"a plain type imports {module}: torch alone is allowed"
    elif package not in CORE and not is_lazy and not (path.name == "kernel.py" and package == "triton"):
        yield f"{module} is optional: import it inside the function that needs it"


def check_init(tree: ast.Module, *, is_root: bool, is_registry: bool) -> Iterator[tuple[int, str]]:
    for index, node in enumerate(tree.body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if index == 0 and ast.get_docstring(tree) is not None:
            continue
        if is_registry and isinstance(node, ast.AnnAssign | ast.FunctionDef):
            continue
        if isinstance(node, ast.Assign | ast.AnnAssign) and is_literal(node.value):
            names = [t.id for t in assigned(node) if isinstance(t, ast.Name)]
            if names == ["__all__"] or is_root:  # the root may hold the table that its __getattr__ reads
                continue
        if is_root and isinstance(node, ast.FunctionDef) and node.name in ("__getattr__", "__dir__"):
            continue
        if is_root and is_type_checking(node):
            continue
        yield node.lineno, "__init__.py holds a docstring, imports and __all__, no code"


def imported_modules(node: ast.AST, path: Path, root: Path) -> set[str]:
    """Full names of the modules that an import statement loads; ``from a import b`` loads a.b where b is a module."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if not isinstance(node, ast.ImportFrom):
        return set()
    package = path.parts[: len(path.parts) - node.level] if node.level else ()
    base = ".".join((*package, node.module or "")).strip(".")
    if base.partition(".")[0] != "semsyn":
        return {base}
    folder = root.joinpath(*base.split("."))
    names = [alias.name for alias in node.names]
    return {f"{base}.{n}" if (folder / n).is_dir() or (folder / f"{n}.py").is_file() else base for n in names}


def find_lazy_imports(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes that do not run on import: in a function, or for type checkers alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(node):
            yield from ast.walk(node)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING") and not node.orelse


def is_literal(value: ast.expr | None) -> bool:
    try:
        ast.literal_eval(value or "")
    except ValueError:
        return False
    return value is not None


def assigned(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def unit_of(parts: tuple[str, ...] | list[str]) -> str:
    """The name in LAYERS of a module, given as the parts of its full name or path."""
    if len(parts) < 2 or parts[1] == "__init__":
        return "semsyn"
    return FILES.get(parts[1], parts[1])


def test_semsyn_keeps_its_layers():
    violations = find_violations(ROOT)
    assert not violations, f"{len(violations)} violations:\n" + "\n".join(violations)


BROKEN = {
    "upwards": ("nn/spade.py", "from semsyn.models.spade import SPADEConfig", "the layer models, which is above"),
    "upwards-lazily": ("nn/spade.py", "def f():\n    import semsyn.hub.load", "the layer hub, which is above"),
    "upwards-relatively": ("nn/spade.py", "from ..models import spade", "the layer models, which is above"),
    "upwards-by-the-root": ("nn/spade.py", "from semsyn import hub", "the layer hub, which is above"),
    "upwards-to-the-root": ("hub/load.py", "from semsyn import load_pretrained", "the layer semsyn, which is above"),
    "fast-upwards": ("fast/fuse.py", "from semsyn.generator import painter", "the layer generator, which is above"),
    "sibling": ("losses/kl.py", "from semsyn.data import spaces", "sibling data"),
    "basics-to-ops": ("errors.py", "from semsyn.ops.edges import edges", "the layer ops, which is above"),
    "ops-to-records": (
        "ops/edges/op.py",
        "from semsyn.records.layout import Layout",
        "the layer records, which is above",
    ),
    "records-to-numpy": ("records/layout.py", "import numpy as np", "torch alone"),
    "testing": ("hub/load.py", "from semsyn.testing import golden", "for tests, examples and cli alone"),
    "no-layer": ("utils.py", "import torch", "'utils' is in no layer"),
    "to-no-layer": ("nn/spade.py", "from semsyn.helpers import f", "semsyn.helpers is in no layer"),
    "star": ("nn/spade.py", "from torch import *", "import *"),
    "optional": ("data/polygons.py", "import scipy.ndimage", "scipy.ndimage is optional"),
    "optional-tried": ("data/x.py", "try:\n    import cv2\nexcept ImportError:\n    pass", "cv2 is optional"),
    "optional-class": ("data/x.py", "class A:\n    import cv2", "cv2 is optional"),
    "triton-in-op": ("ops/a/op.py", "import triton", "triton is optional"),
    "kernel-at-the-top": ("ops/a/op.py", "from semsyn.ops.a import kernel", "semsyn.ops.a.kernel loads Triton"),
    "kernel-by-reference": (
        "ops/a/kernel.py",
        "from semsyn.ops.a.reference import a",
        "a kernel imports its reference",
    ),
    "face": ("models/oasis/network.py", "from semsyn.losses import kl_divergence", "semsyn.losses is a face"),
    "init-code": ("nn/__init__.py", "REGISTRY = {}", "no code"),
    "init-getattr": ("nn/__init__.py", "def __getattr__(name): ...", "no code"),
    "init-work": ("__init__.py", "import torch\ntorch.set_num_threads(1)", ":2: __init__.py holds"),
    "long": ("nn/spade.py", "x = 1\n" * (MAX_LINES + 1), f"{MAX_LINES + 1} lines"),
}

SOUND = {
    "downwards": ("models/spade/config.py", "from semsyn.nn import spade\nfrom semsyn import functional"),
    "fast": ("fast/fuse.py", "from semsyn.nn import spade"),
    "to-fast": ("generator/generator.py", "from semsyn.fast import fuse"),
    "registry": ("hub/load.py", "from semsyn.models import FAMILIES"),
    "own-package": ("models/spade/build.py", "from .config import SPADEConfig\nfrom semsyn.models import generator"),
    "records": (
        "records/layout.py",
        "from semsyn.errors import InputError\nfrom semsyn.labels import LabelSpace\nimport torch",
    ),
    "cli": ("cli/main.py", "import semsyn\nfrom semsyn.testing import golden"),
    "bench": ("bench/run.py", "from semsyn.testing import cases\nfrom semsyn import hub"),
    "lazily": ("data/polygons.py", "def f():\n    import scipy"),
    "type-checking": ("data/x.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import scipy"),
    "kernel": ("ops/a/kernel.py", "import triton\nimport triton.language as tl"),
    "kernel-lazily": ("ops/a/op.py", "def f():\n    from semsyn.ops.a import kernel"),
    "init": ("nn/__init__.py", '"""Layers."""\nfrom semsyn.nn.spade import SPADE\n__all__ = ["SPADE"]'),
    "root-init": ("__init__.py", "LAZY = {'a': 'semsyn.hub'}\ndef __getattr__(name):\n    return name"),
    "long-enough": ("nn/spade.py", "x = 1\n" * MAX_LINES),
}


@pytest.fixture
def tree(tmp_path):
    for module in (
        "hub/load",
        "models/spade",
        "data/spaces",
        "functional/a",
        "nn/spade",
        "ops/a/kernel",
        "testing/golden",
    ):
        write(tmp_path, f"{module}.py", "")
    write(tmp_path, "losses/__init__.py", '__all__ = ["kl_divergence"]')
    return tmp_path


def write(root: Path, path: str, source: str) -> None:
    file = root / "semsyn" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)


@pytest.mark.parametrize(("path", "source", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_violation_is_found(path, source, expected, tree):
    write(tree, path, source)
    (violation,) = find_violations(tree)
    assert violation.startswith(f"semsyn/{path}:")
    assert expected in violation


@pytest.mark.parametrize(("path", "source"), SOUND.values(), ids=SOUND)
def test_sound_code_is_accepted(path, source, tree):
    write(tree, path, source)
    assert find_violations(tree) == []
