from dataclasses import asdict, replace
from typing import Any

import pytest
import torch

from semsyn.errors import CheckpointError, InputError
from semsyn.models import CLADEConfig, INADEConfig, OASISConfig, SPADEConfig
from semsyn.models.spade import released as spade
from tests.models.cases import CONFIGS, make_generator
from tests.models.originals import RELEASED, originals, read

SIZE = {"image_size": (64, 64), "upsampling": "normal"}
# clVAE's generator without codes is SPADE's, key by key; its released encoder never ran on pictures as small as here.
OF_OTHERS = ("clvae-plain", "clvae-encoder")
CASES = [case for case in CONFIGS if case not in OF_OTHERS]


@pytest.mark.parametrize("case", CASES)
def test_the_config_is_found_again(case: str) -> None:
    generator = make_generator(case)
    config = generator.config
    # What the files do not tell; of fields that a family does not have, nothing is said.
    asked = ["image_size", "upsampling", "norm"]
    supports = ["num_supported", "num_supports"]
    positions = ["position", *(f"position_{name}" for name in ("levels", "size", "sigma", "steps"))]
    asked += {
        "spade": ["has_edges"],
        "oasis": ["num_classes"],
        "ipose": ["num_classes", "convention", *supports],
        "sims": ["candidates", "inner_band", "shade_band", "leak_band", "outer_band"],
        "scgan": ["has_edges", "temperature", "routing_activation", "is_position_relative", *positions],
    }.get(config.family, [])
    found = read(originals(generator)).infer_config({name: getattr(config, name, None) for name in asked})
    assert found == config
    assert found == read(originals(generator)).infer_config(asdict(config))


def test_clvae_without_codes_is_read_as_spade_and_small_encoders_are_refused() -> None:
    assert read(originals(make_generator("clvae-plain"))).released.config is SPADEConfig
    generator = make_generator("clvae-encoder")
    with pytest.raises(CheckpointError, match="crop_size is at least 256, found pictures of width 128"):
        read(originals(generator)).infer_config(asdict(generator.config))


@pytest.mark.parametrize("case", [case for case in CONFIGS if case != "clvae-plain"])
def test_states_are_converted_key_by_key(case: str) -> None:
    generator = make_generator(case)
    states = originals(generator)
    family = generator.config.family
    assert read(states).released.config.family == family
    for key in [key for key in states["generator"] if key.endswith("num_batches_tracked")]:
        del states["generator"][key]  # as very old files are
    converted, state = read(states).convert(generator.config), generator.state_dict()
    assert converted.keys() == state.keys()
    for key, tensor in state.items():
        if not key.endswith("tracked") and ".supports." not in key:  # no file holds support maps
            assert torch.equal(converted[key], tensor), key


def test_what_the_files_do_not_tell_is_asked_for_by_name() -> None:
    states = originals(make_generator("clade"))
    with pytest.raises(
        InputError, match=r"does not tell image_size and upsampling: pass image_size=\(h, w\) and upsampling="
    ):
        read(states).infer_config({})
    with pytest.raises(InputError, match=r"does not tell upsampling: pass upsampling='normal', 'more' or 'most'"):
        read(states).infer_config({"image_size": (64, 64)})
    deepest = originals(make_generator("spade-most"))
    assert read(deepest).infer_config({"image_size": (128, 128), "has_edges": False}).upsampling == "most"


def test_noise_of_oasis_cannot_be_told_from_classes() -> None:
    states = originals(make_generator("oasis"))
    known = {"image_size": (64, 64)}
    with pytest.raises(
        InputError, match="11 label channels and does not tell how many of them are noise.*label_space="
    ):
        read(states).infer_config(known)
    for said, expected in (
        ({"num_classes": 5}, (5, 6)),
        ({"code_dim": 6}, (5, 6)),
        ({"num_classes": 11}, (11, None)),
        ({"num_classes": 5, "code_dim": 6}, (5, 6)),
    ):
        config = read(states).infer_config(known | said)
        assert (config.num_classes, config.code_dim) == expected
    for said in ({"num_classes": 12}, {"code_dim": 11}):
        with pytest.raises(CheckpointError, match="11 label channels, which leave"):
            read(states).infer_config(known | said)
    with pytest.raises(CheckpointError, match="code_dim is 7 in the file, 6 was expected"):
        read(states).infer_config(known | {"num_classes": 4, "code_dim": 6})


