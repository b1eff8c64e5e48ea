"""What replays each kind of SPADE's golden files."""

from semsyn.testing.golden.case import Handler
from semsyn.testing.replays import data, layers, maps, networks, train_step, training

HANDLERS: dict[str, Handler] = {
    "norm": layers.norm_layer,
    "resblk": layers.residual_block,
    "generator": networks.generator,
    "fullsize_G": networks.fullsize_generator,
    "preprocess": maps.preprocess,
    "encoder": networks.image_encoder,
    "fullsize_E": networks.image_encoder,
    "colormaps": data.colormaps,
    "transforms": data.transforms,
    "coco_instance_map": data.coco_instance_map,
    "discriminator": training.discriminator,
    "fullsize_D": training.fullsize_discriminator,
    "train_step": train_step.replay_train_step,
    "loss_gan": training.loss_gan,
    "loss_featmatch": training.loss_featmatch,
    "loss_vgg": training.loss_vgg,
    "loss_kld": training.loss_kld,
    "lr_schedule": training.lr_schedule,
}
