"""CLADE: the eight released generators, and the one that comes with semsyn."""

from dataclasses import replace

from semsyn.models.card import Card, Original, bundled
from semsyn.models.clade.config import CLADEConfig

PAPER = "https://arxiv.org/abs/2012.04644"
HOMEPAGE = "https://github.com/tzt101/CLADE"
LICENSE = "CC-BY-NC-SA-4.0"

ADE20K = CLADEConfig(num_classes=151, image_size=(256, 256))
CITYSCAPES = CLADEConfig(num_classes=35, image_size=(256, 512), upsampling="more", has_edges=True)
COCO = CLADEConfig(num_classes=183, image_size=(256, 256), has_edges=True)


def _released(dataset: str, config: CLADEConfig, label_space: str, notes: str) -> tuple[Card, Card]:
    """The plain generator and its variant with intra-class positional encoding."""
    plain = Card(
        name=f"clade/{dataset}",
        config=config,
        label_space=label_space,
        license=LICENSE,
        non_commercial=True,
        paper=PAPER,
        homepage=HOMEPAGE,
        original=_original(dataset.replace("-", "_")),
        notes=notes,
    )
    icpe = replace(
        plain,
        name=f"clade/{dataset}-icpe",
        config=replace(config, has_offsets=True),
        original=_original(f"{dataset.replace('-', '_')}_dist"),
        notes=f"{notes} Also reads the place of each pixel in its region, computed from the label map.",
    )
    return plain, icpe


def _original(folder: str) -> Original:
    return Original(
        files={"generator": "best_net_G.pth"},
        folder=folder,
        hosted="the archive of pretrained models that the README of github.com/tzt101/CLADE links to",
    )


CARDS = (
    *_released(
        "ade20k", ADE20K, "ade20k-raw", "Takes the ids as ADE20K stores them: 0 is 'other', 1 to 150 are the classes."
    ),
    *_released(
        "ade20k-outdoor", ADE20K, "ade20k-raw", "Trained on the outdoor pictures of ADE20K, with its ids as stored."
    ),
    *_released(
        "cityscapes", CITYSCAPES, "cityscapes", "256×512; takes labelIds, and instanceIds for the borders of instances."
    ),
    *_released("coco", COCO, "coco-stuff", "182 classes and 'unknown'; reads the borders of instances."),
    bundled(CLADEConfig(num_classes=15, image_size=(128, 128), width=12), paper=PAPER),
)

MEASURED = ("clade/ade20k", "clade/ade20k-icpe")
"""What benchmarks measure by default, see `semsyn.bench.scenes.Case`."""
