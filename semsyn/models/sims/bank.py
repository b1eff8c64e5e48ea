"""The bank as what a user brings."""

from collections.abc import Mapping
from typing import Any

from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.errors import InputError
from semsyn.generator.resources import PathLike, Resource
from semsyn.labels import LabelSpace
from semsyn.models.sims.composer import Composer
from semsyn.models.sims.config import SIMSConfig
from semsyn.nn.conditioning.conditioner import Conditioner


def open_bank(path: PathLike, config: SIMSConfig) -> SegmentBank:
    """The bank in a folder."""
    return SegmentBank(path)


def attach_bank(conditioner: Conditioner, bank: SegmentBank, config: SIMSConfig) -> Mapping[str, Any]:
    """Let a generator take its segments from a bank.

    Raises:
        InputError: if the bank has other classes, or photographs of another size than the generator's pictures.
    """
    assert isinstance(conditioner, Composer)
    if bank.space.num_classes != config.num_classes:
        raise InputError(
            f"the bank was built for {bank.space.num_classes} classes ({bank.space.name}), but the generator has "
            f"{config.num_classes}: build one for the generator's label space."
        )
    if (found := bank.config.photo_size) != config.image_size:
        raise InputError(
            f"the bank's photographs are {found[0]} x {found[1]}, but the generator's pictures "
            f"{config.image_size[0]} x {config.image_size[1]}: build the bank at that size."
        )
    conditioner.bank = bank
    return {}


def check_space(bank: SegmentBank, space: LabelSpace) -> None:
    """Raise InputError for a bank of other classes, or of the same in another order."""
    if bank.space.classes != space.classes:
        raise InputError(
            f"the bank was built for label space {bank.space.name!r}, but the generator reads {space.name!r}, whose "
            "classes are other ones or in another order: build the bank anew."
        )


def has_bank(conditioner: Conditioner) -> bool:
    assert isinstance(conditioner, Composer)
    return conditioner.bank is not None


BANK = Resource(
    name="bank",
    kind=SegmentBank,
    read=open_bank,
    attach=attach_bank,
    is_attached=has_bank,
    check=check_space,
    is_needed=True,
    is_saved=False,
)
