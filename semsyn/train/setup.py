"""How a run is done on the machines at hand."""

from dataclasses import dataclass

import torch

from semsyn.errors import InputError
from semsyn.train.descent import ALONE
from semsyn.train.world import World

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How a run is done, whatever its recipe. What comes out is the same but for rounding, and but for batch statistics
    where a batch comes in pieces.

    Attributes:
        device: where the networks are.
        precision: of the forward passes: torch.bfloat16, torch.float16 (losses are scaled then, by a scaler for each
            optimiser) or torch.float32. None: the recipe's, on machines that are faster with it.
        pieces: in how many pieces a batch goes through the networks of each process, one after the other.
        is_compiled: generator and critic are compiled (`torch.compile`).
        world: the processes that share each batch.
    """

    device: torch.device = CPU
    precision: torch.dtype | None = None
    pieces: int = 1
    is_compiled: bool = False
    world: World = ALONE

    def __post_init__(self) -> None:
        if self.precision not in (None, torch.float32, torch.bfloat16, torch.float16):
            raise InputError(f"precision must be float32, bfloat16 or float16, found {self.precision}.")
        if self.pieces < 1:
            raise InputError(f"a batch has at least one piece, found {self.pieces}.")

    def split(self, count: int) -> list[range]:
        """The rows of a batch of so many pictures that this process goes through, piece by piece.

        Raises:
            InputError: if there are fewer pictures than pieces.
        """
        if count < self.world.size * self.pieces:
            raise InputError(
                f"a batch of {count} pictures cannot be shared by {self.world.size} processes with {self.pieces} "
                "pieces each: take a larger batch, or fewer pieces."
            )
        own = self.world.rows(count)
        return [own[i * len(own) // self.pieces : (i + 1) * len(own) // self.pieces] for i in range(self.pieces)]


DEFAULT = Setup()
