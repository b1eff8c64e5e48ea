"""OASIS: the three released generators, and the one that comes with semsyn."""

from semsyn.models.card import Card, Original, bundled
from semsyn.models.oasis.config import OASISConfig

PAPER = "https://arxiv.org/abs/2012.04781"
HOMEPAGE = "https://github.com/boschresearch/OASIS"
CODE_LICENSE = "AGPL-3.0"

ADE20K = OASISConfig(num_classes=151, image_size=(256, 256))
CITYSCAPES = OASISConfig(num_classes=35, image_size=(256, 512))
COCO = OASISConfig(num_classes=183, image_size=(256, 256))
TOYSCENES = OASISConfig(num_classes=15, image_size=(128, 128), width=11, hidden=24, code_dim=32)


def _released(dataset: str, config: OASISConfig, label_space: str, notes: str) -> Card:
    return Card(
        name=f"oasis/{dataset}",
        config=config,
        label_space=label_space,
        code_license=CODE_LICENSE,
        paper=PAPER,
        homepage=HOMEPAGE,
        original=Original(
            files={"generator": "best_EMA.pth"},
            folder=f"oasis_{dataset}_pretrained",
            hosted="the pretrained models that the README of github.com/boschresearch/OASIS links to",
        ),
        notes=f"{notes} The authors state no licence for the weights.",
    )


CARDS = (
    _released("ade20k", ADE20K, "ade20k-unknown-first", "Takes the ids as ADE20K stores them: 0 is unknown."),
    _released("cityscapes", CITYSCAPES, "cityscapes", "256×512; takes labelIds, 0 is unknown."),
    _released("coco", COCO, "coco-stuff-unknown-first", "Unknown is class 0, the 182 classes follow."),
    bundled(TOYSCENES, paper=PAPER),
)
