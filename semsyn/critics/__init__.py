"""Critics: discriminators that judge pictures by their layouts."""

from semsyn.critics.patch import MultiscaleDiscriminator
from semsyn.critics.pyramid import FeaturePyramidDiscriminator
from semsyn.critics.tower import TowerCritic
from semsyn.critics.unet import SegmentationDiscriminator
from semsyn.critics.verdict import Critic, Verdict

__all__ = [
    "Critic",
    "FeaturePyramidDiscriminator",
    "MultiscaleDiscriminator",
    "SegmentationDiscriminator",
    "TowerCritic",
    "Verdict",
]
