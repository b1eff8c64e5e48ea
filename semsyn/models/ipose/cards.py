"""iPOSE: the three released generators, and the one that comes with semsyn."""

from semsyn.models.card import Card, Original, bundled
from semsyn.models.ipose.config import IPOSEConfig

PAPER = "https://arxiv.org/abs/2305.19547"
HOMEPAGE = "https://github.com/csyxwei/iPOSE"
CODE_LICENSE = "AGPL-3.0"

ADE20K = IPOSEConfig(num_classes=151, image_size=(256, 256), convention="ade20k")
CITYSCAPES = IPOSEConfig(num_classes=35, image_size=(256, 512), convention="cityscapes")
COCO = IPOSEConfig(num_classes=183, image_size=(256, 256), convention="coco")
TOYSCENES = IPOSEConfig(
    num_classes=15,
    image_size=(128, 128),
    width=11,
    hidden=24,
    code_dim=32,
    convention="toyscenes",
    part_channels=16,
    part_widths=(16, 16, 24, 32),
    num_parts=6,
    num_supported=5,
)

NOTES = "Needs support maps, which no file holds: supports=DIR. The authors state no licence for the weights."


def _released(dataset: str, config: IPOSEConfig, label_space: str, notes: str) -> Card:
    return Card(
        name=f"ipose/{dataset}",
        config=config,
        label_space=label_space,
        code_license=CODE_LICENSE,
        paper=PAPER,
        homepage=HOMEPAGE,
        original=Original(
            files={"generator": "best_EMA.pth"},
            folder=f"ipose_{dataset}",
            hosted="the pretrained models that the README of github.com/csyxwei/iPOSE links to",
        ),
        notes=f"{notes} {NOTES}",
    )


CARDS = (
    _released(
        "ade20k",
        ADE20K,
        "ade20k-unknown-first",
        "Takes the ids as ADE20K stores them, and its instance pictures (class in red, id in green).",
    ),
    _released("cityscapes", CITYSCAPES, "cityscapes", "256×512; takes labelIds and instanceIds."),
    _released("coco", COCO, "coco-stuff-unknown-first", "Takes COCO-Stuff's label maps and instance maps."),
    bundled(TOYSCENES, paper=PAPER),
)
