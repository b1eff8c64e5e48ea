"""What replays each kind of OASIS's golden files."""

from semsyn.testing.golden.case import Handler
from semsyn.testing.replays import data, oasis_network, oasis_training, segmentation, statistics

HANDLERS: dict[str, Handler] = {
    "spade": oasis_network.spade,
    "g_block": oasis_network.residual_block,
    "generator": oasis_network.generator,
    "data_ade": oasis_network.data,
    "data_coco": oasis_network.data,
    "data_city": oasis_network.data,
    "colormaps": data.colormaps,
    "d_block": oasis_training.scaling_block,
    "discriminator": segmentation.discriminator,
    "n1_loss": oasis_training.n_plus_one_loss,
    "labelmix": oasis_training.label_mix,
    "ema_update": oasis_training.ema_update,
    "train_losses": oasis_training.train_losses,
    "frechet": statistics.frechet,
}
