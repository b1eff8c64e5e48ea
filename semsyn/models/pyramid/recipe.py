"""What SPADE, CLADE, INADE and SCGAN are trained for."""

from collections.abc import Mapping, Sequence

from semsyn.critics.patch import MultiscaleDiscriminator
from semsyn.critics.verdict import Critic
from semsyn.losses.adversarial import GANMode
from semsyn.losses.perceptual import WEIGHTS, PerceptualLoss
from semsyn.models.pyramid.config import PyramidConfig
from semsyn.nn.towers.vgg19 import VGG19Features
from semsyn.train.objective import PatchObjective
from semsyn.train.terms import Divergence, Perceptual, Term


def patch_objective(
    config: PyramidConfig,
    *,
    has_edges: bool,
    critic: Critic | None = None,
    critic_width: int = 64,
    mode: GANMode = "hinge",
    features: float = 10.0,
    first_map: int = 0,
    vgg: VGG19Features | None = None,
    vgg_weights: Sequence[float] = WEIGHTS,
    perceptual: float = 10.0,
    kl: float = 0.05,
    terms: Mapping[str, Term] | None = None,
) -> PatchObjective:
    """The released game: patches at two scales, matched features, a trained network's features, divergence.

    Args:
        config: of the generator.
        has_edges: the critic reads the borders of instances.
        critic: another one than two PatchGANs.
        critic_width: of theirs.
        mode: of the game.
        features: weight of feature matching.
        first_map: first map that is matched.
        vgg: the trained network; None: without it.
        vgg_weights: of its maps.
        perceptual: weight of its distance.
        kl: weight of the divergence, where there is an encoder.
        terms: further losses.
    """
    critic = critic or MultiscaleDiscriminator(config.num_classes, has_edges=has_edges, width=critic_width)
    found: dict[str, Term] = {}
    if vgg is not None:
        found["perceptual"] = Perceptual(PerceptualLoss(vgg, weights=vgg_weights), perceptual)
    if config.has_encoder:
        found["kl"] = Divergence(kl)
    return PatchObjective(critic, mode=mode, features=features, first_map=first_map, terms={**found, **(terms or {})})
