"""clVAE: the three released models with their encoders, and the one that comes with semsyn."""

from semsyn.models.card import Card, Original, bundled
from semsyn.models.clvae.config import CLVAEConfig

PAPER = "https://arxiv.org/abs/2106.13416"
HOMEPAGE = "https://github.com/endo-yuki-t/DiversifyingSMIS"
CODE_LICENSE = "CC-BY-NC-SA-4.0"

ADE20K = CLVAEConfig(num_classes=151, image_size=(256, 256), class_code_dim=151, has_encoder=True)
DEEPFASHION = CLVAEConfig(
    num_classes=16, image_size=(256, 256), width=160, class_code_dim=16, upsampling="more", has_encoder=True
)
GTA5 = CLVAEConfig(num_classes=20, image_size=(256, 512), class_code_dim=20, upsampling="more", has_encoder=True)

TOYSCENES = CLVAEConfig(
    num_classes=15,
    image_size=(128, 128),
    width=9,
    code_dim=64,
    class_code_dim=16,
    has_encoder=True,
    encoder_width=10,
    encoder_size=128,
    hidden=24,
)


def _released(dataset: str, config: CLVAEConfig, label_space: str, notes: str) -> Card:
    return Card(
        name=f"clvae/{dataset}",
        config=config,
        label_space=label_space,
        code_license=CODE_LICENSE,
        non_commercial=True,
        paper=PAPER,
        homepage=HOMEPAGE,
        original=Original(
            files={"generator": "latest_net_G.pth", "encoder": "latest_net_E.pth"},
            folder=dataset,
            hosted="the authors' Google Drive, linked from the README of github.com/endo-yuki-t/DiversifyingSMIS",
        ),
        notes=notes,
    )


CARDS = (
    _released(
        "ade20k", ADE20K, "ade20k-raw", "Takes the ids as ADE20K stores them: 0 is 'other', 1 to 150 are the classes."
    ),
    _released("deepfashion", DEEPFASHION, "deepfashion-16", "People in clothes, 16 ids; 491 million weights."),
    _released("gta5", GTA5, "gta5", "256×512; Cityscapes' train ids, and 19 for all else. The encoder sees 256×256."),
    bundled(TOYSCENES, paper=PAPER),
)

MEASURED = ("clvae/ade20k", "clvae/ade20k-encoder")
"""What benchmarks measure by default, see `semsyn.bench.scenes.Case`."""
