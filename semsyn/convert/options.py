"""Original options: the ``opt.txt`` and ``opt.pkl`` that training scripts write beside their weights, and yml files."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from semsyn.convert.files import MAX_TEXT, read_bytes, read_text
from semsyn.convert.plain_pickle import read_plain_pickle
from semsyn.data.io.folders import real_path
from semsyn.errors import CheckpointError

__all__ = ["Kinds", "Option", "check_options", "find_yaml", "flag", "parse_options", "parse_yaml", "read_options"]

Option = bool | int | float | str | None
Kinds = Mapping[str, Callable[[str], Option]]  # what each option that shapes a network is; every other stays text

_WHAT = "an options file"
_YAML = (".yml", ".yaml")
MAX_YAML = 1 << 15  # bytes of a yml file, which takes its reader long: ten times what SCGAN's have


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
        line = line.strip()
        if not line or (line.startswith("---") and line.endswith("---")):
            continue
        name, colon, rest = line.partition(":")
        if not colon or not name.isidentifier():
            raise CheckpointError(f"line {number} of the options file is not 'name: value': {line[:80]!r}.")
        value = rest.partition("[default: ")[0] if rest.endswith("]") else rest
        options[name] = _read_value(name, value.strip(), kinds, f"line {number} of the options file")
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
    return _check_named(_load_yaml(text), kinds, "the yml file")


def _load_yaml(text: str) -> Any:
    import yaml  # type: ignore[import-untyped, unused-ignore]  # for few files, so not before the first of them

    class Loader(yaml.SafeLoader):  # type: ignore[misc, unused-ignore]
        """Without merging (``<<``), by which a small file can describe a mapping of any size."""

        def flatten_mapping(self, node: object) -> None:
            pass

    try:
        return yaml.load(text, Loader)
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise CheckpointError(f"it is no yml file of options: {' '.join(str(error).split())[:160]}.") from error


def _check_named(found: object, kinds: Kinds, where: str) -> dict[str, Option]:
    if not isinstance(found, Mapping) or not found or not all(isinstance(name, str) for name in found):
        raise CheckpointError(f"{where} does not map option names to values.")
    return check_options(found, kinds, where=where)


def check_options(found: Mapping[str, Any], kinds: Kinds, *, where: str = "options=") -> dict[str, Option]:
    """Options from names and values that have types already; see `parse_options`.

    Those without a value, and lists and mappings, are left out.

    Raises:
        CheckpointError: if an option that decides about a network has no plain value, or one of the wrong type.
    """
    plain = {name: value for name, value in found.items() if isinstance(value, bool | int | float | str)}
    if wrong := sorted(name for name in set(found) - set(plain) if name in kinds and found[name] is not None):
        raise CheckpointError(f"{where} gives {wrong[0]} no plain value, but a {type(found[wrong[0]]).__name__}.")
    try:
        texts = {name: str(value) for name, value in plain.items()}
    except ValueError as error:  # a number of thousands of digits
        raise CheckpointError(f"{where} holds a number that is none: {error}.") from error
    return {name: _read_value(name, text, kinds, where) for name, text in texts.items()}


def read_options(path: str | Path, kinds: Kinds) -> dict[str, Option]:
    """Read an ``opt.txt``, an ``opt.pkl`` or a yml file, told by its ending; see `parse_options` and `parse_yaml`.

    An ``opt.pkl`` is not unpickled, see `semsyn.convert.plain_pickle.read_plain_pickle`.

    Raises:
        CheckpointError: if the file is missing, too large, no text, or cannot be parsed; the message names it.
    """
    path = Path(path)
    if path.suffix == ".pkl":
        return _check_named(read_plain_pickle(read_bytes(path, _WHAT), what=path), kinds, str(path))
    is_yaml = path.suffix in _YAML
    text = read_text(path, _WHAT, MAX_YAML if is_yaml else MAX_TEXT)
    try:
        return parse_yaml(text, kinds) if is_yaml else parse_options(text, kinds)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def find_yaml(generator: Path, kinds: Kinds) -> Path | None:
    """Find the yml file of options that belongs to a generator's file.

    That is the one beside the file; or, of several there or in a folder ``config`` beside, above or two above, the one
    whose option ``name`` is the name of the file's folder, as in the authors' tree: ``checkpoints/<name>/`` and
    ``config/``. Files that name no option of a network (of other projects, other kinds of yml) are passed over.

    Raises:
        CheckpointError: if several fit and shape different networks.
    """
    folder = real_path(generator).parent
    beside = _list_yaml(folder, kinds)
    if len(beside) == 1:
        return next(iter(beside))
    above = [_list_yaml(place / "config", kinds) for place in (folder, *folder.parents[:2])]
    candidates = beside or {path: name for found in above for path, name in found.items()}
    fitting = {path: read_options(path, kinds) for path, name in candidates.items() if name == folder.name}
    shapes = [{name: value for name, value in options.items() if name in kinds} for options in fitting.values()]
    if any(shape != shapes[0] for shape in shapes):
        names = ", ".join(str(path) for path in fitting)
        raise CheckpointError(f"{names} all have the name {folder.name!r}, but differ: pass one of them, options=.")
    return next(iter(fitting), None)


def _list_yaml(folder: Path, kinds: Kinds) -> dict[Path, object]:
    """The yml files of a folder that hold options of a network, and the option ``name`` of each."""
    found: dict[Path, object] = {}
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in _YAML)
    except OSError:  # none, or of others
        return found
    for path in paths:
        try:
            options = _load_yaml(read_text(path, _WHAT, MAX_YAML))
        except CheckpointError:
            continue
        if isinstance(options, Mapping) and any(name in kinds for name in options):
            found[path] = options.get("name")
    return found


def _read_value(name: str, text: str, kinds: Kinds, where: str) -> Option:
    try:
        return kinds.get(name, str)(text)
    except ValueError:
        kind = kinds[name].__name__
        raise CheckpointError(f"{where}: {name} must be of kind {kind}, found {text[:80]!r}.") from None
