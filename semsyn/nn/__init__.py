"""Layers: each is usable alone, and all networks are made of them."""

from semsyn.nn.clade import CLADE
from semsyn.nn.conditional import Conditional, ConditionalNorm, Modulation
from semsyn.nn.conditioning.conditioner import Conditioner, Prepared
from semsyn.nn.conditioning.instances import InstanceConditioner
from semsyn.nn.conditioning.labels import LabelConditioner
from semsyn.nn.conditioning.noise import NoiseConditioner
from semsyn.nn.encoders.image import ImageEncoder
from semsyn.nn.encoders.instance import InstanceConv2d, InstanceEncoder
from semsyn.nn.inade import INADE
from semsyn.nn.label_conv import LabelConv2d
from semsyn.nn.norms import BatchNorm, InstanceNorm, SyncBatchNorm, make_norm
from semsyn.nn.parts.cross_attention import CrossAttention
from semsyn.nn.parts.object_parts import ObjectParts
from semsyn.nn.parts.part_coder import PartDecoder, PartEncoder
from semsyn.nn.parts.part_conditioner import PartConditioner
from semsyn.nn.parts.part_modulation import PartModulation
from semsyn.nn.parts.part_net import PartNet
from semsyn.nn.parts.part_supports import PartSupports, SupportEncoding
from semsyn.nn.parts.scene_parts import SceneParts
from semsyn.nn.parts.shifted_instance_norm import ShiftedInstanceNorm
from semsyn.nn.parts.support_memory import SupportMemory
from semsyn.nn.replace_norms import ModulatedNetwork, replace_norms
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.routing.label_pyramid import PositionMaps
from semsyn.nn.routing.routing_conditioner import RoutingConditioner
from semsyn.nn.routing.semantic_vectors import SemanticVectorNetwork, SemanticVectors
from semsyn.nn.routing.spatially_conditional_conv import SpatiallyConditionalConv2d
from semsyn.nn.routing.spatially_conditional_norm import SpatiallyConditionalNorm
from semsyn.nn.spade import SPADE
from semsyn.nn.spectral_norm import SpectralNorm, fold_spectral_norm, spectral_norm
from semsyn.nn.stems import LabelStem, LatentStem, StyleImageStem, ToImage

__all__ = [
    "CLADE",
    "INADE",
    "SPADE",
    "BatchNorm",
    "Conditional",
    "ConditionalNorm",
    "Conditioner",
    "CrossAttention",
    "ImageEncoder",
    "InstanceConditioner",
    "InstanceConv2d",
    "InstanceEncoder",
    "InstanceNorm",
    "LabelConditioner",
    "LabelConv2d",
    "LabelStem",
    "LatentStem",
    "ModulatedNetwork",
    "ModulatedResBlock",
    "Modulation",
    "NoiseConditioner",
    "ObjectParts",
    "PartConditioner",
    "PartDecoder",
    "PartEncoder",
    "PartModulation",
    "PartNet",
    "PartSupports",
    "PositionMaps",
    "Prepared",
    "RoutingConditioner",
    "SceneParts",
    "SemanticVectorNetwork",
    "SemanticVectors",
    "ShiftedInstanceNorm",
    "SpatiallyConditionalConv2d",
    "SpatiallyConditionalNorm",
    "SpectralNorm",
    "StyleImageStem",
    "SupportEncoding",
    "SupportMemory",
    "SyncBatchNorm",
    "ToImage",
    "fold_spectral_norm",
    "make_norm",
    "replace_norms",
    "spectral_norm",
]
