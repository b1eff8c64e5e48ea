"""The README.md that goes with saved weights."""

import json
import re

from semsyn.errors import printable
from semsyn.generator.generator import Generator
from semsyn.models.card import Card

__all__ = ["write_model_card"]

HUB_LICENSES = {  # the Hub's names of the licences that our cards carry
    "apache-2.0": "apache-2.0",
    "mit": "mit",
    "cc-by-4.0": "cc-by-4.0",
    "cc-by-nc-4.0": "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0": "cc-by-nc-sa-4.0",
    "unknown": "unknown",
}


def write_model_card(generator: Generator, card: Card, *, repo_id: str | None = None) -> str:
    """Write a model card in Markdown with the Hub's YAML header.

    Args:
        generator: the weights it is about.
        card: what is known of them.
        repo_id: where they will be, for the example; None uses the folder's name as a placeholder.

    Returns:
        the text of README.md.
    """
    license = HUB_LICENSES.get(card.license.lower(), "other")
    header = [
        "---",
        f"license: {license}",
        *([f"license_name: {json.dumps(printable(card.license))}"] if license == "other" else []),
        "library_name: semsyn",
        "pipeline_tag: image-to-image",
        "tags:",
        "- semantic-image-synthesis",
        f"- {card.family}",
        "---",
    ]
    space = generator.label_space
    facts = {
        "Network": card.config.describe(),
        "Parameters": f"{sum(p.numel() for p in generator.parameters()) / 1e6:.2f} M",
        "Label space": "not stated" if space is None else f"{_quote(space.name)} ({space.num_classes} classes)",
        "Licence": f"{_quote(card.license)}{' – no commercial use' if card.non_commercial else ''}",
        "Paper": printable(card.paper).replace("|", "%7C"),
        "Project": printable(card.homepage).replace("|", "%7C"),
    }
    body = [
        f"# {_quote(card.name)}",
        "",
        printable(card.notes) or "A generator that turns a label map into a picture.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {fact} | {value} |" for fact, value in facts.items() if value),
        "",
        "```python",
        "import semsyn",
        "",
        f"generator = semsyn.load_pretrained({json.dumps(repo_id or 'path/to/this/folder')})",
        'generator.render("map.png", seed=0).save("out.png")',
        "```",
    ]
    if card.origin:
        body += [
            "",
            "Converted from:",
            "",
            *(f"- {_quote(origin.file)}, SHA-256 {_quote(origin.sha256)}" for origin in card.origin),
        ]
    if space is not None:
        body += [
            "",
            "Classes: " + ", ".join(f"{index} {_quote(name)}" for index, name in enumerate(space.classes)) + ".",
        ]
    return "\n".join([*header, "", *body, ""])


def _quote(text: str) -> str:
    """What a stranger named, as Markdown that says just that: no markup, no link, no cell or line of its own."""
    return re.sub(r"([\\`*<>\[\]|~#&!])", r"\\\1", printable(text))
