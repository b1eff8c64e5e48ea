"""A folder of label maps made from annotations: made bit by bit, and only from one source."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from semsyn.data.formats.annotations import Scene
from semsyn.data.formats.coding import MAX_ID, Coding
from semsyn.data.io.whole_file import write_picture, write_text
from semsyn.errors import InputError

SPACE, RECORD, INSTANCES = "space.json", "prepared.json", "instances"
COMPLETE = "complete"  # in the record: whether all maps are there
VERSION = 1


@dataclass(frozen=True)
class Target:
    """A folder that label maps are written to.

    Attributes:
        folder: with space.json, prepared.json, the maps, and instance maps in instances/.
        coding: of the maps.
    """

    folder: Path
    coding: Coding

    def open(self, scenes: Iterable[Scene], made_from: dict[str, Any]) -> None:
        """Write the label space, and the record of what the maps are made from.

        Raises:
            InputError: if the folder holds something else, or scenes have names that are used otherwise.
        """
        for scene in scenes:
            first = scene.name.partition("/")[0]
            if first == INSTANCES:
                raise InputError(f"{scene.files[0]}: a folder {INSTANCES!r} is for instance maps; rename it.")
        space = self.coding.space.to_dict()
        record = json.loads(json.dumps({"version": VERSION, **made_from, "space": space, "ids": self.coding.ids}))
        path = self.folder / RECORD
        if path.is_file():
            _compare(path, record)
        elif self.folder.exists() and not _is_empty(self.folder):
            raise InputError(f"{self.folder} exists and is not empty; give another --out folder.")
        self._write_record({**record, COMPLETE: False})  # first: it says that the folder is ours
        if not (file := self.folder / SPACE).is_file():
            write_text(file, f"{self.coding.space.to_json()}\n")

    def close(self) -> None:
        """Write into the record that all maps are there; see `check_complete`."""
        record = json.loads((self.folder / RECORD).read_text(encoding="utf-8"))
        self._write_record({**record, COMPLETE: True})

    def holds(self, scene: Scene, companions: Iterable[Path]) -> bool:
        """Whether the scene's map is there, and no older than what it is made from."""
        path = self._path(scene)
        if not path.is_file():
            return False
        made = path.stat().st_mtime_ns
        return all(file.stat().st_mtime_ns <= made for file in (*scene.files, *companions))

    def has_instances(self, scene: Scene) -> bool:
        """Whether the scene's instance map is there."""
        return self._path(scene, INSTANCES).is_file()

    def write(self, scene: Scene) -> None:
        """Draw a scene and write its maps, the instance map first.

        Raises:
            InputError: if the scene cannot be drawn.
        """
        drawing = scene.draw()
        if drawing.instance_ids is not None:
            write_picture(_to_picture(drawing.instance_ids, scene), self._path(scene, INSTANCES))
        write_picture(Image.fromarray(self.coding.encode(drawing.class_ids)), self._path(scene))

    def _write_record(self, record: dict[str, Any]) -> None:
        write_text(self.folder / RECORD, f"{json.dumps(record, ensure_ascii=False, indent=1)}\n")

    def _path(self, scene: Scene, *inside: str) -> Path:
        return self.folder.joinpath(*inside, f"{scene.name}.png")


def check_complete(folder: Path) -> None:
    """Refuse a folder of label maps whose preparation was stopped half-way. Folders made otherwise are taken.

    Raises:
        InputError: saying how to go on.
    """
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return
    if isinstance(record, dict) and record.get(COMPLETE) is False:
        raise InputError(
            f"{folder} does not hold all maps yet: `semsyn prepare labels` was stopped, or is at work. The same "
            f"command again goes on; without {RECORD} the maps that are there are taken for all."
        )


def _to_picture(ids: np.ndarray, scene: Scene) -> Image.Image:
    if ids.max() > MAX_ID:
        raise InputError(f"{scene.files[0]} has {int(ids.max())} instances in one picture; they may be {MAX_ID}.")
    return Image.fromarray(ids.astype(np.uint8 if ids.max() <= 255 else np.uint16))


def _compare(path: Path, record: dict[str, Any]) -> None:
    """Raise unless the record of a folder is the same."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{path} is damaged, so nobody knows what lies beside it; give another --out folder.")
    if changed := [key for key in record if record[key] != found.get(key)]:
        details = f"{changed[0]} was {_shorten(found.get(changed[0]))} and is {_shorten(record[changed[0]])} now"
        raise InputError(
            f"{path.parent} was made otherwise: {details}. Give another --out folder, or delete this one "
            "to make it anew."
        )


def _is_empty(folder: Path) -> bool:
    """But for what an interrupted command left, hidden."""
    return folder.is_dir() and all(path.name.startswith(".") for path in folder.iterdir())


def _shorten(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}…"
