"""SPADE: the three released generators, and presets of which no weights were released."""

from dataclasses import replace

from semsyn.models.card import Card, Original
from semsyn.models.spade.config import SPADEConfig

PAPER = "https://arxiv.org/abs/1903.07291"
HOMEPAGE = "https://github.com/NVlabs/SPADE"
LICENSE = "CC-BY-NC-SA-4.0"
UNTRAINED = "A preset of the paper; no such weights were released."


def _original(folder: str) -> Original:
    return Original(
        files={"generator": "latest_net_G.pth"},
        folder=folder,
        hosted="the archive of pretrained models that the README of github.com/NVlabs/SPADE links to",
    )


COCO = SPADEConfig(num_classes=183, image_size=(256, 256), has_edges=True)
ADE20K = SPADEConfig(num_classes=151, image_size=(256, 256))
CITYSCAPES = SPADEConfig(num_classes=35, image_size=(256, 512), upsampling="more", has_edges=True)
FACADES = SPADEConfig(num_classes=13, image_size=(256, 256))


def _vae(config: SPADEConfig) -> SPADEConfig:
    return replace(config, code_dim=256, has_encoder=True)


def _released(dataset: str, config: SPADEConfig, label_space: str, notes: str) -> Card:
    return Card(
        name=f"spade/{dataset}",
        config=config,
        label_space=label_space,
        license=LICENSE,
        non_commercial=True,
        paper=PAPER,
        homepage=HOMEPAGE,
        original=_original(f"{dataset}_pretrained"),
        notes=notes,
    )


def _preset(dataset: str, config: SPADEConfig, label_space: str) -> Card:
    return Card(
        name=f"spade/{dataset}", config=config, label_space=label_space, paper=PAPER, homepage=HOMEPAGE, notes=UNTRAINED
    )


CARDS = (
    _released("coco", COCO, "coco-stuff", "182 classes and 'unknown'; reads the borders of instances."),
    _released(
        "ade20k", ADE20K, "ade20k-raw", "Takes the ids as ADE20K stores them: 0 is 'other', 1 to 150 are the classes."
    ),
    _released(
        "cityscapes", CITYSCAPES, "cityscapes", "256×512; takes labelIds, and instanceIds for the borders of instances."
    ),
    _preset("ade20k-outdoor", ADE20K, "ade20k-raw"),
    _preset("facades", FACADES, "facades"),
    _preset("coco-vae", _vae(COCO), "coco-stuff"),
    _preset("ade20k-vae", _vae(ADE20K), "ade20k-raw"),
    _preset("cityscapes-vae", _vae(CITYSCAPES), "cityscapes"),
    _preset("facades-vae", _vae(FACADES), "facades"),
)

MEASURED = ("spade/ade20k", "spade/coco", "spade/ade20k-vae@8")
"""What benchmarks measure by default, see `semsyn.bench.scenes.Case`."""
