"""What replays each kind of SIMS' golden files."""

from semsyn.testing.golden.case import Handler
from semsyn.testing.replays import sims_compose, sims_data, sims_network, sims_training

HANDLERS: dict[str, Handler] = {
    **sims_compose.HANDLERS,
    **sims_data.HANDLERS,
    **sims_network.HANDLERS,
    **sims_training.HANDLERS,
}
