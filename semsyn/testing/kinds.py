"""Which replay runs which kind of golden file."""

from semsyn.testing import replay_data, replay_layers, replay_maps, replay_networks, replay_train_step, replay_training
from semsyn.testing.golden import Handler

_EVERY = ("spade", "clade", "inade")

HANDLERS: dict[tuple[str, str], Handler] = {
    **{(f, "norm"): replay_layers.norm_layer for f in _EVERY},
    **{(f, "resblk"): replay_layers.residual_block for f in _EVERY},
    **{(f, "generator"): replay_networks.generator for f in _EVERY},
    **{(f, "fullsize_G"): replay_networks.fullsize_generator for f in _EVERY},
    **{(f, "preprocess"): replay_maps.preprocess for f in _EVERY},
    ("spade", "encoder"): replay_networks.image_encoder,
    ("spade", "fullsize_E"): replay_networks.image_encoder,
    ("spade", "colormaps"): replay_data.colormaps,
    ("spade", "transforms"): replay_data.transforms,
    ("spade", "coco_instance_map"): replay_data.coco_instance_map,
    ("clade", "class_affine"): replay_layers.class_affine,
    ("clade", "dist_masks"): replay_maps.position_maps,
    ("clade", "dist_transform"): replay_data.dist_transform,
    ("inade", "instconv"): replay_layers.instance_conv,
    ("inade", "encoder"): replay_networks.instance_encoder,
    ("inade", "fullsize_IE"): replay_networks.instance_encoder,
    ("inade", "inference"): replay_networks.inference,
    ("inade", "demo_exemplar"): replay_networks.demo_exemplar,
    ("inade", "reid"): replay_data.reid,
    **{(f, "discriminator"): replay_training.discriminator for f in _EVERY},
    **{(f, "fullsize_D"): replay_training.fullsize_discriminator for f in _EVERY},
    **{(f, "train_step"): replay_train_step.train_step for f in _EVERY},
    ("spade", "loss_gan"): replay_training.loss_gan,
    ("spade", "loss_featmatch"): replay_training.loss_featmatch,
    ("spade", "loss_vgg"): replay_training.loss_vgg,
    ("spade", "loss_kld"): replay_training.loss_kld,
    ("spade", "lr_schedule"): replay_training.lr_schedule,
    ("inade", "loss_vgg_inade"): replay_training.loss_vgg,
}
