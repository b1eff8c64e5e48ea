"""The families, and their configs as plain data."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from semsyn.errors import InputError, UnknownNameError
from semsyn.generator.generator import Generator
from semsyn.models.clade.build import build_clade
from semsyn.models.clade.config import CLADEConfig
from semsyn.models.inade.build import build_inade
from semsyn.models.inade.config import INADEConfig
from semsyn.models.ipose.build import build_ipose
from semsyn.models.ipose.config import IPOSEConfig
from semsyn.models.oasis.build import build_oasis
from semsyn.models.oasis.config import OASISConfig
from semsyn.models.scgan.build import build_scgan
from semsyn.models.scgan.config import SCGANConfig
from semsyn.models.spade.build import build_spade
from semsyn.models.spade.config import SPADEConfig


@dataclass(frozen=True)
class Family:
    """One published system.

    Attributes:
        name: as in ``family/dataset``.
        title: as in its paper.
        config_class: frozen dataclass of plain values.
        build: config to `Generator`.
    """

    name: str
    title: str
    config_class: type
    build: Callable[[Any], Generator]


FAMILIES = {
    family.name: family
    for family in (
        Family("spade", "SPADE", SPADEConfig, build_spade),
        Family("clade", "CLADE", CLADEConfig, build_clade),
        Family("inade", "INADE", INADEConfig, build_inade),
        Family("oasis", "OASIS", OASISConfig, build_oasis),
        Family("ipose", "iPOSE", IPOSEConfig, build_ipose),
        Family("scgan", "SCGAN", SCGANConfig, build_scgan),
    )
}


def get_family(name: str) -> Family:
    """The family of that name.

    Raises:
        UnknownNameError: if there is none.
    """
    if name not in FAMILIES:
        raise UnknownNameError("family", name, list(FAMILIES))
    return FAMILIES[name]


def family_of(config: Any) -> Family:
    """The family that a config belongs to.

    Raises:
        InputError: if it is no family's config.
    """
    for family in FAMILIES.values():
        if type(config) is family.config_class:
            return family
    known = [f.config_class.__name__ for f in FAMILIES.values()]
    raise InputError(f"{type(config).__name__} is not the config of a family: {known}.")


def config_to_dict(config: Any) -> dict[str, Any]:
    """A config as JSON values."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}


def config_from_dict(family: str, values: Mapping[str, Any]) -> Any:
    """A config from JSON values.

    Raises:
        InputError: for fields that the family's config does not have, or that are missing.
    """
    config_class = get_family(family).config_class
    names = {f.name for f in fields(config_class)}
    if unknown := sorted(set(values) - names):
        raise InputError(
            f"a {family} config has no {unknown}; it has {sorted(names)}. A newer semsyn may have written it."
        )
    try:
        return config_class(
            **{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        )
    except TypeError as error:
        raise InputError(f"a {family} config is incomplete: {error}.") from error
