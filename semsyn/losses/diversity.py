"""Several pictures of one layout may differ: class by class only the closest to the true picture pays in full."""

from einops import rearrange, reduce, repeat
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import check_ids, without
from semsyn.functional.maps import resize_ids
from semsyn.signature import checked


@checked(floats="fake real", num_classes=1)
def diversity_loss(
    fake: Tensor, real: Tensor, class_ids: Tensor, num_classes: int, *, delta: float = 0.999, as_released: bool = False
) -> Tensor:
    r"""Distance of the best of several hypotheses from the true picture, for each class by itself.

    .. math:: \frac{1}{n} \sum_{nk} \Bigl(\delta \min_j l_{jnk} + (1 - \delta) \operatorname{mean}_j l_{jnk}\Bigr),
        \qquad l_{jnk} = \frac{1}{hw} \sum_{\text{class\_ids}_{nhw} = k} \operatorname{mean}_c |f_{jnchw} - r_{nchw}|

    Args:
        fake: (j n) c h w: hypothesis 0 of all n layouts, then hypothesis 1 and so on. As released, j is 9.
        real: n c h w, the true pictures.
        class_ids: n h' w' in [0, k]; k, no class, costs nothing. Resized by the nearest rule.
        num_classes: k.
        delta: weight of the best hypothesis.
        as_released: take the minimum and the mean over all j n rows of the batch, and no mean over n. Then one picture
            of the batch stands for all of them.

    Raises:
        InputError: if the shapes do not fit, or an id is outside of [0, k] (see `semsyn.checks`).
        InputTypeError: unless class_ids are integers.

    SCGAN's code has this loss, but no network that makes several hypotheses.
    """
    check_shape(real, "n c h w", name="real")
    n, c, h, w = real.shape
    check_shape(fake, "m c h w", c=c, h=h, w=w, name="fake")
    check_shape(class_ids, "n h w", n=n, name="class_ids")
    check_ids(class_ids, num_classes, name="class_ids")
    class_ids = without(class_ids, None, num_classes)
    if not n or len(fake) % n:
        raise InputError(f"fake holds {len(fake)} pictures, no multiple of the {n} layouts.")
    distance = (rearrange(fake, "(j n) c h w -> j n c h w", n=n) - real).abs()
    distance = reduce(distance, "j n c h w -> j n (h w)", "mean")
    ids = repeat(resize_ids(class_ids, (h, w)), "n h w -> j n (h w)", j=len(distance))
    sums = distance.new_zeros(len(distance), n, num_classes + 1).scatter_add(2, ids, distance)
    losses = sums[..., :num_classes] / (h * w)
    if as_released:
        losses = rearrange(losses, "j n k -> (j n) 1 k")
    return (delta * losses.amin(0) + (1 - delta) * losses.mean(0)).sum(1).mean()
