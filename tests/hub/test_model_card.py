import pytest
from huggingface_hub import ModelCard

from semsyn.hub import Card
from semsyn.hub.model_card import write_model_card
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


@pytest.mark.parametrize(
    ("license", "expected"), [("unknown", "unknown"), ("Apache-2.0", "apache-2.0"), ("MyOwn-1.0", "other")]
)
def test_licences_are_called_as_on_the_hub(license: str, expected: str) -> None:
    generator = make_generator()
    text = write_model_card(generator, Card(name="clade/x", config=generator.config, license=license))
    assert ModelCard(text).data.license == expected
    assert ("MyOwn-1.0" in text.split("---")[1]) == (expected == "other")
    assert "not stated" in text