def test_noise_channels_move_behind_the_classes() -> None:
    generator = make_generator("oasis")
    theirs = originals(generator)["generator"]
    for ours, key in (
        (generator.painter.stem.conv.weight, "fc.weight"),
        (generator.painter.stages[2].norm_s.shared.weight, "body.2.norm_s.mlp_shared.0.weight"),
    ):
        assert torch.equal(theirs[key], torch.cat([ours[:, 5:], ours[:, :5]], dim=1))
    assert torch.equal(theirs["body.2.norm_s.mlp_gamma.weight"], generator.painter.stages[2].norm_s.gamma.weight)


def test_edges_of_spade_cannot_be_told_from_classes() -> None:
    states = originals(make_generator("spade-edges"))
    known = {"image_size": (64, 128), "upsampling": "more"}
    with pytest.raises(InputError, match="6 label channels.*has_edges=True or False"):
        read(states).infer_config(known)
    for said, expected in (
        ({"has_edges": True}, (5, True)),
        ({"has_edges": False}, (6, False)),
        ({"num_classes": 5}, (5, True)),
        ({"num_classes": 6}, (6, False)),
    ):
        config = read(states).infer_config(known | said)
        assert (config.num_classes, config.has_edges) == expected
    for said in ({"num_classes": 4}, {"num_classes": 7}, {"num_classes": 5, "has_edges": False}):
        with pytest.raises(
            (CheckpointError, InputError), match="label channels|num_classes is 6 in the file, 5 was expected"
        ):
            read(states).infer_config(known | said)


@pytest.mark.parametrize(
    ("case", "field", "value"),
    [
        ("clade", "num_classes", 19),
        ("clade", "width", 64),
        ("clade-edges", "has_edges", False),
        ("clade-icpe", "has_offsets", False),
        ("clade-edges", "norm", "batch"),
        ("inade", "instance_code_dim", 64),
        ("inade-sketch", "has_sketch", False),
        ("spade-vae", "code_dim", 256),
    ],
)
def test_a_card_that_contradicts_the_file(case: str, field: str, value: Any) -> None:
    generator = make_generator(case)
    known = asdict(replace(generator.config, **{field: value}))
    found = getattr(generator.config, field)
    with pytest.raises(
        CheckpointError, match=rf"does not fit clade/x: {field} is {found} in the file, {value} was expected"
    ):
        read(originals(generator)).infer_config(known, source="clade/x")


def test_a_stem_of_another_size_is_noticed() -> None:
    states = originals(make_generator("inade"))
    with pytest.raises(CheckpointError, match=r"makes 4 pixels, but \(128, 64\) at depth 'normal' needs 8"):
        read(states).infer_config({"image_size": (128, 64), "upsampling": "normal"})


def test_the_encoder_belongs_to_its_generator() -> None:
    inade, vae = originals(make_generator("inade-encoder")), originals(make_generator("spade-vae"))
    mixed = {"generator": vae["generator"], "encoder": inade["encoder"]}
    with pytest.raises(CheckpointError, match="the encoder's file does not belong to SPADE: it holds"):
        read(mixed).infer_config(SIZE | {"has_edges": False})
    alone = read({"generator": vae["generator"]}).infer_config(asdict(CONFIGS["spade-vae"]))
    assert alone == replace(CONFIGS["spade-vae"], has_encoder=False)
    assert read(inade).infer_config(asdict(CONFIGS["inade-encoder"])).encoder_width == 2


def test_families_without_an_encoder_take_none() -> None:
    states = originals(make_generator("oasis")) | {"encoder": originals(make_generator("spade-vae"))["encoder"]}
    with pytest.raises(CheckpointError, match="OASIS has no encoder"):
        read(states).infer_config(asdict(CONFIGS["oasis"]))


def test_a_part_of_ipose_is_not_taken_for_oasis() -> None:
    state = originals(make_generator("oasis"))["generator"] | {"body.0.conv_p.bias": torch.zeros(16)}
    assert RELEASED["oasis"].recognise(state) is None


