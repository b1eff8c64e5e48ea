"""What each family says of its authors' data sets agrees with its cards, and decides where no card is given."""

from pathlib import Path
from typing import Any

import pytest

from semsyn.convert.options import check_options
from semsyn.data import label_space
from semsyn.hub import convert_checkpoint
from semsyn.models import CARDS, FAMILIES
from semsyn.models.card import Card
from tests.hub.models import make_generator, write_options, write_originals

ELSEWHERE = {"scgan": {"temperature": 0.05}}  # what no data set sets, and a family's options must tell


NAMES = [(family.name, name) for family in FAMILIES.values() for name in family.released.data_sets]


def find_card(family: str, name: str) -> Card | None:
    """The card of what was released for a data set."""
    spelled = {"ade20koutdoor": "ade20k-outdoor"}.get(name, name.removesuffix("ins"))
    return CARDS.get(f"{family}/{spelled}")


@pytest.mark.parametrize(("family", "name"), NAMES)
def test_the_name_of_a_data_set_tells_what_its_card_tells(family: str, name: str) -> None:
    released, card = FAMILIES[family].released, find_card(family, name)
    data_set = released.data_sets[name]
    options = check_options({"dataset_mode": name, **ELSEWHERE.get(family, {})}, released.options)
    config = released.from_options(options)
    if card is not None:
        assert data_set.label_space == card.label_space
        assert (config.num_classes, config.image_size) == (card.config.num_classes, card.config.image_size)
        for field in ("upsampling", "has_edges", "convention", "instance_code_dim"):
            if family != "scgan":  # its yml files tell of edges and depth
                assert getattr(config, field, None) == getattr(card.config, field, None)
    if data_set.label_space is not None:
        assert label_space(data_set.label_space).num_classes == config.num_classes


# Beside SIMS' files there are no options that could name a data set; all are Cityscapes'.
@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "sims"])
def test_every_released_card_has_its_data_set(family: str) -> None:
    named = {card.name for name in FAMILIES[family].released.data_sets if (card := find_card(family, name))}
    variants = ("-icpe", "-sketch", "-shifted", "-vae")
    for name, card in CARDS.items():
        if card.family == family and card.original is not None and not name.endswith(variants):
            assert name in named


# family, its small network for the data set, options beside it, the label space that they name
NAMED: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "oasis-coco": ("oasis", {"num_classes": 183}, {"dataset_mode": "coco", "z_dim": 6}, "coco-stuff-unknown-first"),
    "oasis-cityscapes": ("oasis", {"num_classes": 35}, {"dataset_mode": "cityscapes", "z_dim": 6}, "cityscapes"),
    "ipose-coco": ("ipose", {"num_classes": 183}, {"dataset_mode": "cocoins", "z_dim": 6}, "coco-stuff-unknown-first"),
    "spade-coco": ("spade-edges", {"num_classes": 183}, {"dataset_mode": "coco"}, "coco-stuff"),
    "clade-outdoor": ("clade-icpe", {"num_classes": 151}, {"dataset_mode": "ade20koutdoor"}, "ade20k-raw"),
    "inade-faces": ("inade", {"num_classes": 19}, {"dataset_mode": "celeba", "z_dim": 8}, "celeba"),
    "scgan-faces": ("scgan", {"num_classes": 19}, {"dataset_mode": "celeba"}, "celeba-background-last"),
}


@pytest.mark.parametrize("case", NAMED)
def test_the_data_set_named_beside_the_file_decides(case: str, tmp_path: Path) -> None:
    network, changes, options, expected = NAMED[case]
    generator = make_generator(network, **changes)
    h, w = generator.image_size
    folder = write_originals(generator, tmp_path)
    elsewhere = ELSEWHERE.get(generator.config.family, {}) | {"use_vae": True} if network == "scgan" else {}
    write_options(folder, **options, **elsewhere)
    upsampling = getattr(generator.config, "upsampling", None)
    found = convert_checkpoint(folder, image_size=(h, w), upsampling=upsampling)
    assert found.generator.config.num_classes == changes["num_classes"]
    assert found.generator.label_space == label_space(expected)
    assert found.generator.card.label_space == expected
    name = options["dataset_mode"]
    assert found.notes == (f"opt.txt names data set {name!r}: its maps are read as {expected!r}",)


@pytest.mark.parametrize("ending", ["dataset: ade20k", "dataset_mode: ade20k", "name: scgan-ade20k-best"])
def test_the_yml_of_scgan_tells_size_and_label_space(ending: str, tmp_path: Path) -> None:
    generator = make_generator("scgan-edges", num_classes=151, has_edges=False, image_size=(256, 256))
    folder = write_originals(generator, tmp_path)
    (folder / "scgan.yml").write_text(f"temperature: 0.05\nno_instance: true\n{ending}\n")
    found = convert_checkpoint(folder)
    assert found.generator.config == generator.config
    assert found.generator.label_space == label_space("ade20k-raw")
    assert "scgan.yml names data set 'ade20k'" in found.notes[0]


def test_a_data_set_that_does_not_fit_gives_no_label_space(tmp_path: Path) -> None:
    folder = write_originals(make_generator("clade-icpe"), tmp_path)
    for name, message in (
        ("coco", "which has 183 classes, but the generator has 5"),
        ("mine", "no label space is known"),
    ):
        write_options(folder, dataset_mode=name, label_nc=5, crop_size=64)
        found = convert_checkpoint(folder, upsampling="normal")
        assert found.generator.label_space is None
        assert message in found.notes[0]


def test_what_is_given_wins_over_the_data_set(tmp_path: Path) -> None:
    generator = make_generator("oasis", num_classes=183)
    folder = write_originals(generator, tmp_path)
    write_options(folder, dataset_mode="ade20k", z_dim=6)
    found = convert_checkpoint(folder, label_space="coco-stuff", image_size=generator.image_size)
    assert found.generator.label_space == label_space("coco-stuff")
    assert found.generator.config == generator.config
    assert found.notes == ()
    card = Card(name="oasis/mine", config=generator.config, label_space="coco-stuff-unknown-first")
    found = convert_checkpoint(folder, card=card)
    assert found.generator.label_space == label_space("coco-stuff-unknown-first")
