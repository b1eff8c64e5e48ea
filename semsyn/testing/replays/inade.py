"""What replays each kind of INADE's golden files."""

from semsyn.testing.golden.case import Handler
from semsyn.testing.replays import data, layers, maps, networks, train_step, training

HANDLERS: dict[str, Handler] = {
    "norm": layers.norm_layer,
    "resblk": layers.residual_block,
    "generator": networks.generator,
    "fullsize_G": networks.fullsize_generator,
    "preprocess": maps.preprocess,
    "instconv": layers.instance_conv,
    "encoder": networks.instance_encoder,
    "fullsize_IE": networks.instance_encoder,
    "inference": networks.inference,
    "demo_exemplar": networks.demo_exemplar,
    "reid": data.reid,
    "discriminator": training.discriminator,
    "fullsize_D": training.fullsize_discriminator,
    "train_step": train_step.replay_train_step,
    "loss_vgg_inade": training.loss_vgg,
}
