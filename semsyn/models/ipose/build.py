"""iPOSE: OASIS' blocks behind a modulation by parts."""

from dataclasses import replace
from functools import partial

from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.models.ipose.config import IPOSEConfig
from semsyn.models.oasis.build import SCALES, build_noise_pyramid, make_conditioner
from semsyn.nn.norms import make_norm
from semsyn.nn.parts.part_conditioner import PartConditioner
from semsyn.nn.parts.part_modulation import PartModulation
from semsyn.nn.parts.part_net import PartNet
from semsyn.nn.parts.part_supports import PartSupports
from semsyn.nn.parts.support_memory import SupportMemory


def build_ipose(config: IPOSEConfig) -> Generator:
    """Build iPOSE's generator, PartNet inside. PartNet is frozen.

    Raises:
        InputError: if a side is no multiple of 32, or PartNet has not four widths.

    Reference: Wei et al., "Inferring and Leveraging Parts from Object Shape for Improving Semantic Image Synthesis",
        arXiv:2305.19547.
    """
    if len(config.part_widths) != 4:
        raise InputError(f"part_widths must have four entries, found {config.part_widths}.")
    a, b, c, d = config.part_widths
    conditioner = PartConditioner(
        make_conditioner(config),
        PartNet((a, b, c, d), num_parts=config.num_parts, num_layers=config.part_layers),
        config.num_classes,
        num_levels=len(SCALES),
        part_channels=config.part_channels,
        supports=SupportMemory(config.num_supported, config.num_supports),
    )
    front = partial(PartModulation, part_channels=config.part_channels, norm=make_norm(config.norm))
    return build_noise_pyramid(config, conditioner, front_modulation=front)


def attach_supports(generator: Generator, supports: PartSupports) -> Generator:
    """Give an iPOSE generator its support maps, in place of those it has. They are saved with it.

    Args:
        generator: changed in place.
        supports: a few part maps for each category; see `semsyn.data.read_supports`.

    Returns:
        the generator.

    Raises:
        InputError: if it is no iPOSE generator, or a map holds parts that its PartNet does not know.
    """
    conditioner = generator.conditioner
    if not isinstance(conditioner, PartConditioner):
        raise InputError("only generators that infer parts (iPOSE) take support maps.")
    if int(supports.part_ids.max()) >= generator.config.num_parts:
        raise InputError(
            f"support maps hold part {int(supports.part_ids.max())}, but the network has parts 0 to "
            f"{generator.config.num_parts - 1}."
        )
    conditioner.supports.attach(supports)
    generator.config = replace(generator.config, num_supported=len(supports), num_supports=supports.count)
    return generator
