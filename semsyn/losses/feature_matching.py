"""Feature matching between the maps of a discriminator."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError


def feature_matching(
    fake: Sequence[Sequence[Tensor]], real: Sequence[Sequence[Tensor]], *, first_map: int = 0
) -> Tensor:
    r"""Mean absolute difference of the discriminator's maps, logits excluded.

    .. math:: \frac{1}{S} \sum_{s} \sum_{l = \text{first\_map}}^{L - 1} \operatorname{mean} |f_{sl} - r_{sl}|

    Real maps are constants. The released weight is 10.

    Args:
        fake: for each scale the L + 1 maps of generated pictures, the last being the logits.
        real: the same for true pictures.
        first_map: l of the first map that counts: 0 for SPADE and CLADE, 3 for INADE (only high maps leave room for
            diversity).

    Raises:
        InputError: if no map is left to compare.
    """
    pairs = [(f, r) for fs, rs in zip(fake, real, strict=True) for f, r in list(zip(fs, rs, strict=True))[first_map:-1]]
    if not pairs:
        raise InputError(f"first_map is {first_map}, but no scale has a map from there on, logits excluded.")
    return torch.stack([F.l1_loss(f, r.detach()) for f, r in pairs]).sum() / len(fake)


def feature_distance(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    r"""Mean absolute difference of the features of a discriminator that has a single encoder (SCGAN with FPSE).

    .. math:: \frac{1}{L} \sum_l \operatorname{mean} |f_l - r_l|

    Real maps are constants. The released weight is 10.

    Args:
        fake: L maps of generated pictures, without logits.
        real: the same for true pictures.

    Raises:
        InputError: if there is no map.
    """
    if not fake:
        raise InputError("there are no maps to compare.")
    return torch.stack([F.l1_loss(f, r.detach()) for f, r in zip(fake, real, strict=True)]).mean()
