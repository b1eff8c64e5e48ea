"""Training losses."""

from semsyn.losses.adversarial import discriminator_loss, generator_loss
from semsyn.losses.clip_style import CLIPStyleLoss, CLIPTokens
from semsyn.losses.feature_matching import feature_matching
from semsyn.losses.kl import kl_divergence
from semsyn.losses.label_mix import draw_label_mix, label_mix_loss, label_mix_mask
from semsyn.losses.perceptual import PerceptualLoss
from semsyn.losses.segmentation import fake_segmentation_loss, segmentation_loss
from semsyn.nn.towers.vgg19 import VGG19Features

__all__ = [
    "CLIPStyleLoss",
    "CLIPTokens",
    "PerceptualLoss",
    "VGG19Features",
    "discriminator_loss",
    "draw_label_mix",
    "fake_segmentation_loss",
    "feature_matching",
    "generator_loss",
    "kl_divergence",
    "label_mix_loss",
    "label_mix_mask",
    "segmentation_loss",
]
