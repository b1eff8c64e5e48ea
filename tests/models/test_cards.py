import re

import pytest
import torch

from semsyn.data.spaces.label_space import label_space
from semsyn.hub import Card, load_pretrained
from semsyn.models import CARDS, FAMILIES

# From the tables of released checkpoints: classes, channels with the edge map, size, folder in the archive.
RELEASED = {
    "spade/coco": (183, 184, (256, 256), "coco_pretrained"),
    "spade/ade20k": (151, 151, (256, 256), "ade20k_pretrained"),
    "spade/cityscapes": (35, 36, (256, 512), "cityscapes_pretrained"),
    "clade/ade20k": (151, 151, (256, 256), "ade20k"),
    "clade/ade20k-icpe": (151, 151, (256, 256), "ade20k_dist"),
    "clade/ade20k-outdoor": (151, 151, (256, 256), "ade20k_outdoor"),
    "clade/ade20k-outdoor-icpe": (151, 151, (256, 256), "ade20k_outdoor_dist"),
    "clade/cityscapes": (35, 36, (256, 512), "cityscapes"),
    "clade/cityscapes-icpe": (35, 36, (256, 512), "cityscapes_dist"),
    "clade/coco": (183, 184, (256, 256), "coco"),
    "clade/coco-icpe": (183, 184, (256, 256), "coco_dist"),
    "inade/ade20k": (151, 151, (256, 256), "inade_ade20k"),
    "inade/celeba": (19, 19, (256, 256), "inade_celeba"),
    "inade/cityscapes": (35, 35, (256, 512), "inade_cityscapes"),
    "inade/deepfashion": (8, 8, (256, 256), "inade_deepfashion"),
    "oasis/ade20k": (151, 215, (256, 256), "oasis_ade20k_pretrained"),
    "oasis/cityscapes": (35, 99, (256, 512), "oasis_cityscapes_pretrained"),
    "oasis/coco": (183, 247, (256, 256), "oasis_coco_pretrained"),
    "ipose/ade20k": (151, 215, (256, 256), "ipose_ade20k"),
    "ipose/cityscapes": (35, 99, (256, 512), "ipose_cityscapes"),
    "ipose/coco": (183, 247, (256, 256), "ipose_coco"),
    "clvae/ade20k": (151, 151, (256, 256), "ade20k"),
    "clvae/deepfashion": (16, 16, (256, 256), "deepfashion"),
    "clvae/gta5": (20, 20, (256, 512), "gta5"),
    "scgan/celeba": (19, 19, (512, 512), "scgan-celeba"),
    "scgan/ade20k": (151, 151, (256, 256), "scgan-ade20k-best"),
    "scgan/ade20k-shifted": (151, 151, (256, 256), "scgan-ade20k-best"),
    "scgan/coco": (183, 183, (256, 256), "scgan-coco-best"),
    "sims/cityscapes": (19, 19, (256, 512), "SIMS"),
    "sims/cityscapes-medium": (19, 19, (512, 1024), "SIMS"),
    "sims/cityscapes-large": (19, 19, (1024, 2048), "SIMS"),
}

# Millions of parameters of the generator, from the tables of presets.
PARAMETERS = {
    "spade/coco": 97.48,
    "spade/ade20k": 96.49,
    "spade/cityscapes": 93.05,
    "spade/facades": 92.36,
    "spade/coco-vae": 112.63,
    "spade/ade20k-vae": 111.94,
    "spade/cityscapes-vae": 101.14,
    "spade/facades-vae": 109.08,
    "clade/ade20k": 71.43,
    "clade/ade20k-outdoor": 71.43,
    "clade/coco": 72.51,
    "clade/cityscapes": 67.90,
    "inade/cityscapes": 77.39,
    "inade/ade20k": 90.89,
    "inade/celeba": 85.12,
    "inade/deepfashion": 84.02,
    "clvae/ade20k": 111.97,
    "clvae/deepfashion": 490.98,
    "clvae/gta5": 100.81,
    "oasis/ade20k": 74.31,
    "oasis/cityscapes": 71.11,
    "oasis/coco": 75.20,
    "ipose/ade20k": 111.17 - 0.02,  # without the transposed convolution that nothing uses
    "ipose/cityscapes": 107.96 - 0.01,
    "ipose/coco": 112.06 - 0.02,
    "scgan/celeba": 147.57,
    "scgan/ade20k": 60.85,  # 60.86 in the table, 60,854,662 by the list of keys
    "scgan/coco": 41.85,
    "sims/cityscapes": 85.67,
    "sims/cityscapes-medium": 86.14,
    "sims/cityscapes-large": 71.41,
}


