"""Label spaces as JSON files that strangers wrote."""

import json
import random
from pathlib import Path

from semsyn.labels import LabelSpace
from semsyn.testing.attack.attempt import Attack, WrongAnswer

ODD_IDS: tuple[object, ...] = (True, 0.9, 1.5, -1, 2**63, "1.0", None, [], float("nan"))


def odd_id(rng: random.Random, folder: Path) -> None:
    """An id of a class that is no id."""
    odd = rng.choice(ODD_IDS)
    space = LabelSpace.from_json(json.dumps({"name": "odd", "classes": ["a", "b"], "void": odd}))
    if odd is not None:
        raise WrongAnswer(f"the id {odd!r} was read as {space.void!r}")


ATTACKS: tuple[Attack, ...] = (odd_id,)
