"""What an iPOSE generator is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from semsyn.models.oasis.config import OASISConfig

Convention = Literal["ade20k", "coco", "cityscapes", "toyscenes"]


@dataclass(frozen=True, kw_only=True)
class IPOSEConfig(OASISConfig):
    """iPOSE: OASIS, and parts that PartNet infers from the silhouettes of objects.

    Attributes:
        convention: how instance maps tell objects and their categories, see `semsyn.data.find_objects`: ``ade20k``,
            ``coco``, ``cityscapes`` or ``toyscenes``. None: only Python does, with {instance id: category}.
        part_channels: of part features and noise in the generator.
        part_widths: channels of PartNet's convolutions.
        part_layers: PartNet's attention layers.
        num_parts: parts that PartNet tells apart, background included.
        num_supported: categories that support maps come with; 0: they are to be attached, see `Generator.attach`.
        num_supports: support maps of each category.
    """

    family: ClassVar[str] = "ipose"
    title: ClassVar[str] = "iPOSE"
    most: ClassVar[Mapping[str, int]] = {
        **OASISConfig.most,
        **dict.fromkeys(("part_layers", "num_supports"), 64),
        "num_parts": 256,  # ids of parts are bytes
    }
    resources: ClassVar[Mapping[str, str]] = {"supports": "folder of the support maps of parts"}

    convention: Convention | None = None
    part_channels: int = 32
    part_widths: tuple[int, ...] = (32, 64, 64, 96)
    part_layers: int = 3
    num_parts: int = 9
    num_supported: int = 0
    num_supports: int = 3
