"""Layers: each is usable alone, and all networks are made of them."""

from semsyn.nn.checkpointing import checkpoint_activations
from semsyn.nn.clade import CLADE
from semsyn.nn.compose.canvas_net import CanvasNet
from semsyn.nn.compose.order_net import OrderNet
from semsyn.nn.compose.transform_net import TransformNet
from semsyn.nn.conditional import Conditional, ConditionalNorm
from semsyn.nn.conditioning.class_conditioner import ClassConditioner
from semsyn.nn.conditioning.conditioner import Conditioner
from semsyn.nn.conditioning.labels import LabelConditioner
from semsyn.nn.encoders.class_encoder import ClassEncoder
from semsyn.nn.encoders.image import ImageEncoder
from semsyn.nn.encoders.instance import InstanceConv2d, InstanceEncoder
from semsyn.nn.inade import INADE
from semsyn.nn.initialize import initialize
from semsyn.nn.label_conv import LabelConv2d
from semsyn.nn.monai_spade import MonaiSPADE
from semsyn.nn.norms import BatchNorm, InstanceNorm, SyncBatchNorm
from semsyn.nn.parts.part_modulation import PartModulation
from semsyn.nn.parts.part_net import PartNet
from semsyn.nn.parts.part_supports import PartSupports
from semsyn.nn.prepared_condition import PreparedCondition
from semsyn.nn.replace_norms import ModulatedNetwork, replace_norms
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.routing.activate_routing import activate_routing
from semsyn.nn.routing.label_pyramid import PositionMaps
from semsyn.nn.routing.semantic_vectors import SemanticVectorNetwork
from semsyn.nn.routing.spatially_conditional_conv import SpatiallyConditionalConv2d
from semsyn.nn.routing.spatially_conditional_norm import SpatiallyConditionalNorm
from semsyn.nn.spade import SPADE
from semsyn.nn.spectral_norm import SpectralNorm, spectral_norm
from semsyn.nn.token_modulation import TokenModulation

__all__ = [
    "CLADE",
    "INADE",
    "SPADE",
    "BatchNorm",
    "CanvasNet",
    "ClassConditioner",
    "ClassEncoder",
    "Conditional",
    "ConditionalNorm",
    "Conditioner",
    "ImageEncoder",
    "InstanceConv2d",
    "InstanceEncoder",
    "InstanceNorm",
    "LabelConditioner",
    "LabelConv2d",
    "ModulatedNetwork",
    "ModulatedResBlock",
    "MonaiSPADE",
    "OrderNet",
    "PartModulation",
    "PartNet",
    "PartSupports",
    "PositionMaps",
    "PreparedCondition",
    "SemanticVectorNetwork",
    "SpatiallyConditionalConv2d",
    "SpatiallyConditionalNorm",
    "SpectralNorm",
    "SyncBatchNorm",
    "TokenModulation",
    "TransformNet",
    "activate_routing",
    "checkpoint_activations",
    "initialize",
    "replace_norms",
    "spectral_norm",
]
