"""The ids that label maps get for the classes of annotations, and the label space that reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from semsyn.data.formats.annotations import VOID, WIDE_VOID, Annotations, SourceClass
from semsyn.data.formats.class_names import NO_CLASS, OTHERS, list_names, match_classes
from semsyn.errors import InputError
from semsyn.labels import LabelSpace

MAX_ID = 65535


@dataclass(frozen=True)
class Coding:
    """How drawings become label maps.

    Attributes:
        space: what the ids mean.
        ids: of each class of the annotations, and of no class; -1 for what does not occur.
        targets: class of the annotations → class of the space, None for no class; of those that occur.
    """

    space: LabelSpace
    ids: tuple[int, ...]
    targets: Mapping[str, str | None]

    @property
    def without_class(self) -> list[str]:
        """Classes that become no class."""
        return [name for name, target in self.targets.items() if target is None]

    @property
    def renamed(self) -> dict[str, str]:
        """Classes whose name differs from what they are in the space."""
        return {name: target for name, target in self.targets.items() if target is not None and target != name}

    def encode(self, class_ids: np.ndarray) -> np.ndarray:
        """Stored ids of a drawing, uint8, or uint16 where one of all is above 255."""
        found = np.array(self.ids)[class_ids]
        assert found.min() >= 0, "formats know which classes are used, and whether every pixel has one"
        return found.astype(np.uint8 if max(self.ids) <= 255 else np.uint16)


def make_coding(
    annotations: Annotations, space: LabelSpace | None, by_hand: Mapping[str, str], *, source: str, name: str
) -> Coding:
    """Code for a label space, or for the annotations' own classes.

    Args:
        annotations: with the classes.
        space: to find them in, by name; None: make one.
        by_hand: name → class of the space, or new name without one; ``none``: no class; ``*``: all others.
        source: for messages.
        name: of the space that is made.

    Raises:
        InputError: for names that are not found, or ids that no picture of 16 bits holds.
    """
    if space is not None:
        return _code_for(annotations, space, by_hand, source)
    classes = _rename(annotations, by_hand, source)
    void = annotations.void
    if void is None and None in classes.values():
        taken = {c.stored for c in annotations.classes}
        void = next(i for i in (VOID, WIDE_VOID, *range(VOID + 1, MAX_ID)) if i >= len(taken) and i not in taken)
    kept = tuple({c.name: c for c in reversed([*classes.values()]) if c is not None}.values())[::-1]
    own = Annotations(classes=kept, scenes=(), void=void)
    stored = {c.name: c.stored for c in kept}
    ids = tuple(_or_none(void) if c is None else stored[c.name] for c in classes.values())
    targets = {name: None if c is None else c.name for name, c in classes.items()}
    return Coding(own.make_space(name), (*ids, _or_none(void)), targets)


def _rename(annotations: Annotations, by_hand: Mapping[str, str], source: str) -> dict[str, SourceClass | None]:
    """Each class by its name in the annotations, as it is called by hand; None for no class."""
    names = [c.name for c in annotations.classes]
    if strange := [name for name in by_hand if name != OTHERS and name not in names]:
        raise InputError(f"--map names {strange[0]!r}, but the classes of {source} are {list_names(names)}.")
    called = {name: by_hand.get(name, by_hand.get(OTHERS, name)) for name in names}
    kept = dict.fromkeys(new for new in called.values() if new != NO_CLASS)
    if not kept:
        raise InputError(f"--map leaves no class of {source}; keep one.")
    is_dense = all(c.stored == i for i, c in enumerate(annotations.classes))
    places = {new: i for i, new in enumerate(kept)}
    return {
        c.name: None
        if called[c.name] == NO_CLASS
        else replace(c, name=called[c.name], stored=places[called[c.name]] if is_dense else c.stored)
        for c in annotations.classes
    }


def _or_none(void: int | None) -> int:
    return -1 if void is None else void


def _code_for(annotations: Annotations, space: LabelSpace, by_hand: Mapping[str, str], source: str) -> Coding:
    names = [c.name for c in annotations.classes]
    used = [c.name for c in annotations.classes if c.is_used]
    class_ids = match_classes(names, space, by_hand, used=used, source=source)
    named = (*space.classes, None)
    targets = {name: named[class_ids[name]] for name in used}
    needs_void = None in targets.values() or annotations.void is not None
    if needs_void:
        space = _with_void(space)
    void = _find_void(space) if needs_void else -1
    stored = {c: _store(c, space) for c in set(class_ids.values()) - {space.num_classes}}
    ids = (*(stored.get(class_ids[name], void) for name in names), void)
    if wrong := [i for i in (*stored.values(), *([void] if needs_void else [])) if not 0 <= i <= MAX_ID]:
        raise InputError(f"label space {space.name!r} stores {wrong[0]}; a picture holds 0 to {MAX_ID}. Give another.")
    return Coding(space, ids, targets)


def _store(class_id: int, space: LabelSpace) -> int:
    return int(space.unmap_ids(torch.tensor([class_id]))[0])


def _with_void(space: LabelSpace) -> LabelSpace:
    """The space with a policy for void; without one it becomes no class."""
    if space.void is not None:
        return space
    if space.void_ids:
        return replace(space, void=space.num_classes)
    free = VOID if VOID not in space.stored_ids else WIDE_VOID
    return space.reading(void_ids=(free,), void=space.num_classes)


def _find_void(space: LabelSpace) -> int:
    """The stored id of what is not labelled: a void id if there is one, else that of the class that void becomes."""
    assert space.void is not None, "it has a policy"
    fitting = [i for i in space.void_ids if 0 <= i <= MAX_ID]
    return fitting[0] if fitting else _store(space.void, space)
