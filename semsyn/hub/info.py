"""What there is, and how to get it."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from semsyn.errors import printable
from semsyn.hub.weights_file import find_weights, read_card
from semsyn.models import CARDS, find_card
from semsyn.models.card import Card

__all__ = ["Info", "explain_missing", "info", "list_pretrained"]

STATUS = {
    "bundled": "comes with semsyn",
    "released": "released by its authors; bring their file",
    "unconfirmed": "known to the authors' code; not confirmed to be public",
    "untrained": "a preset; no weights were released",
}


@dataclass(frozen=True)
class Info:
    """What is known of a name or a file; print it, or take `to_dict` for a program.

    Attributes:
        card: the facts.
        run: the Python lines that make a generator of it.
        file: the weights file that says so; None: semsyn knows the name itself.
    """

    card: Card
    run: tuple[str, ...]
    file: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        file = {} if self.file is None else {"file": str(self.file)}
        return self.card.to_dict() | {"summary": self.card.config.describe(), "run": list(self.run)} | file

    def __str__(self) -> str:
        card = self.card
        license = f"{card.license}{' (no commercial use)' if card.non_commercial else ''}"
        facts = {
            "network": card.config.describe(),
            "weights": STATUS[card.status] if self.file is None else f"in {self.file}",
            "labels": card.label_space or "not stated",
            "licence": license if card.status != "untrained" or self.file is not None else "",
            "code": f"{card.code_license} (the authors' own, which semsyn holds nothing of)"
            if card.code_license
            else "",
            "paper": card.paper,
            "project": card.homepage,
            "notes": card.notes,
        }
        if self.file is not None:
            facts["made of"] = ", ".join(f"{origin.file} (SHA-256 {origin.sha256[:12]}…)" for origin in card.origin)
        elif card.original is not None:
            facts["files"] = f"{', '.join(card.original.files.values())} in folder {card.original.folder}"
            facts["hosted"] = card.original.hosted
        lines = [f"{fact:<9}{value}" for fact, value in facts.items() if value]
        return "\n".join(map(printable, [card.name, *lines, "run", *(f"    {line}" for line in self.run)]))


def list_pretrained(pattern: str = "*", *, everything: bool = False) -> list[str]:
    """Names of weights that come with semsyn or were released, sorted.

    Args:
        pattern: shell pattern, such as ``clade/*``.
        everything: list the presets without released weights, too (for `create`).
    """
    shown = STATUS if everything else ("bundled", "released")
    return sorted(name for name, card in CARDS.items() if fnmatchcase(name, pattern) and card.status in shown)


def info(name: str) -> Info:
    """Licence, paper, where the authors host the file, and what to run.

    Args:
        name: as `list_pretrained` gives it; or a file, or a folder with one, that semsyn has written.

    Raises:
        UnknownNameError: if there is no card of that name; the message lists the nearest names.
        CheckpointError: if the file is damaged, or was not written by semsyn.
    """
    file = find_weights(name)
    if file is None:
        card = find_card(name)
        return Info(card, _run(card))
    card, _ = read_card(file)
    load = (f"generator = semsyn.load_pretrained({str(name)!r})", 'generator.render("map.png", seed=0).save("out.png")')
    return Info(card, load, file)


def explain_missing(card: Card) -> str:
    """What to do about a card whose weights do not come with semsyn."""
    if card.original is None:
        return f"no weights of {card.name} were released. For an untrained generator: {_run(card)[0]}"
    license = "their licence is not stated" if card.license == "unknown" else card.license
    where = f"{' and '.join(card.original.files.values())} in folder {card.original.folder} of {card.original.hosted}"
    return (
        f"the weights of {card.name} do not come with semsyn ({license}). Get the authors' own: {where} "
        f"({card.homepage}). Then: {_run(card)[0]} or, once and for all: semsyn convert {card.original.folder} "
        f"--card {card.name} --out {card.name.replace('/', '-')}.safetensors"
    )


def _run(card: Card) -> tuple[str, ...]:
    if card.status == "untrained":
        return (f'generator = semsyn.create("{card.name}")',)
    given = "" if card.original is None else f', checkpoint="{card.original.folder}"'
    return (
        f'generator = semsyn.load_pretrained("{card.name}"{given})',
        'generator.render("map.png", seed=0).save("out.png")',
    )
