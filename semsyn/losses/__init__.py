"""Training losses."""

from semsyn.losses.adversarial import discriminator_loss, generator_loss
from semsyn.losses.clip_style import CLIPStyleLoss, CLIPTokens, relaxed_earth_mover
from semsyn.losses.diversity import diversity_loss
from semsyn.losses.feature_matching import feature_matching
from semsyn.losses.kl import kl_divergence
from semsyn.losses.label_mix import draw_label_mix, label_mix_loss, label_mix_mask
from semsyn.losses.parts import part_losses
from semsyn.losses.perceptual import INADE_WEIGHTS, SPADE_WEIGHTS, PerceptualLoss, VGG19Features
from semsyn.losses.segmentation import class_weights, fake_segmentation_loss, segmentation_loss

__all__ = [
    "INADE_WEIGHTS",
    "SPADE_WEIGHTS",
    "CLIPStyleLoss",
    "CLIPTokens",
    "PerceptualLoss",
    "VGG19Features",
    "class_weights",
    "discriminator_loss",
    "diversity_loss",
    "draw_label_mix",
    "fake_segmentation_loss",
    "feature_matching",
    "generator_loss",
    "kl_divergence",
    "label_mix_loss",
    "label_mix_mask",
    "part_losses",
    "relaxed_earth_mover",
    "segmentation_loss",
]
