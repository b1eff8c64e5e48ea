"""INADE: the four released models with their encoders, their sketch variants, and the one that comes with semsyn."""

from dataclasses import replace

from semsyn.models.card import Card, Original, bundled
from semsyn.models.inade.config import INADEConfig

PAPER = "https://arxiv.org/abs/2103.06878"
HOMEPAGE = "https://github.com/tzt101/INADE"
LICENSE = "CC-BY-NC-SA-4.0"

ADE20K = INADEConfig(num_classes=151, image_size=(256, 256), has_encoder=True)
CELEBA = INADEConfig(num_classes=19, image_size=(256, 256), has_encoder=True)
CITYSCAPES = INADEConfig(num_classes=35, image_size=(256, 512), upsampling="more", has_encoder=True)
DEEPFASHION = INADEConfig(num_classes=8, image_size=(256, 256), instance_code_dim=8, has_encoder=True)

TOYSCENES = INADEConfig(
    num_classes=15,
    image_size=(128, 128),
    width=11,
    code_dim=64,
    instance_code_dim=16,
    has_encoder=True,
    encoder_width=8,
)


def _original(folder: str, *, confirmed: bool = True) -> Original:
    return Original(
        files={"generator": "best_net_G.pth", "encoder": "best_net_E.pth"},
        folder=folder,
        hosted="the authors' OneDrive, linked from the README of github.com/tzt101/INADE",
        confirmed=confirmed,
    )


def _released(dataset: str, config: INADEConfig, label_space: str, notes: str) -> tuple[Card, Card]:
    """The plain model and its variant with a sketch."""
    plain = Card(
        name=f"inade/{dataset}",
        config=config,
        label_space=label_space,
        license=LICENSE,
        non_commercial=True,
        paper=PAPER,
        homepage=HOMEPAGE,
        original=_original(f"inade_{dataset}"),
        notes=f"{notes} The encoder's file may be called best_net_IE.pth.",
    )
    sketch = replace(
        plain,
        name=f"inade/{dataset}-sketch",
        config=replace(config, has_sketch=True),
        original=_original(f"inades_{dataset}", confirmed=False),
        notes=f"{notes} Also reads a line drawing.",
    )
    return plain, sketch


CARDS = (
    *_released("ade20k", ADE20K, "ade20k-raw", "Takes the ids as ADE20K stores them; one instance per class."),
    *_released("celeba", CELEBA, "celeba", "CelebAMask-HQ, its 19 masks merged to one map; one instance per class."),
    *_released("cityscapes", CITYSCAPES, "cityscapes", "256×512; takes labelIds and true instances."),
    *_released("deepfashion", DEEPFASHION, "deepfashion-8", "8 classes; instance codes of 8 numbers."),
    bundled(TOYSCENES, paper=PAPER),
)

MEASURED = ("inade/ade20k", "inade/ade20k-encoder")
"""What benchmarks measure by default, see `semsyn.bench.scenes.Case`."""
