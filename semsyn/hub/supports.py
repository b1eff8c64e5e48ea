"""Support maps for generators that infer parts."""

import os

from semsyn.data.parts.part_supports import read_supports
from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.models.ipose.build import attach_supports

__all__ = ["load_supports"]


def load_supports(generator: Generator, folder: str | os.PathLike[str] | None) -> Generator:
    """Give an iPOSE generator the support maps of a folder (`semsyn.data.read_supports`), in place; None changes
    nothing.

    Raises:
        InputError: if the generator infers no parts, or the folder holds no such maps.
    """
    if folder is None:
        return generator
    if not hasattr(generator.config, "num_supports"):
        raise InputError("supports= is for generators that infer parts (iPOSE): leave it out.")
    config = generator.config
    return attach_supports(generator, read_supports(folder, count=config.num_supports, num_parts=config.num_parts))
