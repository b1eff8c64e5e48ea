"""What replays each kind of clVAE's golden files."""

from semsyn.testing.golden.case import Handler
from semsyn.testing.replays import clvae_data, clvae_network, clvae_training

HANDLERS: dict[str, Handler] = {
    "encoder": clvae_network.encoder,
    "generator": clvae_network.generator,
    "pipeline": clvae_network.pipeline,
    "edit_mixing": clvae_network.edit_mixing,
    **dict.fromkeys(("data_ade20k", "data_deepfashion", "data_gta5"), clvae_data.data),
    "label_colors": clvae_data.colors,
    "image_to_uint8": clvae_data.image_to_uint8,
    "discriminator": clvae_training.discriminator,
    "loss_kld": clvae_training.loss_kld,
    "loss_vgg": clvae_training.loss_vgg,
    "train_losses": clvae_training.train_losses,
    "gta5_rarity_estimation": clvae_training.rarity_estimation,
    "gta5_rarity_sampling": clvae_training.rarity_sampling,
}
