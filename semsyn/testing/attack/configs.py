"""Configs and other metadata in files that strangers wrote."""

import json
import random
from dataclasses import fields
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from semsyn.errors import InputError
from semsyn.generator.assemble import assemble
from semsyn.generator.config import Config
from semsyn.hub.info import info
from semsyn.hub.model_card import write_model_card
from semsyn.hub.save import card_of
from semsyn.hub.weights_file import KEY, describe_file, load_weights_file, read_card
from semsyn.models import FAMILIES
from semsyn.testing.attack.attempt import Attack, WrongAnswer
from semsyn.testing.attack.small import small_card, small_config, small_generator
from semsyn.testing.attack.workshop import run_command

HUGE = (2**16, 2**16 + 1, 10**9, 2**31, 2**63, 64 * 10**9, 10**400)
ODD: tuple[Any, ...] = (
    *HUGE,
    *(-n for n in HUGE),
    *(0, -1, 1, 2, 3, 5, 7, 1000, 0.5, 1e-300, 1e308, float("nan"), float("inf"), -0.0),
    *(True, False, None, "", "64", "batch", "\x1b[31m", "a\0", "\udcff", [], [64], [64, 64], [64] * 9, {}, {"a": 1}),
    *([0, 64], [2**16, 2**16], [64, -64], [64.5, 64], [True, 64], [[64], 64], ["64", "64"], [10**9] * 2, [1] * 10**5),
)
STEERING = (
    "\x1b[2J",
    "a\nb",
    "a\rb",
    "\x9b31m",
    "\u202egnp",
    "a|b",
    "`x`",
    "---\nlicense: mit\n---",
    "<script>",
    "a\tb",
    "{{x}}",
)


def odd_config(rng: random.Random, folder: Path) -> None:
    """Fields of odd types and values; what is taken can be built in no time, and no file has its weights by chance."""
    family = rng.choice(sorted(FAMILIES))
    config = _change(rng, small_config(family).to_dict())
    assemble(FAMILIES[family].config.from_dict(config), {})
    raise WrongAnswer("a network was built without weights")


def large_config(rng: random.Random, folder: Path) -> None:
    """Every number of a config at its largest."""
    family = rng.choice(sorted(FAMILIES))
    config = small_config(family)
    values = config.to_dict()
    for field in rng.sample([f.name for f in fields(config)], rng.randint(1, 6)):
        if isinstance(values[field], int) and not isinstance(values[field], bool):
            values[field] = _largest(type(config), field)
    assemble(type(config).from_dict(values), {})


def odd_metadata(rng: random.Random, folder: Path) -> None:
    """Metadata of a weights file with parts that are missing, of other types, deep, doubled, or no JSON at all."""
    family = rng.choice(sorted(FAMILIES))
    about = describe_file(small_generator(family), small_card(family))
    kind = rng.randrange(5)
    if kind == 0:
        about["config"] = _change(rng, about["config"])
    elif kind == 1:
        about[rng.choice(sorted(about))] = rng.choice(ODD)
    elif kind == 2:
        del about[rng.choice(sorted(about))]
    else:
        about["origin"] = rng.choice(([{"file": "a"}], [{"file": 1, "sha256": 2}], [[]], {"a": 1}, "text", [None]))
    text = json.dumps(about)
    if kind == 4:
        deep = rng.choice((90, 900, 90_000))
        texts = (
            "[" * deep,
            '{"a":' * deep,
            "1" * 90_000,
            '{"format": 1e999}',
            "Infinity",
            "[NaN]",
            '"\\ud800"',
            text[:-9],
        )
        text = rng.choice((*texts, text.replace('"format": 2', '"format": 2, "format": 1'), f"[{text}]", "", "\0"))
    path = folder / "a.safetensors"
    save_file({key: t.contiguous() for key, t in small_generator(family).state_dict().items()}, path, {KEY: text})
    read_card(path)
    str(info(str(path)))
    load_weights_file(path)


def steering_names(rng: random.Random, folder: Path) -> None:
    """Names, licences and origins that would steer a terminal, or break out of a model card."""
    generator = small_generator("clade")
    about = describe_file(generator, small_card("clade"))
    evil = "".join(rng.choices((*STEERING, "x"), k=rng.randint(1, 4)))
    about["name"] = f"clade/{evil}"
    about["license"], about["origin"] = evil, [{"file": evil, "sha256": evil}]
    about["label_space"] = {"name": evil, "classes": [evil, f"{evil}1", f"{evil}2"]}
    path = folder / "a.safetensors"
    save_file({key: t.contiguous() for key, t in generator.state_dict().items()}, path, {KEY: json.dumps(about)})
    loaded = load_weights_file(path)
    card = write_model_card(loaded, card_of(loaded))
    _check_card(card)
    if any(_steers(character) for character in str(info(str(path))).replace("\n", "")):
        raise WrongAnswer("info() steers the terminal")
    if run_command("info", path).code:
        raise WrongAnswer("semsyn info failed")


def odd_name(rng: random.Random, folder: Path) -> None:
    """Names of weights that strangers, or tired people, give."""
    from semsyn.hub.load import load_pretrained

    parts = (
        "",
        "clade",
        "CLADE",
        "..",
        "/",
        "\0",
        "a" * 300,
        "\udcff",
        "x/y",
        ".safetensors",
        "~",
        "*",
        "%00",
        "\n",
        "-",
    )
    name = "".join(rng.choices(parts, k=rng.randint(1, 4)))
    load_pretrained(name, local_files_only=True)
    raise WrongAnswer(f"something was loaded by the name {name!r}")


def _change(rng: random.Random, values: dict[str, Any]) -> dict[str, Any]:
    for _ in range(rng.randint(1, 3)):
        name = rng.choice((*values, "unknown", ""))
        if rng.random() < 0.1:
            values.pop(name, None)
        else:
            values[name] = rng.choice(ODD)
    return values


def _largest(config: type[Config], field: str) -> int:
    """The largest value that a field takes beside small others."""
    low, high = 1, 2**17
    while high - low > 1:
        middle = (low + high) // 2
        values = {**small_config(config.family).to_dict(), field: middle}
        try:
            config.from_dict(values)
            low = middle
        except InputError:
            high = middle
    return low


def _steers(character: str) -> bool:
    return not character.isprintable()


def _check_card(text: str) -> None:
    """The header has its own lines alone, and each fact is one row of the table."""
    lines = text.split("\n")
    if lines[0] != "---" or any(_steers(character) for line in lines for character in line):
        raise WrongAnswer("a control character stands in the card")
    header = lines[1 : lines.index("---", 1)]
    known = ("license: ", "license_name: ", "library_name: ", "pipeline_tag: ", "tags:", "- ")
    if strange := [line for line in header if not line.startswith(known)]:
        raise WrongAnswer(f"the header of the card holds {strange[0]!r}")
    rows = [line for line in lines if line.startswith("| ") and line != "| | |"]
    if broken := [row for row in rows if len(row.replace("\\|", "").split("|")) != 4]:
        raise WrongAnswer(f"the table of the card holds {broken[0]!r}")


ATTACKS: tuple[Attack, ...] = (odd_config, large_config, odd_metadata, steering_names, odd_name)
