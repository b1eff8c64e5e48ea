"""Label spaces as a command is given them."""

from pathlib import Path

from semsyn.convert.files import read_text
from semsyn.data.spaces.label_space import label_space, list_label_spaces
from semsyn.errors import InputError, UnknownNameError
from semsyn.hub.weights_file import find_weights, read_card
from semsyn.labels import LabelSpace
from semsyn.models import CARDS

__all__ = ["SPACE_HELP", "find_space"]

SPACE_HELP = "a label space by its name, by the name or file of weights, or a JSON file of one"
MAX_JSON = 1 << 24  # bytes of a label space


def find_space(name: str) -> LabelSpace:
    """The label space of that name, of the weights of that name or in that file, or in that JSON file.

    Raises:
        UnknownNameError: if there is none; the message lists the nearest names.
        InputError: if the weights have none, or the file holds none.
        CheckpointError: if the file is missing, no regular file, damaged, or not of semsyn.
    """
    if name.endswith(".json"):
        return LabelSpace.from_json(read_text(Path(name), "a label space", MAX_JSON))
    if name in CARDS:
        known = CARDS[name].label_space
        if known is None:
            raise InputError(f"it is not known which label space {name} was trained with; give the space's own name.")
        return label_space(known)
    names = list_label_spaces()
    if name in names:
        return label_space(name)
    file = find_weights(name)
    if file is None:
        raise UnknownNameError("label space", name, [*names, *CARDS])
    _, space = read_card(file)
    if space is None:
        raise InputError(f"{file} does not say what its ids mean; give a label space by its own name.")
    return space
