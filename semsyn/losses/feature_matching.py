"""Feature matching between the maps of a discriminator."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError, check_same_shape
from semsyn.signature import checked


@checked(floats="fake real", first_map=0)
def feature_matching(
    fake: Sequence[Sequence[Tensor]], real: Sequence[Sequence[Tensor]], *, first_map: int = 0
) -> Tensor:
    r"""Mean absolute difference of a critic's features: summed over the maps of a scale, averaged over the scales.

    .. math:: \frac{1}{S} \sum_{s} \sum_{l = \text{first\_map}}^{L - 1} \operatorname{mean} |f_{sl} - r_{sl}|

    Real maps are constants. The released weight is 10.

    Args:
        fake: for each scale the L maps of generated pictures, such as ``features`` of `semsyn.critics.Verdict`.
        real: the same for true pictures.
        first_map: l of the first map that counts: 0 for SPADE, CLADE and SCGAN, 3 for INADE (only high maps leave room
            for diversity).

    Raises:
        InputError: if no map is left to compare, or the maps differ in number or shape.
        InputTypeError: unless they are floats.
    """
    if len(fake) != len(real) or any(len(f) != len(r) for f, r in zip(fake, real, strict=True)):
        found = " and ".join(str([len(maps) for maps in scales]) for scales in (fake, real))
        raise InputError(f"fake and real must have as many maps at each scale, found {found}.")
    pairs = [(f, r) for fs, rs in zip(fake, real, strict=True) for f, r in list(zip(fs, rs, strict=True))[first_map:]]
    if not pairs:
        raise InputError(f"first_map is {first_map}, but no scale has a map from there on.")
    for f, r in pairs:
        check_same_shape(fake=f, real=r)
    return torch.stack([F.l1_loss(f, r.detach()) for f, r in pairs]).sum() / len(fake)
