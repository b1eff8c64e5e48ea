"""What replays each kind of SCGAN's golden files."""

from semsyn.testing.golden.case import Handler
from semsyn.testing.replays import networks, scgan_data, scgan_layers, scgan_network, scgan_routing, scgan_training

HANDLERS: dict[str, Handler] = {
    "scconv": scgan_layers.convolution,
    "scnorm": scgan_layers.norm,
    "spade": scgan_layers.spade,
    "scblock": scgan_layers.residual_block,
    "channel_pool": scgan_layers.channel_pool,
    "svg": scgan_routing.semantic_vectors,
    "gaussian": scgan_layers.gaussian,
    "generator": scgan_network.generator,
    "encoder": networks.image_encoder,
    "data": scgan_data.data,
    "visuals": scgan_data.visuals,
    "fpse_d": scgan_training.feature_pyramid,
    "multiscale_d": scgan_training.multiscale,
    "losses": scgan_training.losses,
    "vgg_loss": scgan_training.vgg_loss,
    "lr_schedule": scgan_training.lr_schedule,
    "metrics": scgan_training.metrics,
    "train_iteration": scgan_training.train_iteration,
}
