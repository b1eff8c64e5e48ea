"""Networks of a family that have original files of their own, and are of use without the others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from semsyn.convert.keymap import KeyMap, State


@dataclass(frozen=True, kw_only=True)
class LoneNetwork:
    """How the file of such a network is read.

    Attributes:
        title: what it is: ``SIMS' network that moves segments``.
        first: a key that its file has; and no file that is read as a generator's.
        keymap: its keys to those of a generator's state.
        prefix: of its keys in a generator's state.
        option: how `semsyn train` is told of what becomes of it.
    """

    title: str
    first: str
    keymap: KeyMap
    prefix: str
    option: str

    def convert(self, state: State) -> dict[str, Tensor]:
        """The network's own state, as its ``load_state_dict`` takes it.

        Raises:
            CheckpointError: for keys that have no place in it. What is too few is told when the state is loaded.
        """
        return {key.removeprefix(self.prefix): t for key, t in self.keymap.convert(state).items()}


def find_network(state: Mapping[str, Tensor], networks: Iterable[LoneNetwork]) -> LoneNetwork | None:
    """The one that a file holds; None: none of them."""
    return next((network for network in networks if network.first in state), None)
