"""All cards by name."""

from semsyn.errors import UnknownNameError
from semsyn.hub.card import Card
from semsyn.hub.cards import clade, inade, ipose, oasis, scgan, spade

FAMILIES = (spade, clade, inade, oasis, ipose, scgan)
CARDS: dict[str, Card] = {card.name: card for family in FAMILIES for card in family.CARDS}


def find_card(name: str) -> Card:
    """The card of that name.

    Raises:
        UnknownNameError: if there is none; the message lists the nearest names.
    """
    if name not in CARDS:
        raise UnknownNameError("name", name, sorted(CARDS))
    return CARDS[name]
