"""How far pictures are from the photographs of the same scenes: what a reconstruction is measured by."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.evaluate.compare import Compared
from semsyn.evaluate.gather import gather_parts
from semsyn.metrics.lpips import LPIPS


@dataclass
class Paired:
    """Sums over pairs of pictures.

    Attributes:
        lpips: the distance.
        sums: of LPIPS and of the mean squared error's PSNR, and how many pairs.
    """

    lpips: LPIPS
    sums: Tensor = field(default_factory=lambda: torch.zeros(3, dtype=torch.float64))

    @torch.inference_mode()
    def add(self, picture: Tensor, real: Tensor) -> None:
        """Count a pair in: both 3 h w in [-1, 1].

        Raises:
            InputError: if they differ in size.
        """
        if picture.shape != real.shape:
            (h, w), (height, width) = picture.shape[1:], real.shape[1:]
            raise InputError(f"a picture is {h}x{w}, its photograph {height}x{width}: give --resize.")
        device = next(self.lpips.tower.parameters()).device
        distance = float(self.lpips(picture[None].to(device), real[None].to(device)))
        error = (picture.double() - real.double()).square().mean().clamp(min=1e-12)  # equal pictures: 126 dB
        self.sums += torch.tensor([distance, float(10 * torch.log10(4 / error)), 1.0]).double()

    def gather(self) -> None:
        """Add up the parts of all processes."""
        self.sums = torch.stack(gather_parts(self.sums)).sum(0)

    def describe(self) -> list[Compared]:
        """LPIPS and PSNR (in dB), means over pairs."""
        distance, psnr, count = self.sums.tolist()
        details = {"pairs": int(count)}
        return [Compared("lpips", distance / count, None, details), Compared("psnr", psnr / count, None, details)]
