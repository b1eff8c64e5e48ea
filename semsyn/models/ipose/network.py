"""iPOSE: OASIS' blocks behind a modulation by parts."""

from functools import partial

from semsyn.data.parts.part_supports import read_supports
from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.generator.resources import PathLike, Resource
from semsyn.models.ipose.config import IPOSEConfig
from semsyn.models.oasis.network import SCALES, build_noise_pyramid, make_conditioner
from semsyn.nn.conditioning.conditioner import Conditioner
from semsyn.nn.norms import make_norm
from semsyn.nn.parts.part_conditioner import PartConditioner
from semsyn.nn.parts.part_modulation import PartModulation
from semsyn.nn.parts.part_net import PartNet
from semsyn.nn.parts.part_supports import PartSupports
from semsyn.nn.parts.support_memory import SupportMemory


def build(config: IPOSEConfig) -> Generator:
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
    return build_noise_pyramid(config, conditioner, front_modulation=front, resources=(SUPPORTS,))


def attach_supports(conditioner: Conditioner, supports: PartSupports, config: IPOSEConfig) -> dict[str, int]:
    """Give PartNet its support maps, in place of those it has.

    Raises:
        InputError: if a map holds parts that PartNet does not know.
    """
    assert isinstance(conditioner, PartConditioner)
    if (last := supports.last_part) >= config.num_parts:
        raise InputError(f"support maps hold part {last}, but the network has parts 0 to {config.num_parts - 1}.")
    conditioner.supports.attach(supports)
    return {"num_supported": len(supports), "num_supports": supports.count}


def has_supports(conditioner: Conditioner) -> bool:
    assert isinstance(conditioner, PartConditioner)
    return len(conditioner.supports.categories) > 0


def load_supports(path: PathLike, config: IPOSEConfig) -> PartSupports:
    """What a path holds for that config."""
    return read_supports(path, count=config.num_supports, num_parts=config.num_parts)


SUPPORTS = Resource(
    name="supports",
    kind=PartSupports,
    read=load_supports,
    attach=attach_supports,
    is_attached=has_supports,
)
