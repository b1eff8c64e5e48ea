"""What every annotation format is opened as: classes, and scenes that are drawn when they are asked for."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from semsyn.errors import InputError
from semsyn.labels import RGB, LabelSpace

BACKGROUND = "background"
VOID, WIDE_VOID = 255, 65535  # stored ids of no class, of 8 and of 16 bits


@dataclass(frozen=True)
class SourceClass:
    """A class of the annotations.

    Attributes:
        name: as the annotations have it.
        stored: the id that label maps hold for it, unless they are made for a label space of its own.
        color: that it is drawn in, if it has one.
        is_used: False if it is known that no scene holds it.
    """

    name: str
    stored: int
    color: RGB | None = None
    is_used: bool = True


@dataclass(frozen=True)
class Drawing:
    """One scene.

    Attributes:
        class_ids: h w, index of each pixel's class; the number of classes: no class.
        instance_ids: h w from 0 (no instance); None if the annotations do not tell instances apart.
    """

    class_ids: np.ndarray
    instance_ids: np.ndarray | None = None


@dataclass(frozen=True)
class Scene:
    """A scene that can be drawn.

    Attributes:
        name: a path without suffix, ``train/street``, inside any folder that label maps are written to.
        files: that its drawing is read from.
        draw: reads them; an `InputError` if they cannot be read.
    """

    name: str
    files: tuple[Path, ...]
    draw: Callable[[], Drawing]

    def __post_init__(self) -> None:
        path = PurePosixPath(self.name)
        if path.is_absolute() or ".." in path.parts or not path.name or set("\\\0") & set(self.name):
            raise InputError(
                f"{self.files[0]} names a scene {self.name!r}, which leads out of a folder; give it a plain name."
            )


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """Opened annotations.

    Attributes:
        classes: in the order of their ids.
        scenes: in the order of their files.
        void: the id that label maps hold where there is no class; None: every pixel has one.
        companions: files that say something about all scenes: names, colours.
    """

    classes: tuple[SourceClass, ...]
    scenes: tuple[Scene, ...]
    void: int | None = None
    companions: tuple[Path, ...] = ()

    def make_space(self, name: str) -> LabelSpace:
        """The label space of the classes themselves.

        Raises:
            InputError: if they do not make one: two of a name, or of a colour.
        """
        colors = [c.color for c in self.classes if c.color is not None]
        return LabelSpace(
            name=name,
            classes=tuple(c.name for c in self.classes),
            palette=tuple(colors) if len(colors) == len(self.classes) else (),
            remap={c.stored: i for i, c in enumerate(self.classes) if c.stored != i},
            void_ids=() if self.void is None else (self.void,),
            void=None if self.void is None else len(self.classes),
        )


@dataclass(frozen=True)
class Request:
    """What is asked of a format besides the source.

    Attributes:
        space: that label maps are made for; None: one is made of the classes.
        names: of classes that were named by hand.
        annotations: the file with the annotations, where it does not lie beside the pictures.
        order: of masks that overlap: classes, the last one on top.
        track: shows the progress through files.
    """

    space: LabelSpace | None = None
    names: frozenset[str] = frozenset()
    annotations: Path | None = None
    order: tuple[str, ...] = ()
    track: Callable[[Iterable[Any], str], Iterable[Any]] = field(default=lambda items, _: items, compare=False)


def number_classes(
    names: Iterable[str], *, where: Path, colors: Mapping[str, RGB] | None = None, used: Iterable[str] | None = None
) -> tuple[SourceClass, ...]:
    """Classes numbered from 0.

    Args:
        names: of the classes, in the order of their ids.
        where: the file that names them.
        colors: of each.
        used: those that scenes hold; None: it is not known.

    Raises:
        InputError: without a class, for a name that is empty or there twice, or a colour of two classes.
    """
    names = list(names)
    if not names or not all(names):
        raise InputError(f"{where} names {'an empty class' if names else 'no class'}; give each class a name.")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"{where} has class {twice[0]!r} twice; give each class its own name.")
    owners: dict[RGB, str] = {}
    for name, color in (colors or {}).items():
        if (owner := owners.setdefault(color, name)) != name:
            raise InputError(f"{where} gives {owner!r} and {name!r} the colour {color}; they cannot be told apart.")
    known = None if used is None else set(used)
    return tuple(
        SourceClass(name, i, None if colors is None else colors[name], known is None or name in known)
        for i, name in enumerate(names)
    )


def choose_void(num_classes: int) -> int:
    """A stored id for no class that is none of the first ``num_classes``."""
    return VOID if num_classes <= VOID else WIDE_VOID


def name_scene(path: Path, root: Path, *, ending: str = "") -> str:
    """The name of the scene that a file below a folder holds: its path there, without suffix and ``ending``."""
    inside = path.relative_to(root) if root in path.parents else Path(path.name)
    return inside.with_suffix("").as_posix().removesuffix(ending)


def strip_suffix(file_name: str) -> str:
    """The name of a file in a list without its suffix; programs on Windows write backslashes."""
    path = PurePosixPath(file_name.replace("\\", "/"))
    return path.with_suffix("").as_posix() if path.name else file_name


def name_scenes(paths: Iterable[Path], root: Path) -> dict[str, Path]:
    """`name_scene` → path.

    Raises:
        InputError: if two have one name.
    """
    named: dict[str, Path] = {}
    for path in paths:
        if (other := named.setdefault(name_scene(path, root), path)) != path:
            raise InputError(f"{other} and {path} have one name; move one away.")
    return named
