"""The families: one folder each, and here the only list of them."""

from semsyn.errors import UnknownNameError
from semsyn.models.card import Card
from semsyn.models.clade.config import CLADEConfig
from semsyn.models.clvae.config import CLVAEConfig
from semsyn.models.family import Family
from semsyn.models.inade.config import INADEConfig
from semsyn.models.ipose.config import IPOSEConfig
from semsyn.models.oasis.config import OASISConfig
from semsyn.models.scgan.config import SCGANConfig
from semsyn.models.sims.config import SIMSConfig
from semsyn.models.spade.config import SPADEConfig

__all__ = [
    "CLADEConfig",
    "CLVAEConfig",
    "INADEConfig",
    "IPOSEConfig",
    "OASISConfig",
    "SCGANConfig",
    "SIMSConfig",
    "SPADEConfig",
    "get_family",
]

# The first that knows the keys of a file has written it: one whose files hold another's keys and more stands before it.
FAMILIES: dict[str, Family] = {
    config.family: Family(config)
    for config in (
        CLVAEConfig,
        SPADEConfig,
        CLADEConfig,
        INADEConfig,
        OASISConfig,
        IPOSEConfig,
        SCGANConfig,
        SIMSConfig,
    )
}
CARDS: dict[str, Card] = {card.name: card for family in FAMILIES.values() for card in family.cards}


def get_family(name: str) -> Family:
    """The family of that name.

    Raises:
        UnknownNameError: if there is none.
    """
    if name not in FAMILIES:
        raise UnknownNameError("family", name, list(FAMILIES))
    return FAMILIES[name]


def find_card(name: str) -> Card:
    """The card of that name.

    Raises:
        UnknownNameError: if there is none; the message lists the nearest names.
    """
    if name not in CARDS:
        raise UnknownNameError("name", name, sorted(CARDS))
    return CARDS[name]
