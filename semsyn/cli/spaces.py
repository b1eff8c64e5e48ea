"""Label spaces as a command is given them."""

from pathlib import Path

from semsyn.data.spaces.label_space import label_space, list_label_spaces
from semsyn.errors import InputError, UnknownNameError
from semsyn.labels import LabelSpace
from semsyn.models import CARDS

__all__ = ["SPACE_HELP", "find_space"]

SPACE_HELP = "a label space by its name, by the name of weights, or a JSON file of one"


def find_space(name: str) -> LabelSpace:
    """The label space of that name, of the weights of that name, or in that JSON file.

    Raises:
        UnknownNameError: if there is none; the message lists the nearest names.
        InputError: if the weights have none, or the file holds none.
    """
    if name.endswith(".json"):
        return LabelSpace.from_json(_read_text(Path(name)))
    if name in CARDS:
        known = CARDS[name].label_space
        if known is None:
            raise InputError(f"it is not known which label space {name} was trained with; give the space's own name.")
        return label_space(known)
    names = list_label_spaces()
    if name not in names:
        raise UnknownNameError("label space", name, [*names, *CARDS])
    return label_space(name)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text file: {error}.") from error
