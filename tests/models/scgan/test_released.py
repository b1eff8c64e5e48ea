import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from semsyn import Generator
from semsyn.cli.main import main
from semsyn.errors import CheckpointError, InputError
from semsyn.generator.assemble import check_state
from semsyn.hub import convert_checkpoint, load_pretrained
from semsyn.models import CARDS
from semsyn.models.scgan import released as scgan
from semsyn.models.scgan.cards import ADE20K, CELEBA, COCO
from tests.hub.models import SPACE, make_generator, paint, write_options, write_originals
from tests.models.originals import RELEASED, read

KEYS = json.loads((Path(__file__).parents[2] / "golden" / "scgan" / "checkpoint_keys.json").read_text())
PRESETS = {"celeba": (CELEBA, 279), "ade20k": (ADE20K, 290), "coco": (COCO, 261)}

# What the authors' yml files say of the networks.
COMMON: dict[str, Any] = {
    "norm_G": "spectralsccsyncbatch3x3",
    "weight_type": "softmax",
    "num_upsampling_layers": "normal",
    "no_instance": True,
    "z_dim": 256,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "celeba": {"dataset_mode": "celeba", "crop_size": 512, "ngf": 48, "nff": 32, "nrf": 32, "temperature": 0.05}
    | {"num_experts_conv": 3, "num_experts_norm": 3, "no_spectral_on_routing": True, "use_vae": True}
    | {"position": True, "pyr_pos": True, "pyr_rng": 4, "ig_sz": 7, "ig_sigma": 1.5, "ig_iter": 1},
    "ade20k": {"dataset_mode": "ade20k", "crop_size": 256, "ngf": 32, "nff": 32, "nrf": 32, "temperature": 0.05}
    | {"num_experts_conv": 3, "num_experts_norm": 4, "position": False, "pyr_rng": 5},
    "coco": {"label_nc": 182, "contain_dontcare_label": True, "crop_size": 256, "ngf": 32, "nff": 24, "nrf": 24}
    | {"num_experts_conv": 2, "num_experts_norm": 3, "temperature": 0.5},
}


def listed(name: str, **changes: tuple[int, ...]) -> dict[str, Tensor]:
    """A state with the keys and shapes of a released file, and nothing in it."""
    return {key: torch.empty(changes.get(key, shape), device="meta") for key, shape in KEYS[name]}


@pytest.mark.parametrize("preset", PRESETS)
def test_released_files_fit_key_by_key(preset: str) -> None:
    config, count = PRESETS[preset]
    states = {"generator": listed(f"{preset}_G")}
    if f"{preset}_E" in KEYS:
        states["encoder"] = listed(f"{preset}_E")
    assert len(states["generator"]) == count
    assert read(states).infer_config(vars(CARDS[f"scgan/{preset}"].config)) == config
    with torch.device("meta"):
        generator = config.build()
    check_state(read(states).convert(config), generator.state_dict(), what=preset)
    ours = {key: t for key, t in generator.state_dict().items() if not key.startswith("encoder.")}
    back = scgan.generator_keymap(config).invert(ours)
    assert {key: list(t.shape) for key, t in back.items()} == dict(KEYS[f"{preset}_G"])


@pytest.mark.parametrize("preset", PRESETS)
def test_options_of_the_released_presets(preset: str) -> None:
    config, _ = PRESETS[preset]
    found = scgan.from_released_options(COMMON | OPTIONS[preset])
    assert found == replace(config, has_encoder=False)


VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "position-map": (
        {"position": True, "pyr_pos": False, "ig_sz": 5, "ig_sigma": 2, "ig_iter": 3, "ig_relative": True},
        {"position": "map", "position_size": 5, "position_sigma": 2.0, "position_steps": 3}
        | {"is_position_relative": True},
    ),
    "other-activation": ({"weight_type": "none"}, {"routing_activation": "identity"}),
    "hardtanh": ({"weight_type": "hardtanh"}, {"routing_activation": "hardtanh"}),
    "seven-levels": ({"num_upsampling_layers": "more"}, {"upsampling": "more"}),
    "encoder-of-its-own-width": ({"use_vae": True, "nef": 64}, {"code_dim": 256, "encoder_width": 64}),
    "instances": ({"no_instance": False}, {"has_edges": True}),
    "unpaired": (
        {"model": "pix2pixunpaired", "label_nc": 3, "contain_dontcare_label": False},
        {"num_classes": 0, "num_planes": 3, "has_style_image": True},
    ),
    "plain-instance-norm": ({"norm_G": "sccinstance3x3"}, {"norm": "instance", "has_spectral_norm": False}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_options_of_other_networks(variant: str) -> None:
    options, changes = VARIANTS[variant]
    assert scgan.from_released_options(COMMON | OPTIONS["ade20k"] | options) == replace(ADE20K, **changes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_upsampling_layers": "most"}, "'most'; SCGAN's generators are 'normal' or 'more'"),
        ({"pyr_pos": True}, "pyr_pos is on and position off"),
        ({"norm_G": "spectralspadesyncbatch3x3"}, r"known are \[spectral\]scc"),
    ],
)
def test_options_that_build_no_network(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        scgan.from_released_options(COMMON | OPTIONS["ade20k"] | options)


def test_what_no_file_tells_is_asked_for(tmp_path: Path) -> None:
    folder = write_originals(make_generator("scgan-edges"), tmp_path)
    with pytest.raises(InputError, match="6 label channels.*pass label_space=, options= or card="):
        convert_checkpoint(folder)
    with pytest.raises(InputError, match=r"does not tell image_size and temperature: pass .* and options= \(opt.txt"):
        convert_checkpoint(folder, label_space=SPACE)
    said = {"label_nc": 5, "crop_size": 128, "aspect_ratio": 2.0, "temperature": 0.05}
    found = convert_checkpoint(folder, options=said, label_space=SPACE).generator
    assert found.config == make_generator("scgan-edges").config
    assert torch.equal(paint(found), paint(make_generator("scgan-edges")))
    for name in ("label_nc", "temperature"):
        with pytest.raises(InputError, match=f"the options do not tell '{name}'"):
            convert_checkpoint(folder, options={key: value for key, value in said.items() if key != name})
    with pytest.raises(InputError, match="either card= or options="):
        convert_checkpoint(folder, options=said, card="scgan/coco")


def test_the_yml_beside_the_files_wins_over_their_opt_txt(tmp_path: Path) -> None:
    generator = make_generator("scgan")
    folder = write_originals(generator, tmp_path / "checkpoints" / "mine", "best")
    write_options(folder, label_nc=5, crop_size=64, temperature=0.7, position=False, no_instance=True)
    (tmp_path / "config").mkdir()
    yml = tmp_path / "config" / "scgan_mine.yml"
    yml.write_text("name: mine\ntemperature: 0.05\nposition: true\npyr_pos: true\npyr_rng: 3\nbatchSize: 8\n")
    assert convert_checkpoint(folder).generator.config == generator.config
    complete = tmp_path / "other.yml"
    complete.write_text(yml.read_text() + "label_nc: 5\ncrop_size: 64\n")
    out = tmp_path / "a.safetensors"
    assert main(["convert", str(folder), "--options", str(complete), "--out", str(out)]) == 0
    assert torch.equal(paint(load_pretrained(out)), paint(generator))


def test_yml_files_are_not_looked_into_for_other_families(tmp_path: Path) -> None:
    folder = write_originals(make_generator("clade-icpe"), tmp_path)
    (folder / "environment.yml").write_text("label_nc: [")
    convert_checkpoint(folder, image_size=(64, 64), upsampling="normal")


def test_files_without_the_head_of_the_preview(tmp_path: Path) -> None:
    generator = make_generator("scgan")
    path = write_originals(generator, tmp_path) / "latest_net_G.pth"
    torch.save({key: t for key, t in torch.load(path).items() if ".toRGB." not in key}, path)
    config = generator.config
    card = replace(CARDS["scgan/celeba"], config=config, label_space=None)
    found = convert_checkpoint(tmp_path, card=card).generator
    assert found.config == replace(config, has_preview=False)
    assert torch.equal(paint(found), paint(generator))
    released = RELEASED["scgan"].keymap(found.config).invert(without_encoder(found))
    assert released.keys() == torch.load(path).keys()


def without_encoder(generator: Generator) -> dict[str, Tensor]:
    return {key: t for key, t in generator.state_dict().items() if not key.startswith("encoder.")}


def test_counters_may_hold_any_number(tmp_path: Path) -> None:
    generator = make_generator("scgan-edges")
    path = write_originals(generator, tmp_path) / "latest_net_G.pth"
    state = torch.load(path)
    counters = [key for key in state if key.endswith("num_batches_tracked")]
    assert counters
    for number in (torch.tensor(7), None):
        changed = state | dict.fromkeys(counters, number)
        torch.save({key: t for key, t in changed.items() if t is not None}, path)
        card = replace(CARDS["scgan/coco"], config=generator.config, label_space=None)
        assert torch.equal(paint(convert_checkpoint(path, card=card).generator), paint(generator))


def test_a_plane_more_than_a_card_has_classes_is_the_edge_map() -> None:
    found = read({"generator": with_planes(listed("coco_G"), 184)}).infer_config(vars(COCO))
    assert found == replace(COCO, has_edges=True)
    with pytest.raises(CheckpointError, match="num_classes is 185 in the file, 183 was expected"):
        read({"generator": with_planes(listed("coco_G"), 185)}).infer_config(vars(COCO))
    with pytest.raises(CheckpointError, match="183 label channels, which leave 183 for the classes and none for the"):
        read({"generator": listed("coco_G")}).infer_config(vars(COCO) | {"has_edges": True})
    known = {"temperature": 0.5, "image_size": (256, 256), "has_edges": True}
    assert read({"generator": with_planes(listed("coco_G"), 184)}).infer_config(known) == found


def with_planes(state: dict[str, Tensor], planes: int) -> dict[str, Tensor]:
    readers = [key for key in state if key.endswith("mlp_shared.0.weight")]
    return state | {key: torch.empty(state[key].shape[0], planes, 3, 3, device="meta") for key in readers}


@pytest.mark.parametrize(
    ("file", "card", "message"),
    [
        ("celeba_E", "celeba", r"it is an encoder; pass \{'generator'"),
        ("celeba_D", "celeba", "it is a discriminator; pass the generator's file"),
        ("ade20k_D", "ade20k", "it is a discriminator; pass the generator's file"),
    ],
)
def test_other_networks_of_the_authors(file: str, card: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        read({"generator": listed(file)}).infer_config(vars(CARDS[f"scgan/{card}"].config))


def test_files_of_another_preset() -> None:
    with pytest.raises(
        CheckpointError, match="width is 48 in the file, 32 was expected; norm_experts is 3 in the file"
    ):
        read({"generator": listed("celeba_G")}).infer_config(vars(ADE20K), source="card scgan/ade20k")
    celeba = {"generator": listed("celeba_G")}
    with pytest.raises(CheckpointError, match=r"makes 256 pixels, but \(256, 256\) at depth 'normal' needs 64"):
        read(celeba).infer_config(vars(CELEBA) | {"image_size": (256, 256)})


def test_a_generator_that_is_not_whole() -> None:
    state = listed("coco_G")
    del state["up_0.norm_s.mlp_shared.0.weight"]
    with pytest.raises(CheckpointError, match="looks like SCGAN, but its first layers do not: 'up_0.norm_s.mlp_shared"):
        read({"generator": state}).infer_config(vars(COCO))
    state = listed("coco_G") | {"up_9.conv_0.conv_bases.0.weight_orig": torch.empty(1)}
    with pytest.raises(CheckpointError, match="1 keys have no place in this network: up_9.conv_0.conv_bases.0"):
        read({"generator": state}).convert(COCO)


def test_an_encoder_needs_a_code() -> None:
    config = read({"generator": listed("ade20k_G"), "encoder": listed("celeba_E")}).infer_config(vars(ADE20K))
    with pytest.raises(InputError, match="has_encoder needs code_dim"):
        config.build()
    alone = read({"generator": listed("celeba_G")}).infer_config(vars(CELEBA))
    assert alone == replace(CELEBA, has_encoder=False)


def test_configs_in_a_line() -> None:
    assert CELEBA.describe() == "SCGAN, 19 classes, encoder, code 256, 3+3 experts, width 48, 512×512"
    config = scgan.from_released_options(COMMON | OPTIONS["ade20k"] | VARIANTS["unpaired"][0])
    assert config.describe() == "SCGAN, 0 classes, 3 planes, 3+4 experts, width 32, 256×256"


def test_networks_without_spectral_norm_go_here_and_back(tmp_path: Path) -> None:
    generator = make_generator("scgan-edges", has_spectral_norm=False, has_routing_spectral_norm=False)
    path = write_originals(generator, tmp_path) / "latest_net_G.pth"
    spectral = {key.rpartition(".")[0] for key in torch.load(path) if key.endswith("_orig")}
    assert spectral == {f"{block}.conv_s" for block in ("head_0", *(f"up_{i}" for i in range(4)))}, "always there"
    card = replace(CARDS["scgan/coco"], config=generator.config, label_space=None)
    assert torch.equal(paint(convert_checkpoint(path, card=card).generator), paint(generator))


def test_ade20k_can_be_read_both_ways() -> None:
    raw, shifted = (CARDS[f"scgan/{name}"] for name in ("ade20k", "ade20k-shifted"))
    assert raw.original == shifted.original and raw.config == shifted.config
    assert (raw.label_space, shifted.label_space) == ("ade20k-raw", "ade20k-unknown-last")
