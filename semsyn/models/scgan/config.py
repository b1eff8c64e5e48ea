"""What an SCGAN generator is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from semsyn.models.pyramid.config import PyramidConfig
from semsyn.nn.routing.activate_routing import RoutingActivation

Position = Literal["none", "map", "pyramid"]


@dataclass(frozen=True, kw_only=True)
class SCGANConfig(PyramidConfig):
    """SCGAN. ``upsampling`` is ``normal`` or ``more``; the image encoder needs ``code_dim``.

    Attributes:
        width: channels after the last stage.
        stem_width: channels of the first features, in sixteenths.
        routing_width: channels of the semantic vector network's last levels.
        conv_experts: experts that convolutions are mixed from.
        norm_experts: experts that modulations are mixed from.
        routing_activation: what turns logits into weights, ``softmax``, ``sigmoid``, ``hardtanh`` or ``identity``.
        temperature: factor of the logits: small ones give nearly equal weights.
        has_routing_spectral_norm: the convolutions of the semantic vector network are spectrally normalised.
        has_edges: the networks read instance borders.
        position: how the semantic vector network sees where in its region a pixel is: ``none``; ``map``, a position map
            at full size, of which coarser levels are means; ``pyramid``, position maps at several levels.
        position_levels: a number r, for ``pyramid``: the r - 1 finest levels are position maps.
        position_size, position_sigma: window of the position maps, in pixels.
        position_steps: how often a position map is filtered.
        is_position_relative: the last filter's result divided by what it was before.
        hidden: channels between the two convolutions of the shortcuts' norms.
        kernel_size: of the convolutions in the shortcuts' norms.
        num_planes: p, dense maps (a picture that gives the structure) that the networks read beside or instead of
            classes.
        has_style_image: the generator starts from a picture with p planes, ``style.code_map``, in place of the map.
        has_preview: the head that paints from the semantic vectors alone is there. Pictures do not need it.
    """

    family: ClassVar[str] = "scgan"
    title: ClassVar[str] = "SCGAN"
    most: ClassVar[Mapping[str, int]] = {
        **PyramidConfig.most,
        **dict.fromkeys(("conv_experts", "norm_experts", "position_levels"), 64),
        **dict.fromkeys(("position_steps", "position_size"), 255),
    }
    least_classes: ClassVar[int] = 0

    width: int = 32
    stem_width: int = 32
    routing_width: int = 32
    conv_experts: int = 3
    norm_experts: int = 3
    routing_activation: RoutingActivation = "softmax"
    temperature: float = 0.05
    has_routing_spectral_norm: bool = True
    has_edges: bool = False
    position: Position = "none"
    position_levels: int = 5
    position_size: int = 7
    position_sigma: float = 1.5
    position_steps: int = 1
    is_position_relative: bool = False
    hidden: int = 128
    kernel_size: int = 3
    num_planes: int = 0
    has_style_image: bool = False
    has_preview: bool = True

    def count_planes(self) -> int:
        return self.num_planes

    def details(self) -> list[str]:
        planes = [f"{self.num_planes} planes"] if self.num_planes else []
        return [*planes, *super().details(), f"{self.conv_experts}+{self.norm_experts} experts"]
