"""The label spaces that networks here were trained with, by name."""

from functools import cache
from importlib.resources import files

from semsyn.errors import UnknownNameError
from semsyn.labels import LabelSpace
from semsyn.signature import checked

FOLDER = files("semsyn.data.spaces")
TOYSCENES = "toyscenes"


def list_label_spaces() -> list[str]:
    """The names that `label_space` knows, sorted."""
    stored = [file.name.removesuffix(".json") for file in FOLDER.iterdir() if file.name.endswith(".json")]
    return sorted([*stored, TOYSCENES])


@checked()
def label_space(name: str) -> LabelSpace:
    """A label space by name.

    A name that ends in ``-ids`` has the classes of the space it begins with, for maps that store them differently:
    ``cityscapes`` reads label ids (0..33), ``cityscapes-train-ids`` the 19 train ids.

    Raises:
        UnknownNameError: naming the nearest names.
    """
    return _read(name)


@cache
def _read(name: str) -> LabelSpace:
    if name not in (known := list_label_spaces()):
        raise UnknownNameError("label space", name, known)
    if name == TOYSCENES:
        from semsyn.data.toyscenes.classes import CLASSES, PALETTE

        return LabelSpace(name=TOYSCENES, classes=tuple(CLASSES), palette=tuple((r, g, b) for r, g, b in PALETTE))
    return LabelSpace.from_json(FOLDER.joinpath(f"{name}.json").read_text(encoding="utf-8"))
