"""The measures of the house, on the source: chains of imports, circles, names of families, switches."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "semsyn"
LONGEST_CHAIN = 20
MOST_SWITCHES = 3
SWITCHES = {"is_grad_enabled", "is_compiling", "is_exporting", "is_dynamo_compiling", "is_inference_mode_enabled"}
FAMILIES = sorted(path.parent.name for path in PACKAGE.glob("models/*/cards.py"))
FAMILY_ROOMS = ("models/", "fast/", "testing/")  # they may know families
FAMILY_LAYERS = ("nn/parts/", "nn/routing/", "nn/encoders/instance.py", "nn/conditioning/instances.py")
FAMILY_LAYERS += tuple(f"nn/{family}.py" for family in FAMILIES)


@cache
def modules() -> dict[str, ast.Module]:
    """All modules of the package by their full names."""
    return {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(*, is_lazy: bool, is_typed: bool = False) -> dict[str, set[str]]:
    """What each module imports when it is loaded; with ``is_lazy`` also what its functions do when they are called, and
    with ``is_typed`` what only checkers of types see."""
    graph: dict[str, set[str]] = {}
    for name, tree in modules().items():
        found = set()
        for node in statements(tree, is_lazy=is_lazy, is_typed=is_typed):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= {x if x in modules() else node.module for x in full}
        graph[name] = {x for x in found if x in modules() and x != name}
    return graph


def statements(node: ast.AST, *, is_lazy: bool, is_typed: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        is_for_checkers = isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")
        if (is_for_checkers and not is_typed) or (is_function and not is_lazy):
            continue
        yield child
        yield from statements(child, is_lazy=is_lazy, is_typed=is_typed)


def find_circle(graph: dict[str, set[str]]) -> list[str] | None:
    """Modules that import one another in turn."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return None
        for other in sorted(graph[name]):
            if circle := visit(other, [*path, name]):
                return circle
        done.add(name)
        return None

    return next((circle for name in sorted(graph) if (circle := visit(name, []))), None)


def longest_chain(graph: dict[str, set[str]]) -> list[str]:
    @cache
    def chain(name: str) -> tuple[str, ...]:
        return (name, *max((chain(other) for other in graph[name]), key=len, default=()))

    return list(max(map(chain, graph), key=len))


@pytest.mark.parametrize("is_typed", [False, True], ids=["run", "typed"])
@pytest.mark.parametrize("is_lazy", [False, True], ids=["loaded", "lazy"])
def test_no_imports_go_in_a_circle(is_lazy, is_typed):
    assert find_circle(imports(is_lazy=is_lazy, is_typed=is_typed)) is None


def test_chains_of_imports_are_short():
    chain = longest_chain(imports(is_lazy=False))
    assert len(chain) <= LONGEST_CHAIN, " > ".join(chain)


def test_a_circle_and_a_chain_are_found():
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert longest_chain({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == ["a", "b", "c"]


def rooms(without: tuple[str, ...]) -> Iterator[tuple[str, ast.Module]]:
    for name, tree in modules().items():
        path = name.removeprefix("semsyn").lstrip(".").replace(".", "/")
        if not f"{path}/".startswith(without) and not f"{path}.py".startswith(without):
            yield name, tree


def family_classes() -> set[str]:
    """The classes that belong to a family: its layers, its configs."""
    own = (*FAMILY_LAYERS, *(f"models/{family}/" for family in FAMILIES))
    return {
        node.name
        for name, tree in modules().items()
        if f"{name.removeprefix('semsyn.').replace('.', '/')}.py".startswith(own)
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def test_machinery_asks_for_no_class_of_a_family():
    known = family_classes()
    asked = [
        f"{name}:{node.lineno}: {ast.unparse(node)}"
        for name, tree in rooms(without=(*FAMILY_ROOMS, *FAMILY_LAYERS))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass")
        if known & {x.id for x in ast.walk(node.args[1]) if isinstance(x, ast.Name)}
    ]
    assert not asked


def identifiers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Names, and strings without spaces that are no docstring: what code asks by, not what it tells people."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        for field in ("id", "attr", "name", "arg", "module"):
            if isinstance(value := getattr(node, field, None), str):
                yield getattr(node, "lineno", 0), value
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, "" if re.search(r"\s", node.value) else node.value


def test_machinery_names_no_family():
    named = [
        f"{name}:{line}: {word}"
        for name, tree in rooms(without=(*FAMILY_ROOMS, "nn/"))
        for line, word in identifiers(tree)
        if set(FAMILIES) & set(re.findall("[a-z]+", word.lower()))
    ]
    assert not named


def test_layers_have_few_switches():
    """Code that asks whether gradients, a compiler or an exporter are at work is two codes."""
    found = [
        f"{name}:{node.lineno}"
        for name, tree in modules().items()
        if name.startswith("semsyn.nn") and not name.startswith(("semsyn.nn.parts", "semsyn.nn.routing"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in SWITCHES
    ]
    assert len(found) <= MOST_SWITCHES, found
