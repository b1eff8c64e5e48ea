"""What the trainings of PartNet share."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from semsyn.models.ipose.config import IPOSEConfig
from semsyn.nn.parts.part_net import PartNet
from semsyn.train.descent import descend


class PartRun:
    """PartNet and its optimiser. What is drawn at a step depends on the seed and the number of the step alone.

    Args:
        config: of the generator that will use the network.
        seed: of everything drawn.
        rate, betas: of Adam.
    """

    def __init__(self, config: IPOSEConfig, *, seed: int, rate: float, betas: tuple[float, float]) -> None:
        self.seed, self.step, self.rate = seed, 0, rate
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            a, b, c, d = config.part_widths
            self.network = PartNet((a, b, c, d), num_parts=config.num_parts, num_layers=config.part_layers)
            self.initialize()
        self.optimizer = torch.optim.Adam(self.network.parameters(), rate, betas=betas, fused=True)

    def initialize(self) -> None:
        """Give the new network other weights than its layers have by themselves."""

    def descend(self, losses: Iterable[Tensor], factor: float) -> None:
        """A step down the sum of losses, at this part of the full rate."""
        self.optimizer.param_groups[0]["lr"] = self.rate * factor
        descend(self.optimizer, losses)
        self.step += 1

    def finished(self, pictures: Any) -> nn.Module:
        """The trained network."""
        return self.network

    def state(self) -> dict[str, Any]:
        """What a later start needs."""
        return {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
