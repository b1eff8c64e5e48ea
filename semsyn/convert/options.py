"""Original options: the ``opt.txt`` that training scripts write beside their weights, and SCGAN's yml files."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from semsyn.errors import CheckpointError

__all__ = ["Kinds", "Option", "find_yaml", "flag", "parse_options", "parse_yaml", "read_options"]

Option = bool | int | float | str | None
Kinds = Mapping[str, Callable[[str], Option]]  # what each option that shapes a network is; every other stays text

_LINE = re.compile(r"^\s*(?P<name>[A-Za-z_]\w*):(?P<value>.*?)(?:\s*\[default: (?P<default>.*)\])?\s*$")
_RULE = re.compile(r"^\s*-{3,}.*-{3,}\s*$")
_YAML = (".yml", ".yaml")


def flag(text: str) -> bool:
    """The kind of ``True`` and ``False``."""
    if text not in ("True", "False"):
        raise ValueError(text)
    return text == "True"


def parse_options(text: str, kinds: Kinds) -> dict[str, Option]:
    """Parse the text of an ``opt.txt``: lines ``name: value   [default: x]`` between two ruled lines.

    Args:
        text: the file's content.
        kinds: of the options that decide about a network.

    Returns:
        the options by their original names. Those that decide about a network have their type; the others are text.

    Raises:
        CheckpointError: if a line is no option, an option's value has the wrong type, or there is none at all.
    """
    options: dict[str, Option] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or _RULE.match(line):
            continue
        found = _LINE.match(line)
        if found is None:
            raise CheckpointError(f"line {number} of the options file is not 'name: value': {line.strip()[:80]!r}.")
        name, value = found["name"], found["value"].strip()
        options[name] = _read_value(name, value, kinds, f"line {number} of the options file")
    if not options:
        raise CheckpointError("the options file holds no 'name: value' line.")
    return options


def parse_yaml(text: str, kinds: Kinds) -> dict[str, Option]:
    """Parse the text of a yml file of options, such as SCGAN's ``config/*.yml``; nothing in it is run.

    Args:
        text: a mapping of option names to plain values.
        kinds: see `parse_options`.

    Returns:
        as of `parse_options`, without options that have no value, or lists or mappings.

    Raises:
        CheckpointError: if it is no yml, no such mapping, or an option's value has the wrong type.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]  # for few files, so not before the first of them

    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise CheckpointError(f"it is no yml file of options: {' '.join(str(error).split())[:160]}.") from error
    if not isinstance(found, Mapping) or not found or not all(isinstance(name, str) for name in found):
        raise CheckpointError("the yml file does not map option names to values.")
    plain = {name: str(value) for name, value in found.items() if isinstance(value, bool | int | float | str)}
    if wrong := sorted(name for name in set(found) - set(plain) if name in kinds and found[name] is not None):
        raise CheckpointError(f"the yml file gives {wrong[0]} no plain value, but a {type(found[wrong[0]]).__name__}.")
    return {name: _read_value(name, value, kinds, "the yml file") for name, value in plain.items()}


def read_options(path: str | Path, kinds: Kinds) -> dict[str, Option]:
    """Read an ``opt.txt``, or a yml file (told by its ending); see `parse_options` and `parse_yaml`.

    Raises:
        CheckpointError: if the file cannot be read as text or parsed; the message names it.
    """
    parse = parse_yaml if Path(path).suffix in _YAML else parse_options
    try:
        return parse(Path(path).read_text(encoding="utf-8"), kinds)
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read as an options file: {error}.") from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def find_yaml(generator: Path, kinds: Kinds) -> Path | None:
    """Find the yml file of options that belongs to a generator's file.

    That is the one beside the file; or, of several there or in a folder ``config`` beside, above or two above, the one
    whose option ``name`` is the name of the file's folder, as in the authors' tree: ``checkpoints/<name>/`` and
    ``config/``.

    Raises:
        CheckpointError: if several fit and shape different networks.
    """
    folder = generator.resolve().parent
    beside = _list_yaml(folder)
    if len(beside) == 1:
        return beside[0]
    candidates = beside or [path for above in (folder, *folder.parents[:2]) for path in _list_yaml(above / "config")]
    found = {path: read_options(path, kinds) for path in candidates}
    fitting = {path: options for path, options in found.items() if options.get("name") == folder.name}
    shapes = [{name: value for name, value in options.items() if name in kinds} for options in fitting.values()]
    if any(shape != shapes[0] for shape in shapes):
        names = ", ".join(str(path) for path in fitting)
        raise CheckpointError(f"{names} all have the name {folder.name!r}, but differ: pass one of them, options=.")
    return next(iter(fitting), None)


def _list_yaml(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in _YAML) if folder.is_dir() else []


def _read_value(name: str, text: str, kinds: Kinds, where: str) -> Option:
    try:
        return kinds.get(name, str)(text)
    except ValueError:
        kind = kinds[name].__name__
        raise CheckpointError(f"{where}: {name} must be of kind {kind}, found {text!r}.") from None
