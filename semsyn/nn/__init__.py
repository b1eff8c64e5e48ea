"""Layers: each is usable alone, and all networks are made of them."""

from semsyn.nn.clade import CLADE
from semsyn.nn.conditional import Conditional
from semsyn.nn.conditioners import Conditioner, InstanceConditioner, LabelConditioner, NoiseConditioner, Prepared
from semsyn.nn.cross_attention import CrossAttention
from semsyn.nn.image_encoder import ImageEncoder
from semsyn.nn.inade import INADE
from semsyn.nn.instance_encoder import InstanceConv2d, InstanceEncoder
from semsyn.nn.label_conv import LabelConv2d
from semsyn.nn.label_pyramid import PositionMaps
from semsyn.nn.norms import BatchNorm, InstanceNorm, SyncBatchNorm, make_norm
from semsyn.nn.object_parts import ObjectParts
from semsyn.nn.part_coder import PartDecoder, PartEncoder
from semsyn.nn.part_conditioner import PartConditioner
from semsyn.nn.part_modulation import PartModulation
from semsyn.nn.part_net import PartNet
from semsyn.nn.part_supports import PartSupports, SupportEncoding
from semsyn.nn.replace_norms import ModulatedNetwork, replace_norms
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.routing_conditioner import RoutingConditioner
from semsyn.nn.scene_parts import SceneParts
from semsyn.nn.semantic_vectors import SemanticVectorNetwork, SemanticVectors
from semsyn.nn.shifted_instance_norm import ShiftedInstanceNorm
from semsyn.nn.spade import SPADE
from semsyn.nn.spatially_conditional_conv import SpatiallyConditionalConv2d
from semsyn.nn.spatially_conditional_norm import SpatiallyConditionalNorm
from semsyn.nn.spectral_norm import SpectralNorm, fold_spectral_norm, spectral_norm
from semsyn.nn.stems import LabelStem, LatentStem, StyleImageStem, ToImage
from semsyn.nn.support_memory import SupportMemory

__all__ = [
    "CLADE",
    "INADE",
    "SPADE",
    "BatchNorm",
    "Conditional",
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
