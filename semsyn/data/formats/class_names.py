"""Which class of a label space a class of annotations is: by its name."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import torch

from semsyn.errors import InputError, UnknownNameError
from semsyn.labels import LabelSpace

NO_CLASS, OTHERS = "none", "*"  # on the command line
# Names that tools give to what nobody labelled.
UNLABELLED = frozenset(("background", "ignore", "unlabeled", "unlabelled", "unknown", "void", "none"))
SHOWN = 6


def fold(name: str) -> str:
    """A name without what spellings differ in: capitals, spaces, hyphens, underscores."""
    return "".join(c for c in name.casefold() if c.isalnum())


def match_classes(
    names: Iterable[str], space: LabelSpace, by_hand: Mapping[str, str], *, used: Iterable[str], source: str
) -> dict[str, int]:
    """Name → class id in a label space; ``num_classes``: no class.

    A name is found as it is, in another spelling (``dining-table``), or by one of its synonyms (``door, double door``).

    Args:
        names: of the annotations.
        space: that they should fit.
        by_hand: name → name of a class in the space; ``none`` for no class; ``*`` for all that are not found.
        used: names that must be found, unless they are names for "not labelled".
        source: for messages.

    Raises:
        InputError: for names that are not found; the message has the nearest classes.
        UnknownNameError: for a class in ``by_hand`` that the space does not have.
    """
    names, used = list(names), set(used)
    if strange := [name for name in by_hand if name != OTHERS and name not in names]:
        raise InputError(f"--map names {strange[0]!r}, but the classes of {source} are {list_names(names)}.")
    targets = {name: _find_target(target, space) for name, target in by_hand.items()}
    found = {name: targets.get(name, _find(name, space)) for name in names}
    others = targets.get(OTHERS, space.num_classes)
    missing = [n for n, c in found.items() if c is None and n in used and OTHERS not in targets and not _is_void(n)]
    if missing:
        raise InputError(_explain(missing, space, source))
    return {name: others if class_id is None else class_id for name, class_id in found.items()}


def list_names(names: Iterable[str]) -> str:
    """``'sky', 'tree' and 12 more``"""
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more


def _find_target(name: str, space: LabelSpace) -> int:
    if name == NO_CLASS and NO_CLASS not in space.classes:
        return space.num_classes
    found = _find(name, space)
    if found is None:
        raise UnknownNameError(f"class of {space.name!r} (--map)", name, space.classes)
    return found


def _find(name: str, space: LabelSpace) -> int | None:
    """As it is; else in another spelling; else by a synonym: each if it means one class alone."""
    if name in space.classes:
        return space.classes.index(name)
    folded = [fold(known) for known in space.classes]
    for spellings in ([name], name.split(",")):
        ids = {i for spelling in spellings for i, known in enumerate(folded) if known and known == fold(spelling)}
        if len(ids) == 1:
            return ids.pop()
    return None


def _is_void(name: str) -> bool:
    return fold(name) in UNLABELLED


def _find_near_color(name: str, space: LabelSpace) -> list[str]:
    """Of a class that is named by its colour: the class with the nearest one."""
    if not space.palette or not re.fullmatch("#[0-9a-f]{6}", name):
        return []
    class_ids, _ = space.nearest_colors(torch.tensor([list(bytes.fromhex(name[1:]))], dtype=torch.uint8))
    return [space.classes[int(i)] for i in class_ids if int(i) < space.num_classes]


def _explain(missing: list[str], space: LabelSpace, source: str) -> str:
    by_fold = {fold(name): name for name in space.classes}
    shown = []
    for name in missing[:SHOWN]:
        near = _find_near_color(name, space) or [by_fold[c] for c in get_close_matches(fold(name), by_fold, 2, 0.5)]
        shown.append(f"{name!r} ({'nearest: ' + ', '.join(near) if near else 'nothing near'})")
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    return (
        f"{source} has {len(missing)} class{'es' * (len(missing) > 1)} that label space {space.name!r} lacks: "
        f"{', '.join(shown)}{more}. Say what they are: --map '{missing[0]}=CLASS,…' (none: no class; '*=none': all "
        "others are no class)."
    )