def test_files_that_are_no_generators() -> None:
    generator = make_generator("inade-encoder")
    states = originals(generator)
    for state, advice in (
        (
            {"discriminator_0.model0.0.weight": torch.zeros(1)},
            "it is a discriminator; pass the generator's file",
        ),
        ({"body_down.0.conv1.0.bias": torch.zeros(1)}, "it is a discriminator; pass the generator's file"),
        ({"enc1.0.0.weight_orig": torch.zeros(1)}, "it is a discriminator; pass the generator's file"),
        (states["encoder"], "it is an encoder"),
        (originals(make_generator("spade-vae"))["encoder"], "it is an encoder"),
        (generator.state_dict(), "its names are semsyn's"),
        ({"layer.weight": torch.zeros(1)}, "its first keys are layer.weight"),
    ):
        with pytest.raises(
            CheckpointError, match=f"x.pth holds no generator of clVAE, SPADE, CLADE, INADE.*: {advice}"
        ):
            read({"generator": state}, what="x.pth")


def test_a_generator_with_its_first_layers_torn_out() -> None:
    state = originals(make_generator("inade"))["generator"]
    del state["head_0.norm_0.weight"]
    with pytest.raises(CheckpointError, match="looks like INADE, but its first layers do not: 'head_0.norm_0.weight'"):
        read({"generator": state})


def test_strangers_among_the_keys_are_listed() -> None:
    state = originals(make_generator("clade"))["generator"] | {"up_9.conv_0.bias": torch.zeros(1)}
    with pytest.raises(CheckpointError, match="1 keys have no place in this network: up_9.conv_0.bias"):
        read({"generator": state}).convert(CONFIGS["clade"])


def test_inade_always_starts_from_a_code() -> None:
    state = originals(make_generator("inade"))["generator"]
    state["fc.weight"] = torch.zeros(16, 6, 3, 3)
    with pytest.raises(CheckpointError, match="start from a code, but fc.weight here is a convolution"):
        read({"generator": state})


def test_options_of_the_released_presets() -> None:
    base = {"ngf": 64, "label_nc": 182, "contain_dontcare_label": True, "crop_size": 256, "no_instance": False}
    assert spade.from_released_options(base) == SPADEConfig(num_classes=183, image_size=(256, 256), has_edges=True)
    city = base | {"label_nc": 35, "contain_dontcare_label": False, "crop_size": 512, "aspect_ratio": 2.0}
    city |= {"num_upsampling_layers": "more"}
    assert RELEASED["clade"].from_options(city | {"add_dist": True}) == CLADEConfig(
        num_classes=35, image_size=(256, 512), upsampling="more", has_edges=True, has_offsets=True
    )
    fashion = {"label_nc": 8, "crop_size": 256, "noise_nc": 8, "add_sketch": True, "norm_G": "spectralspadeinstance3x3"}
    assert RELEASED["inade"].from_options(fashion) == INADEConfig(
        num_classes=8, image_size=(256, 256), instance_code_dim=8, has_sketch=True, norm="instance"
    )
    oasis = RELEASED["oasis"].from_options
    assert oasis({"dataset_mode": "coco"}) == OASISConfig(num_classes=183, image_size=(256, 256))
    assert oasis({"dataset_mode": "cityscapes", "z_dim": 32, "channels_G": 8}) == OASISConfig(
        num_classes=35, image_size=(256, 512), code_dim=32, width=8
    )
    quiet = {"label_nc": 150, "contain_dontcare_label": True, "no_3dnoise": True, "no_spectral_norm": True}
    assert oasis(quiet | {"param_free_norm": "instance", "spade_ks": 5}) == OASISConfig(
        num_classes=151, image_size=(256, 256), code_dim=None, kernel_size=5, norm="instance", has_spectral_norm=False
    )
    with pytest.raises(CheckpointError, match="param_free_norm is 'group'; known are"):
        oasis(quiet | {"param_free_norm": "group"})
    with pytest.raises(KeyError, match="label_nc"):
        oasis({"dataset_mode": "mine"})
    vae = spade.from_released_options(base | {"use_vae": True, "norm_G": "spadebatch5x5", "no_instance": True})
    assert (vae.code_dim, vae.kernel_size, vae.norm, vae.has_spectral_norm) == (256, 5, "batch", False)
    for wrong in ({"num_upsampling_layers": "few"}, {"norm_G": "spadegroup3x3"}):
        with pytest.raises(CheckpointError, match="known are"):
            spade.from_released_options(base | wrong)
