"""clVAE's encoder: a picture and its classes to the Gaussians of a code per class and level, and of its style code."""

import torch
from torch import Tensor, nn

from semsyn.errors import InputTypeError, check_shape
from semsyn.functional.checks import check_ids, trusted
from semsyn.functional.maps import resize_ids
from semsyn.functional.region_max import region_max
from semsyn.nn.encoders.image import ImageEncoder
from semsyn.ops.modes import is_plain_eager
from semsyn.records.layout import Layout
from semsyn.records.style import Gaussian, Posterior

LEVELS = 5  # convolutions whose maps are read class by class; a sixth follows, for the style code alone


class ClassEncoder(ImageEncoder):
    r"""SPADE's image encoder, whose first five maps are also read class by class.

    .. math:: r_{nkl} = \max_{p:\, k_p = k} f_{nl}(p), \qquad
        \mu_{nkl} = W^\mu_l \,\mathrm{lrelu}(r_{nkl}) + b^\mu_l, \quad \log\sigma^2_{nkl} \text{ likewise}

    The heads are shared by all classes: a class is told by its pixels alone. The class map is brought to the working
    size by the nearest rule, and each level reads every second pixel of the one before, so that small things vanish at
    coarse levels.

    Args:
        num_classes: k.
        class_code_dim: d of a class's code at one level.
        width: channels after the first convolution.
        code_dim: of the style code.
        size: pixels of a side it works at, a multiple of 64, 128 at least. The released encoders have 256.

    Shape: image n 3 h w in [-1, 1], layout.class_ids n h' w' in [0, k] (k, no class, is passed over). mu and logvar of
        the codes ``classes`` are n k 5 d, level 0 the finest, exactly 0 where a class has no pixels at a level (the
        prior); ``valid`` n k tells which classes the map holds at the working size, ``seen`` n k 5 at which levels.
        Those of the codes ``start`` are n 1 d.

    Reference: Endo and Kanamori, "Diversifying Semantic Image Synthesis and Editing via Class- and Layer-wise VAEs",
    arXiv:2106.13416.
    """

    spread = 0.0  # as released: a reference's style is the mean of its posterior

    def __init__(
        self, num_classes: int, class_code_dim: int, width: int = 64, code_dim: int = 256, *, size: int = 256
    ) -> None:
        super().__init__(width, code_dim, size=size)
        self.num_classes, self.class_code_dim = num_classes, class_code_dim
        widths = [m * width for m in (1, 2, 4, 8, 8)]
        self.class_mu = nn.ModuleList(nn.Linear(c, class_code_dim) for c in widths)
        self.class_logvar = nn.ModuleList(nn.Linear(c, class_code_dim) for c in widths)

    def forward(self, image: Tensor, layout: Layout | None = None) -> Posterior:
        if not isinstance(layout, Layout):
            found = "none" if layout is None else type(layout).__name__
            raise InputTypeError(
                f"this encoder reads a picture class by class, so it needs the picture's own Layout, found {found}."
            )
        check_shape(image, "n c h w", n=len(layout), c=3, name="image")
        check_ids(layout.class_ids, self.num_classes, name="class_ids")
        with trusted():
            *maps, last = self.trunk(image)
            ids = resize_ids(layout.class_ids, self.size)
            return Posterior({"start": self.start(last), "classes": self.read_classes(maps, ids)})

    def read_classes(self, maps: list[Tensor], class_ids: Tensor) -> Gaussian:
        """The Gaussians of the classes. Only those that some map holds are looked for, where shapes may depend on that.

        Args:
            maps: at 1/2, 1/4, … of the working size, activated: a leaky ReLU keeps the order, so it may come first.
            class_ids: n h w, at the working size.
        """
        k = self.num_classes
        valid = _presence(class_ids, k)
        shown = torch.arange(k, device=valid.device)
        if is_plain_eager(maps[0], class_ids):
            shown = shown[valid.any(dim=0)]
        place = shown.new_full((k + 1,), len(shown)).index_copy(0, shown, torch.arange(len(shown), device=shown.device))
        places = place[class_ids]
        strides = [2 ** (level + 1) for level in range(len(maps))]
        pools = [region_max(x, places[:, ::s, ::s], len(shown)) for x, s in zip(maps, strides, strict=True)]
        seen = torch.stack([found for _, found in pools], dim=2)
        mu, logvar = (
            torch.stack([head(top) for head, (top, _) in zip(heads, pools, strict=True)], dim=2) * seen[..., None]
            for heads in (self.class_mu, self.class_logvar)
        )
        mu, logvar, seen = (t.new_zeros(len(t), k, *t.shape[2:]).index_copy(1, shown, t) for t in (mu, logvar, seen))
        return Gaussian(mu=mu, logvar=logvar, per="class", valid=valid, seen=seen)


def _presence(ids: Tensor, num_classes: int) -> Tensor:
    """Which classes each map (n h w, ids in [0, k]) holds, n k, bool."""
    found = torch.zeros(len(ids), num_classes + 1, dtype=torch.bool, device=ids.device)
    return found.scatter(1, ids.flatten(1), True)[:, :num_classes]
