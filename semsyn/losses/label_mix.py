"""LabelMix: a discriminator should judge each region by itself, whatever stands beside it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputTypeError, check_same_shape, check_shape
from semsyn.functional.checks import check_ids, without
from semsyn.signature import checked


@checked(num_classes=0)
def draw_label_mix(num_classes: int, rng: torch.Generator | None = None) -> Tensor:
    """Draw for each class whether its pixels come from the true picture (1) or the generated one (0): k, bool."""
    return torch.randint(2, (num_classes,), generator=rng).bool()


@checked()
def label_mix_mask(class_ids: Tensor, is_real: Tensor, *, as_released: bool = False) -> Tensor:
    """Where the mixed pictures are true, by class: one draw for the whole batch.

    Args:
        class_ids: n h w in [0, k]; k, no class, is generated.
        is_real: k, bool, from `draw_label_mix`.
        as_released: a class 0 that drew 1 takes the draw of class 1 where both occur: the released code writes the
            draws into the map that it reads.

    Returns:
        n 1 h w, float32, 1 where true: the mixed picture is ``torch.lerp(fake, real, mask)``.

    Raises:
        InputError: if shapes do not fit, or an id is outside of [0, k] (see `semsyn.checks`).
        InputTypeError: unless class_ids are integers.
    """
    check_shape(is_real, "k", name="is_real")
    if is_real.dtype != torch.bool:
        raise InputTypeError(f"is_real must hold booleans, found {is_real.dtype}: draw_label_mix draws them.")
    check_ids(class_ids, len(is_real), name="class_ids")
    check_shape(class_ids, "n h w", name="class_ids")
    class_ids = without(class_ids, None, len(is_real))
    draws = F.pad(is_real.to(class_ids.device), (0, 1))
    if as_released and len(is_real) > 1:
        has_second = (class_ids == 1).any()
        draws[0] = draws[0] & (draws[1] | ~has_second)
    return draws[class_ids][:, None].float()


@checked(floats="mask on_real on_fake on_mixed")
def label_mix_loss(mask: Tensor, on_real: Tensor, on_fake: Tensor, on_mixed: Tensor) -> Tensor:
    """Mean square difference of the logits on mixed pictures and the mixed logits; its released weight is 10 or 5.

    Args:
        mask: n 1 h w, from `label_mix_mask`.
        on_real, on_fake, on_mixed: n c h w, logits of the true, the generated and the mixed pictures. Gradients reach
            all three.

    Reference: Sushko et al., arXiv:2012.04781, eq. 3.
    """
    check_shape(on_mixed, "n c h w", name="on_mixed")
    check_same_shape(on_mixed=on_mixed, on_real=on_real, on_fake=on_fake)
    n, _, h, w = on_mixed.shape
    check_shape(mask, "n 1 h w", n=n, h=h, w=w, **{"1": 1}, name="mask")
    return F.mse_loss(mask * on_real + (1 - mask) * on_fake, on_mixed)