@pytest.mark.parametrize("name", CARDS)
def test_cards_hold_together(name: str) -> None:
    card = CARDS[name]
    assert name == card.name
    assert re.fullmatch(r"[a-z]+/[a-z0-9]+(-[a-z]+)*", name)
    assert card.label_space is not None
    assert label_space(card.label_space).num_classes == card.config.num_classes
    assert card.non_commercial == ("-NC" in card.license or "-NC" in card.code_license)
    assert (card.status in ("released", "unconfirmed")) == (card.original is not None)
    assert card.config.describe().startswith(card.config.title)


@pytest.mark.parametrize("name", RELEASED)
def test_released_checkpoints_have_their_facts(name: str) -> None:
    card = CARDS[name]
    classes, channels, size, folder = RELEASED[name]
    assert card.original is not None
    assert card.config.num_classes == classes
    count = FAMILIES[card.family].released.label_channels
    assert channels == (
        classes + bool(getattr(card.config, "has_edges", False)) if count is None else count(card.config)
    )
    assert card.config.image_size == size
    is_deep = size == (256, 512) or name == "clvae/deepfashion"
    assert getattr(card.config, "upsampling", None) in (None, "more" if is_deep else "normal")
    assert getattr(card.config, "has_offsets", False) == name.endswith("-icpe")
    assert card.original.folder == folder
    stated = {
        "oasis": ("unknown", "AGPL-3.0"),
        "ipose": ("unknown", "AGPL-3.0"),
        "scgan": ("unknown", ""),
        "sims": ("unknown", "MIT"),
        "clvae": ("unknown", "CC-BY-NC-SA-4.0"),
    }
    assert (card.license, card.code_license) == stated.get(card.family, ("CC-BY-NC-SA-4.0", ""))
    has_encoder = getattr(card.config, "has_encoder", False)
    companions = set(FAMILIES[card.family].released.companions) & set(card.original.files)
    assert set(card.original.files) == {"generator", *(["encoder"] if has_encoder else []), *companions}


def test_nothing_else_is_said_to_be_released() -> None:
    assert {name for name, card in CARDS.items() if card.status == "released"} == set(RELEASED)


@pytest.mark.parametrize("name", PARAMETERS)
def test_presets_have_the_published_number_of_parameters(name: str) -> None:
    card = CARDS[name]
    with torch.device("meta"):
        generator = card.config.build()
    numbers = [p.numel() for key, p in generator.named_parameters() if not key.startswith("encoder.")]
    assert round(sum(numbers) / 1e6, 2) == round(PARAMETERS[name], 2)


@pytest.mark.parametrize("name", RELEASED)
def test_released_states_have_a_place_for_every_key(name: str) -> None:
    card = CARDS[name]
    with torch.device("meta"):
        generator = card.config.build()
    keymap = FAMILIES[card.family].released.keymap(card.config)
    keys = [key for key in generator.state_dict() if not key.startswith("encoder.") and ".supports." not in key]
    original = keymap.rename_keys(keys, backward=True)
    assert list(keymap.rename_keys(original.values()).values()) == keys


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.status == "bundled"])
def test_bundled_weights_are_what_their_cards_say(name: str) -> None:
    generator = load_pretrained(name)
    assert generator.config == CARDS[name].config
    assert generator.card.name == name
    assert generator.label_space == label_space("toyscenes")


def test_a_card_of_another_family_is_refused() -> None:
    with pytest.raises(ValueError, match="name it 'clade/"):
        Card(name="spade/x", config=CARDS["clade/coco"].config)
