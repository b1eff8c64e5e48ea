"""What replays each kind of CLADE's golden files."""

from semsyn.testing.golden.case import Handler
from semsyn.testing.replays import data, layers, maps, networks, oasis_training, train_step, training

HANDLERS: dict[str, Handler] = {
    "norm": layers.norm_layer,
    "resblk": layers.residual_block,
    "generator": networks.generator,
    "fullsize_G": networks.fullsize_generator,
    "preprocess": maps.preprocess,
    "class_affine": layers.class_affine,
    "dist_masks": maps.position_maps,
    "dist_transform": data.dist_transform,
    "fid_distance": oasis_training.frechet,
    "discriminator": training.discriminator,
    "fullsize_D": training.fullsize_discriminator,
    "train_step": train_step.replay_train_step,
}
