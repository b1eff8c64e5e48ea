"""How the papers measured, by name."""

from semsyn.errors import UnknownNameError
from semsyn.evaluate.protocols import PYTORCH_FID, Protocol

SQUARE, WIDE = (256, 256), (256, 512)
SPADE_SIZES = {"": SQUARE, "cityscapes": WIDE}
SPADE_COUNTS = {"ade20k": 2000, "coco-stuff": 5000, "cityscapes": 500}

PROTOCOLS: tuple[Protocol, ...] = (
    PYTORCH_FID,
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
