"""What SIMS' networks are trained by: pictures painted over a canvas, and segments that were moved."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.functional.maps import resize_ids
from semsyn.nn.compose.resize import resize
from semsyn.nn.towers.vgg19 import VGG19Features

WEIGHTS = (1.0, 1 / 2.6, 1 / 4.8, 1 / 3.7, 1 / 5.6, 10 / 1.5)
MEANS = (123.68, 116.779, 103.939)


class PaintedLoss(nn.Module):
    r"""Distance of painted pictures from true ones in pixels and in VGG19's maps, and the classes of their pixels.

    .. math:: \sum_i w_i \operatorname{mean} |\phi_i(\text{fake}) - \phi_i(\text{real})| + 10
        \operatorname{CE}(\text{logits}, \text{class\_ids})

    Pictures count in levels from 0 to 255. The first map is the picture itself.

    Args:
        vgg: gives relu1_2 to relu5_2 and has means, with weights that you loaded.
        weights: of the six maps.
        classes: weight of the cross-entropy; "no class" is a class of its own.
        halves: VGG19 looks at pictures of half their size, as in the training for 1024×2048.
        as_released: VGG19, which knows red, green and blue, is given blue, green and red; the means are not turned.

    Shape: fake and real are n 3 h w in [-1, 1], logits n (k + 1) h' w', class_ids n h w in [0, k]. The result is a
    scalar.

    Reference: Qi et al., "Semi-parametric Image Synthesis", arXiv:1804.10992.
    """

    means: Tensor

    def __init__(
        self,
        vgg: VGG19Features,
        *,
        weights: tuple[float, ...] = WEIGHTS,
        classes: float = 10.0,
        halves: bool = False,
        as_released: bool = False,
    ) -> None:
        super().__init__()
        self.vgg = vgg
        self.weights, self.classes = tuple(weights), classes
        self.halves, self.as_released = halves, as_released
        self.register_buffer("means", torch.tensor(MEANS)[:, None, None], persistent=False)

    def forward(self, fake: Tensor, real: Tensor, logits: Tensor, class_ids: Tensor) -> Tensor:
        return torch.stack(list(self.terms(fake, real, logits, class_ids).values())).sum()

    def terms(self, fake: Tensor, real: Tensor, logits: Tensor, class_ids: Tensor) -> dict[str, Tensor]:
        """The weighted parts of the sum: ``pixels``, ``relu1_2`` to ``relu5_2``, ``classes``."""
        with torch.no_grad():
            true_maps = self._maps(real)
        names = ("pixels", *(f"relu{stage}_2" for stage in range(1, 6)))
        maps = zip(names, self.weights, self._maps(fake), true_maps, strict=True)
        found = {name: weight * F.l1_loss(one, other) for name, weight, one, other in maps}
        return {**found, "classes": self.classes * class_loss(logits, class_ids)}

    def _maps(self, image: Tensor) -> list[Tensor]:
        x = (image + 1) * 127.5
        x = (x.flip(1) if self.as_released else x) - self.means
        h, w = x.shape[2:]
        return [x, *self.vgg(resize(x, (h // 2, w // 2)) if self.halves else x)]


def class_loss(logits: Tensor, class_ids: Tensor) -> Tensor:
    """Mean cross-entropy of what pixels are held for.

    Args:
        logits: n c h w.
        class_ids: n h' w' in [0, c); brought to the size of the logits by the nearest rule.
    """
    return F.cross_entropy(logits, resize_ids(class_ids, (logits.shape[2], logits.shape[3])))


def fit_loss(warped: Tensor, masks: Tensor, image: Tensor) -> Tensor:
    """How far moved segments are from the picture that they were cut from, in levels from 0 to 255.

    Args:
        warped: m 3 h w in [0, 1], the segments of one picture.
        masks: m h w in {0, 1}, the shapes that they should fill; where two overlap, both count.
        image: 3 h w in [0, 1].
    """
    covered = masks.sum(dim=0).to(warped)
    canvas = (warped * masks[:, None].to(warped)).sum(dim=0)
    distance = 255 * (image - canvas).abs().mean(dim=0)
    return (distance * covered).sum() / (covered.sum() + 1)
