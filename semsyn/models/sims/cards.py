"""SIMS: the three released generators for Cityscapes, and the one that comes with semsyn."""

from dataclasses import replace

from semsyn.models.card import Card, Original, bundled
from semsyn.models.sims.config import SIMSConfig

PAPER = "https://arxiv.org/abs/1804.10992"
HOMEPAGE = "https://github.com/xjqicuhk/SIMS"
CODE_LICENSE = "MIT"

SMALL = SIMSConfig(num_classes=19, image_size=(256, 512), transform_width=64, order_width=64)
MEDIUM = SIMSConfig(
    num_classes=19,
    image_size=(512, 1024),
    scale=2,
    transform_width=64,
    order_width=64,
    inner_band=17,
    shade_band=30,
    leak_band=20,
    outer_band=40,
)
LARGE = SIMSConfig(num_classes=19, image_size=(1024, 2048), scale=4, order_width=64, inner_band=25)
TOYSCENES = SIMSConfig(
    num_classes=15,
    image_size=(128, 256),
    width=8,
    transform_width=8,
    candidates=3,
    inner_band=3,
    shade_band=9,
    leak_band=0,
    outer_band=5,
)

NOTES = "Composes out of a bank of segments of Cityscapes' pictures, which no file holds: `semsyn prepare bank`."


def _released(name: str, config: SIMSConfig, folder: str) -> Card:
    roles = {"transform": "transform/0100/model.ckpt", "order": "order/0100/model.ckpt"}
    others = roles if config.transform_width is not None else {"order": roles["order"]}
    return Card(
        name=f"sims/{name}",
        config=config,
        label_space="cityscapes-used-train-ids",
        code_license=CODE_LICENSE,
        paper=PAPER,
        homepage=HOMEPAGE,
        original=Original(
            files={"generator": f"{folder}/model.ckpt", **others},
            folder="SIMS",
            hosted="the pretrained models that the README of the project's page links to",
        ),
        notes=NOTES,
    )


CARDS = (
    _released("cityscapes", SMALL, "synthesis_256_512/0800"),
    _released("cityscapes-medium", MEDIUM, "synthesis/synthesis_512/0100"),
    _released("cityscapes-large", LARGE, "synthesis/synthesis_1024/0100"),
    bundled(TOYSCENES, paper=PAPER, resources={"bank": "sims-toyscenes-bank"}),
    Card(
        name="sims/toyscenes-order",
        config=replace(TOYSCENES, order_width=8),
        label_space="toyscenes",
        license="Apache-2.0",
        paper=PAPER,
        notes="With a network that orders segments; on toyscenes the order of classes is right for most pairs.",
    ),
)

MEASURED = ("sims/cityscapes",)
"""What benchmarks measure by default, see `semsyn.bench.scenes.Case`: painting over a canvas that is there."""
