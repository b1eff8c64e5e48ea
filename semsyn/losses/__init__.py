"""Training losses."""

from semsyn.losses.adversarial import discriminator_loss, generator_loss
from semsyn.losses.feature_matching import feature_matching
from semsyn.losses.kl import kl_divergence
from semsyn.losses.perceptual import INADE_WEIGHTS, SPADE_WEIGHTS, PerceptualLoss, VGG19Features

__all__ = [
    "INADE_WEIGHTS",
    "SPADE_WEIGHTS",
    "PerceptualLoss",
    "VGG19Features",
    "discriminator_loss",
    "feature_matching",
    "generator_loss",
    "kl_divergence",
]
