"""How the papers measured, by name: figures of two protocols are not comparable."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from semsyn.errors import InputError, UnknownNameError

# Of Pillow, on 8 bits and antialiased; ``plain-bilinear`` is torch's, on floats, which skips pixels where it shrinks.
Filter = Literal["bicubic", "bilinear", "lanczos", "nearest", "plain-bilinear"]
FILTERS: tuple[Filter, ...] = ("bicubic", "bilinear", "lanczos", "nearest", "plain-bilinear")
SQUARE, WIDE = (256, 256), (256, 512)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How pictures become a figure.

    Attributes:
        name, source: of the protocol, and who measured so.
        sizes: (h, w) that both sets are resized to, by data set; ``""`` is for all others. Empty: not at all.
        filter: of the resizing.
        levels: what becomes of generated pictures: ``truncate`` to 8 bits, as the released code saves them;
            ``nearest``; ``float``: they never were a file.
        statistics: split of the real pictures.
        counts: generated pictures, by data set.
        is_void_counted: whether mIoU counts void pixels as wrong.
        preprocess, load_size: how maps come to the network's size (`semsyn.data.io.transforms.Transform`), where that
            is not by squashing: the protocol then needs maps, and cannot be applied to folders of pictures.
        notes: what else is known to change figures.
    """

    name: str
    source: str
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    filter: Filter = "bicubic"
    levels: Literal["truncate", "nearest", "float"] = "truncate"
    statistics: Literal["val", "train", "any"] = "val"
    counts: Mapping[str, int] = field(default_factory=dict)
    is_void_counted: bool = False
    preprocess: str = ""
    load_size: int = 0
    notes: str = ""

    def size(self, data_set: str = "") -> tuple[int, int] | None:
        """(h, w) of both sets; None: as they are.

        Raises:
            InputError: if the protocol says nothing of this data set.
        """
        if not self.sizes:
            return None
        found = self.sizes.get(data_set, self.sizes.get(""))
        if found is None:
            raise InputError(
                f"protocol {self.name!r} is not defined on {data_set or 'any data set'!r}: {', '.join(self.sizes)}."
            )
        return found

    def describe(self, data_set: str = "") -> dict[str, Any]:
        """As records hold it: plain values, with the size that applies."""
        values = {key: value for key, value in asdict(self).items() if key not in ("sizes", "counts")}
        size = self.size(data_set)
        return values | {"data_set": data_set, "size": None if size is None else list(size)}


SPADE_SIZES = {"": SQUARE, "cityscapes": WIDE}
SPADE_COUNTS = {"ade20k": 2000, "coco-stuff": 5000, "cityscapes": 500}

PROTOCOLS: tuple[Protocol, ...] = (
    Protocol(
        name="pytorch-fid",
        source="the tool's defaults: no resizing but that to 299 x 299 inside of it",
        statistics="any",
    ),
    Protocol(
        name="spade-val",
        source="SPADE, arXiv:1903.07291, section 4, and the authors' answers",
        sizes=SPADE_SIZES,
        counts=SPADE_COUNTS,
        notes="The evaluation code was never released. Third parties get other accuracies on Cityscapes.",
    ),
    Protocol(
        name="oasis-val",
        source="OASIS and iPOSE, the released training code",
        sizes=SPADE_SIZES,
        levels="float",
        counts=SPADE_COUNTS,
        notes="Real pictures are resized by Pillow's bicubic and never leave float. Statistics are single precision "
        "there. The best checkpoint is chosen on the very set that is reported.",
    ),
    Protocol(
        name="train-stats",
        source="CLADE and INADE, the released tool with train_mu_si",
        sizes=SPADE_SIZES,
        filter="plain-bilinear",
        statistics="train",
        counts=SPADE_COUNTS,
        notes="Against the training set: not comparable to figures against the validation set.",
    ),
    Protocol(
        name="train-stats-inade",
        source="INADE's copy of the tool, given a size",
        sizes={"": WIDE},
        filter="plain-bilinear",
        statistics="train",
        notes="As released: S x 2S for every data set, which is right for Cityscapes alone.",
    ),
    Protocol(
        name="scgan-val",
        source="SCGAN, arXiv:2109.07053, at the resolution of the network",
        sizes={"": SQUARE, "cityscapes": WIDE, "celeba": (512, 512)},
        counts={"ade20k": 2000, "coco-stuff": 5000},
    ),
    Protocol(
        name="scgan-crop",
        source="SCGAN's evaluation while it trains",
        sizes={"": SQUARE},
        preprocess="scale_width_and_crop",
        load_size=286,
        notes="As released, but for the place of the crop, which is the middle here and random there, and for the last "
        "partial batch, which is dropped there. These figures choose the best checkpoint and are not the paper's.",
    ),
    Protocol(
        name="clvae-val",
        source="clVAE, arXiv:2106.13416, one draw per map at the network's size",
        notes="The repository holds no evaluation code.",
    ),
)


def find_protocol(name: str) -> Protocol:
    """One of `PROTOCOLS`.

    Raises:
        UnknownNameError: for another name; the message lists the nearest.
    """
    found = {protocol.name: protocol for protocol in PROTOCOLS}
    if name not in found:
        raise UnknownNameError("protocol", name, list(found))
    return found[name]
