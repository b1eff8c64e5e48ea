"""Original files of networks that are no generators, and are of use alone."""

import os

from torch import Tensor

from semsyn.convert.checkpoint import read_states
from semsyn.convert.files import as_path
from semsyn.convert.lone_network import LoneNetwork, find_network
from semsyn.convert.tensor_bundle import find_index
from semsyn.models import FAMILIES


def convert_network(checkpoint: str | os.PathLike[str]) -> tuple[LoneNetwork, dict[str, Tensor]] | None:
    """What a TensorFlow checkpoint holds, where that is a network of its own: see `LoneNetwork`.

    Args:
        checkpoint: its ``.index``, what its files' names begin with, or the folder that holds it.

    Returns:
        the network, and the state that its ``load_state_dict`` takes; None for all other files.

    Raises:
        CheckpointError: if it is damaged, or has variables that such a network has not.
    """
    index = find_index(as_path(checkpoint))
    if index is None:
        return None
    (state,) = read_states(index).values()
    network = find_network(state, (lone for family in FAMILIES.values() for lone in family.released.lone))
    return None if network is None else (network, network.convert(state))
