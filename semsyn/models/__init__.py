"""Networks assembled from `semsyn.nn`, one folder per family."""

from semsyn.generator.generator import Generator
from semsyn.models.clade import CLADEConfig, build_clade
from semsyn.models.inade import INADEConfig, build_inade
from semsyn.models.ipose import IPOSEConfig, attach_supports, build_ipose
from semsyn.models.oasis import OASISConfig, build_oasis
from semsyn.models.registry import FAMILIES, Family, config_from_dict, config_to_dict, family_of, get_family
from semsyn.models.scgan import SCGANConfig, build_scgan
from semsyn.models.spade import SPADEConfig, build_spade

__all__ = [
    "FAMILIES",
    "CLADEConfig",
    "Family",
    "Generator",
    "INADEConfig",
    "IPOSEConfig",
    "OASISConfig",
    "SCGANConfig",
    "SPADEConfig",
    "attach_supports",
    "build_clade",
    "build_inade",
    "build_ipose",
    "build_oasis",
    "build_scgan",
    "build_spade",
    "config_from_dict",
    "config_to_dict",
    "family_of",
    "get_family",
]
