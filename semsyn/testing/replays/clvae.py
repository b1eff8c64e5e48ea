"""What replays each kind of clVAE's golden files."""

from semsyn.testing.golden.case import Handler
from semsyn.testing.replays import clvae_network

HANDLERS: dict[str, Handler] = {
    "encoder": clvae_network.encoder,
    "generator": clvae_network.generator,
    "pipeline": clvae_network.pipeline,
    "edit_mixing": clvae_network.edit_mixing,
}
