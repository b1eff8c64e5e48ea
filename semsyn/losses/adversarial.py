"""Losses on the logits of a multi-scale discriminator."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError, UnknownNameError
from semsyn.signature import checked

GANMode = Literal["hinge", "ls", "original", "w"]
MODES: tuple[GANMode, ...] = ("hinge", "ls", "original", "w")


@checked(floats="logits")
def generator_loss(logits: Sequence[Tensor], *, mode: GANMode = "hinge") -> Tensor:
    r"""What the generator pays for logits :math:`d` of its pictures: the mean over each scale, then over the scales.

    ========  ===================================
    hinge, w  :math:`-d`
    ls        :math:`(d - 1)^2`
    original  :math:`\log(1 + e^{-d})`
    ========  ===================================

    Args:
        logits: one tensor of any shape per scale.
        mode: the game.

    Raises:
        UnknownNameError: for a mode that is not in the table.
    """
    return _mean_over_scales([-d if mode == "hinge" else _towards(d, True, mode) for d in logits])


@checked(floats="fake real")
def discriminator_loss(
    fake: Sequence[Tensor], real: Sequence[Tensor], *, mode: GANMode = "hinge"
) -> tuple[Tensor, Tensor]:
    r"""What the discriminator pays, as (loss on fake, loss on real); train on their sum.

    ========  ===================================  ==============================
    mode      fake                                 real
    ========  ===================================  ==============================
    hinge     :math:`\max(0, 1 + d)`               :math:`\max(0, 1 - d)`
    ls        :math:`d^2`                          :math:`(d - 1)^2`
    original  :math:`\log(1 + e^{d})`              :math:`\log(1 + e^{-d})`
    w         :math:`d`                            :math:`-d`
    ========  ===================================  ==============================

    Args:
        fake: logits of generated pictures, one tensor per scale.
        real: logits of true pictures, one tensor per scale.
        mode: the game.

    Raises:
        UnknownNameError: for a mode that is not in the table.
    """
    on_fake, on_real = (
        [_towards(d, is_real, mode) for d in logits] for logits, is_real in ((fake, False), (real, True))
    )
    return _mean_over_scales(on_fake), _mean_over_scales(on_real)


def _towards(logits: Tensor, is_real: bool, mode: str) -> Tensor:
    if mode == "hinge":
        return F.relu(1 - logits if is_real else 1 + logits)
    if mode == "ls":
        return (logits - float(is_real)).square()
    if mode == "original":
        return F.softplus(-logits if is_real else logits)
    if mode == "w":
        return -logits if is_real else logits
    raise UnknownNameError("GAN mode", mode, MODES)


def _mean_over_scales(losses: Sequence[Tensor]) -> Tensor:
    if not len(losses):
        raise InputError("logits must be a tensor of each scale, found none.")
    return torch.stack([loss.mean() for loss in losses]).mean()
