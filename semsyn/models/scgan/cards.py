"""SCGAN: the three released generators, one of them under both readings of its labels, and semsyn's own."""

from dataclasses import replace

from semsyn.models.card import Card, Original, bundled
from semsyn.models.scgan.config import SCGANConfig

PAPER = "https://arxiv.org/abs/2109.07053"
HOMEPAGE = "https://github.com/dvlab-research/SCGAN"
README = "linked from the README of github.com/dvlab-research/SCGAN"

CELEBA = SCGANConfig(
    num_classes=19,
    image_size=(512, 512),
    width=48,
    has_routing_spectral_norm=False,
    position="pyramid",
    position_levels=4,
    code_dim=256,
    has_encoder=True,
)
ADE20K = SCGANConfig(num_classes=151, image_size=(256, 256), norm_experts=4)
COCO = SCGANConfig(
    num_classes=183, image_size=(256, 256), stem_width=24, routing_width=24, conv_experts=2, temperature=0.5
)

TOYSCENES = SCGANConfig(
    num_classes=15,
    image_size=(128, 128),
    width=6,
    stem_width=6,
    routing_width=7,
    temperature=1.0,
    has_routing_spectral_norm=False,
    hidden=24,
    code_dim=64,
    has_encoder=True,
    encoder_width=7,
)

NOTES = (
    "The authors state no licence for the weights; their code had an MIT licence once and has none now, and parts of "
    "it descend from SPADE (CC-BY-NC-SA-4.0)."
)


def _released(dataset: str, config: SCGANConfig, label_space: str, original: Original, notes: str) -> Card:
    return Card(
        name=f"scgan/{dataset}",
        config=config,
        label_space=label_space,
        paper=PAPER,
        homepage=HOMEPAGE,
        original=original,
        notes=f"{notes} {NOTES}",
    )


def _original(folder: str, drives: str, *, has_encoder: bool = False) -> Original:
    encoder = {"encoder": "best_net_E.pth"} if has_encoder else {}
    return Original(
        files={"generator": "best_net_G.pth"} | encoder, folder=folder, hosted=f"the authors' {drives}, {README}"
    )


_ADE20K = _released(
    "ade20k",
    ADE20K,
    "ade20k-raw",
    _original("scgan-ade20k-best", "Baidu and OneDrive folders"),
    "Takes the ids as ADE20K stores them, as the authors' code does now; should pictures be wrong, every class painted "
    "as its neighbour in the list, take scgan/ade20k-shifted.",
)

CARDS = (
    _released(
        "celeba",
        CELEBA,
        "celeba-background-last",
        _original("scgan-celeba", "Baidu folder", has_encoder=True),
        "CelebAMask-HQ at 512×512, its 19 masks merged to one map; a face's look is a code, drawn or encoded.",
    ),
    _ADE20K,
    replace(
        _ADE20K,
        name="scgan/ade20k-shifted",
        label_space="ade20k-unknown-last",
        notes=f"The same files as scgan/ade20k, read as if trained with labels shifted by one, 'other' last. {NOTES}",
    ),
    _released(
        "coco",
        COCO,
        "coco-stuff",
        _original("scgan-coco-best", "Baidu folder"),
        "182 classes and 'unknown'; a file with a plane more reads the borders of instances, too.",
    ),
    bundled(TOYSCENES, paper=PAPER),
)

MEASURED = ("scgan/ade20k", "scgan/celeba")
"""What benchmarks measure by default, see `semsyn.bench.scenes.Case`."""
