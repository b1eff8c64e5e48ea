"""Label spaces as JSON files that strangers wrote: odd types, repeated keys, huge lists, broken text."""

import json
import random
import string
from pathlib import Path
from typing import Any

import torch

from semsyn.errors import SemsynError
from semsyn.labels import MAX_STORED_ID, LabelSpace
from semsyn.testing.attack.attempt import Attack, WrongAnswer

ODD_IDS: tuple[object, ...] = (True, 0.9, 1.5, 2.0, -1, 2**63, 10**400, "1", "1.0", [], {}, float("nan"), float("inf"))
ODD_KEYS = ("01", "1.0", "+1", " 1", "1 ", "1_0", "٣", "", "-0", "1e1", "0x1", "true", "9" * 5000)
ODD_VALUES: tuple[object, ...] = (None, 1, 1.5, "", "ab", [], {}, [None], [1], [[]], {"a": 1}, True, "#ffffff", [["a"]])


def _plain(rng: random.Random) -> dict[str, Any]:
    """A good one: classes, colours, ids that are read otherwise."""
    k = rng.randint(1, 6)
    data: dict[str, Any] = {"name": "plain", "classes": [f"class {i}" for i in range(k)]}
    if rng.random() < 0.5:
        data["palette"] = [f"#{i:06x}" for i in rng.sample(range(2**24), k)]
    if rng.random() < 0.5:
        data["remap"] = {str(rng.randint(300, 900)): rng.randint(0, k) for _ in range(3)}
    if rng.random() < 0.5:
        data |= {"void_ids": [255, 1000], "void": rng.randint(0, k)}
    return data


def good(rng: random.Random, folder: Path) -> None:
    """Read, written and read again it is the same, and reads maps as its entries say."""
    data = _plain(rng)
    space = LabelSpace.from_json(json.dumps(data))
    if LabelSpace.from_json(space.to_json()) != space:
        raise WrongAnswer(f"{data} does not survive being written")
    k = space.num_classes
    for stored in {0, k - 1, k, 255, *map(int, data.get("remap", {})), -1, MAX_STORED_ID, 2**63 - 1, -(2**63)}:
        expected = data.get("remap", {}).get(str(stored), stored if 0 <= stored < k else None)
        expected = data.get("void") if stored in data.get("void_ids", ()) else expected
        try:
            found = int(space.map_ids(torch.tensor([stored]))[0])
        except SemsynError:
            found = None
        if found != expected:
            raise WrongAnswer(f"{data} reads {stored} as {found}, not {expected}")


def odd_id(rng: random.Random, folder: Path) -> None:
    """An id that is no id: as void, among the ids of void, as what another id becomes."""
    data, odd = _plain(rng) | {"void_ids": [255], "void": 0, "remap": {"300": 0}}, rng.choice(ODD_IDS)
    where = rng.choice(("void", "void_ids", "remap"))
    data[where] = {"void": odd, "void_ids": [255, odd], "remap": {"300": odd}}[where]
    space = LabelSpace.from_json(json.dumps(data))
    if (where, odd) != ("void_ids", -1):
        raise WrongAnswer(f"the id {odd!r} in {where} was read as {space}")


def odd_key(rng: random.Random, folder: Path) -> None:
    """A stored id that is written in another way, or twice."""
    key = rng.choice(ODD_KEYS)
    remap = rng.choice((f"{json.dumps(key)}: 0", f'"{(i := rng.randint(2, 9))}": 0, "{i}": 1'))
    space = LabelSpace.from_json(f'{{"name": "a", "classes": ["a", "b"], "remap": {{{remap}}}}}')
    raise WrongAnswer(f"the keys {remap[:80]} were read as {space.remap}")


def odd_part(rng: random.Random, folder: Path) -> None:
    """A part of another type, missing, unknown, or given to the constructor so."""
    data = _plain(rng)
    data[rng.choice(("name", "classes", "palette", "remap", "void_ids", "void", "colour"))] = rng.choice(ODD_VALUES)
    space = LabelSpace.from_json(json.dumps(data)) if rng.random() < 0.5 else LabelSpace.from_dict(data)
    if not all(isinstance(c, str) for c in (space.name, *space.classes)):
        raise WrongAnswer(f"{data} was read as {space}")


def large(rng: random.Random, folder: Path) -> None:
    """Hundreds of thousands of classes, a hundred thousand colours: no slower than they are long."""
    count = rng.randint(30_000, 60_000)
    names = [f"{i} {''.join(rng.choices(string.ascii_letters, k=8))}" for i in range(count)]
    palette = [f"#{i:06x}" for i in range(count)] if rng.random() < 0.7 else []
    if rng.random() < 0.3:
        names[-1] = names[0]
    data = {"name": "large", "classes": names, "palette": palette, "void_ids": []}
    space = LabelSpace.from_json(json.dumps(data))
    space.nearest_colors(torch.randint(256, (2, 8, 3), dtype=torch.uint8)) if palette else None
    space.in_order_of(LabelSpace(name="other", classes=tuple(reversed(names)), void_ids=()))
    space.find_class("0" * rng.choice((3, 100_000)))


def broken(rng: random.Random, folder: Path) -> None:
    """Cut off, with foreign letters, deep, or no JSON at all."""
    text = json.dumps(_plain(rng))
    at = rng.randrange(len(text))
    deep = rng.choice("[{") * rng.randint(10, 200_000)
    foreign = rng.choice((deep, "\0", "\ud800", "NaN", "1e999", "'", ",", "}", "\\u0000", '"classes": [],'))
    LabelSpace.from_json(rng.choice((text[:at], text[:at] + foreign + text[at:], deep, foreign)))


ATTACKS: tuple[Attack, ...] = (good, odd_id, odd_key, odd_part, large, broken)
