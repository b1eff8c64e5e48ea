import re

import pytest
from huggingface_hub import ModelCard

from semsyn.hub import Card
from semsyn.hub.model_card import write_model_card
from semsyn.labels import LabelSpace
from semsyn.models.card import Origin
from tests.hub.models import SPACE, make_generator


def test_the_hub_can_read_it() -> None:
    generator = make_generator()
    generator.label_space = SPACE
    origin = (Origin("best_net_G.pth", "ab" * 32),)
    card = Card(name="clade/x", config=generator.config, license="CC-BY-NC-SA-4.0", non_commercial=True, origin=origin)
    text = write_model_card(generator, card, repo_id="me/net")
    read = ModelCard(text)
    assert read.data.license == "cc-by-nc-sa-4.0"
    assert read.data.library_name == "semsyn"
    assert "clade" in read.data.tags
    for part in (
        "no commercial use",
        "best_net_G.pth",
        "abab",
        "me/net",
        "five (5 classes)",
        "0 a, 1 b, 2 c, 3 d, 4 e.",
    ):
        assert part in text


EVIL = "a\nlicense: mit\n---\n| b | `c` | [d](http://e) <script> \x1b[31m \u202e \udcff"


def test_what_strangers_named_breaks_out_of_nothing() -> None:
    generator = make_generator()
    generator.label_space = LabelSpace(name=EVIL, classes=tuple(f"{i}{EVIL}" for i in range(5)))
    card = Card(name=f"clade/{EVIL}", config=generator.config, license=EVIL, origin=(Origin(EVIL, EVIL),))
    text = write_model_card(generator, card)
    assert ModelCard(text).data.license == "other"
    lines = text.split("\n")
    assert all(character.isprintable() for line in lines for character in line)
    assert lines.count("---") == 2 and "license: mit" not in lines and text.count("```") == 2
    rows = [line for line in lines if line.startswith("| ") and line != "| | |"]
    assert all(len(row.replace("\\|", "").split("|")) == 4 for row in rows)
    assert not re.search(r"(?<!\\)[<`\[]", "\n".join(lines[lines.index("---", 1) :]).replace("```", ""))


@pytest.mark.parametrize(
    ("license", "expected"), [("unknown", "unknown"), ("Apache-2.0", "apache-2.0"), ("MyOwn-1.0", "other")]
)
def test_licences_are_called_as_on_the_hub(license: str, expected: str) -> None:
    generator = make_generator()
    text = write_model_card(generator, Card(name="clade/x", config=generator.config, license=license))
    assert ModelCard(text).data.license == expected
    assert ("MyOwn-1.0" in text.split("---")[1]) == (expected == "other")
    assert "not stated" in text
