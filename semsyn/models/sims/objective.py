"""What SIMS' generator is trained for, in the form that other families' objectives have."""

from torch import Tensor

from semsyn.critics.verdict import Critic
from semsyn.losses.painted import PaintedLoss
from semsyn.train.objective import Objective
from semsyn.train.shot import Shot


class PaintedObjective(Objective):
    """Pictures are near the true ones, and show what they should; nobody judges them.

    Args:
        loss: of pictures and of what their pixels are held for.
    """

    def __init__(self, loss: PaintedLoss) -> None:
        super().__init__(Critic())
        self.loss = loss.requires_grad_(False)

    def adversarial_losses(self, shot: Shot) -> dict[str, Tensor]:
        """The parts of the loss; the layout of the shot is the true one."""
        return self.loss.terms(shot.fake, shot.real, shot.made["logits"], shot.layout.class_ids)

    def critic_losses(self, shot: Shot) -> dict[str, Tensor]:
        """None."""
        return {}
