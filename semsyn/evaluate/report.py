"""Results as files: figures as JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semsyn.data.io.whole_file import write_text


def to_json(results: Mapping[str, Any]) -> str:
    """Figures as JSON, indented; what cannot be told (NaN) is null, since JSON has no such number."""
    return json.dumps(_without_nan(results), indent=2, allow_nan=False)


def write_json(results: Mapping[str, Any], path: Path) -> None:
    """Write `to_json`, whole or not at all."""
    write_text(path, to_json(results) + "\n")


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and value != value else value
