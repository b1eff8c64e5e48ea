import re

import pytest
import torch

from semsyn.convert.keymap import KeyMap
from semsyn.critics.patch import MultiscaleDiscriminator
from semsyn.critics.unet import SegmentationDiscriminator
from semsyn.errors import CheckpointError
from semsyn.generator.assemble import check_state
from semsyn.models.oasis import released as oasis
from semsyn.models.pyramid.released import PATCHGAN
from tests.models.cases import CONFIGS, make_generator
from tests.models.originals import RELEASED

TABLE = KeyMap(
    words={"block": {"head": "0", "up_1": "2", "up_10": "11"}, "p": {"weight": "w", "bias": "b"}},
    rename={
        "{block}.conv_{i}.{p}": "stages.{block}.{i}.{p}",
        "same.{x}.{x}": "twins.{x}",
        "a.b{i}+": "list.{i}",
    },
    dropped=("{block}.noise.{anything}",),
    added=("maps.{anything}",),
)


def test_words_are_translated_and_other_names_copied() -> None:
    keys = ["head.conv_0.weight", "up_10.conv_s.bias", "up_1.conv_3.bias", "same.q.q", "a.b7+"]
    assert TABLE.rename_keys(keys) == {
        "head.conv_0.weight": "stages.0.0.w",
        "up_10.conv_s.bias": "stages.11.s.b",
        "up_1.conv_3.bias": "stages.2.3.b",
        "same.q.q": "twins.q",
        "a.b7+": "list.7",
    }


def test_what_has_no_counterpart_is_left_out_on_its_side() -> None:
    assert TABLE.rename_keys(["head.noise.x", "a.b7+"]) == {"a.b7+": "list.7"}
    assert TABLE.rename_keys(["maps.x", "list.7"], backward=True) == {"list.7": "a.b7+"}
    with pytest.raises(CheckpointError, match="1 keys have no place"):
        TABLE.rename_keys(["maps.x"])


def test_it_runs_backwards() -> None:
    keys = ["head.conv_0.weight", "up_10.conv_s.bias", "same.q.q", "a.b7+"]
    ours = TABLE.rename_keys(keys)
    assert TABLE.rename_keys(ours.values(), backward=True) == {v: k for k, v in ours.items()}


@pytest.mark.parametrize(
    "key",
    [
        "tail.conv_0.weight",
        "head.conv_0.gain",
        "head.conv_0.x.weight",
        "xhead.conv_0.weight",
        "same.q.r",
        "aXb7+",
        "a.b7",
        "",
    ],
)
def test_a_key_that_no_rule_takes_is_an_error(key: str) -> None:
    with pytest.raises(CheckpointError, match=rf"1 keys have no place in this network: {re.escape(key)}\."):
        TABLE.rename_keys(["head.conv_0.weight", key])


def test_many_strangers_are_counted_and_some_shown() -> None:
    with pytest.raises(CheckpointError, match="7 keys have no place in this network: k0, k1, k2, k3 and 3 more"):
        TABLE.rename_keys([f"k{i}" for i in range(7)])


def test_what_is_dropped_is_dropped_one_way_only() -> None:
    assert TABLE.rename_keys(["head.noise.scale"]) == {}
    with pytest.raises(CheckpointError):
        TABLE.rename_keys(["tail.noise.scale"])
    with pytest.raises(CheckpointError):
        TABLE.rename_keys(["head.noise.scale"], backward=True)


def test_two_keys_that_become_one() -> None:
    table = KeyMap(rename={"a.{x}": "c.{x}", "b.{x}": "c.{x}"})
    with pytest.raises(CheckpointError, match="several keys become one: c.q"):
        table.rename_keys(["a.q", "b.q", "b.r"])


@pytest.mark.parametrize("case", CONFIGS)
def test_every_generator_goes_to_original_names_and_back(case: str) -> None:
    generator = make_generator(case)
    released = RELEASED[generator.config.family]
    keymap = released.keymap(generator.config)
    state = {k: t for k, t in generator.state_dict().items() if not k.startswith("encoder.")}
    state = {k: t for k, t in state.items() if ".supports." not in k}  # no file holds support maps
    original = keymap.invert(state)
    own = {"conditioner.scene.supports.part_ids", "conditioner.scene.supports.categories"}  # not of the released file
    state = {k: t for k, t in state.items() if k not in own}
    first_and_last = {"sims": {"g_encoder_conv1/g_encoder_conv1_1/weights", "g_256_conv100/biases"}}
    assert len(original) == len(state)
    assert first_and_last.get(generator.config.family, {"fc.weight", "conv_img.bias"}) <= set(original)
    again = keymap.convert(original)
    assert set(again) == set(state) and all(torch.equal(again[key], state[key]) for key in state)
    if generator.encoder is not None and released.encoder is not None:
        names = generator.encoder.state_dict()
        assert released.encoder.convert(released.encoder.invert(names)).keys() == names.keys()
        of_family = {"inade": 24, "clvae": 22 + 2 * 2 * 5}  # of classes, two heads at each of five levels
        assert len(names) == of_family.get(generator.config.family, 22)


def test_rolled_channels_change_places_both_ways() -> None:
    table = KeyMap(rename={"a.{p}": "b.{p}"}, rolled={"a.weight": 2})
    weight, bias = torch.arange(10.0).view(2, 5), torch.arange(5.0)
    converted = table.convert({"a.weight": weight, "a.bias": bias})
    assert torch.equal(converted["b.weight"], weight[:, [2, 3, 4, 0, 1]])
    assert converted["b.bias"] is bias
    assert torch.equal(table.invert(converted)["a.weight"], weight)


def test_the_segmentation_discriminator_goes_to_original_names_and_back() -> None:
    for options in ({}, {"has_global_head": True, "has_spectral_norm": False}):
        state = SegmentationDiscriminator(4, widths=(2, 2, 3, 3, 4), last_width=2, **options).state_dict()
        original = oasis.DISCRIMINATOR.invert(state)
        assert {"body_down.0.conv1.0.bias", "body_down.1.conv1.1.bias", "body_up.0.conv1.2.bias"} <= set(original)
        assert "layer_up_last.weight" in original and ("conv_g.weight" in original) == bool(options)
        assert oasis.DISCRIMINATOR.convert(original).keys() == state.keys()


def test_the_discriminator_goes_to_original_names_and_back() -> None:
    state = MultiscaleDiscriminator(6, width=2).state_dict()
    original = PATCHGAN.invert(state)
    assert PATCHGAN.convert(original).keys() == state.keys() and len(original) == 26


def test_a_state_must_fill_its_network_exactly() -> None:
    expected = {"a": torch.zeros(2), "b": torch.zeros(3, 4)}
    check_state({"a": torch.ones(2), "b": torch.ones(3, 4)}, expected, what="x")
    with pytest.raises(CheckpointError) as caught:
        check_state({"b": torch.ones(4, 3), "c": torch.ones(1)}, expected, what="CLADE, 5 classes")
    assert str(caught.value) == (
        "the checkpoint does not fit CLADE, 5 classes: 1 weights are missing (a); 1 weights have no place (c); "
        "1 shapes differ (b: (4, 3), needed (3, 4))."
    )


def test_axes_in_another_order_go_both_ways() -> None:
    keymap = KeyMap(
        rename={"{name}/weights": "{name}.weight", "{name}/biases": "{name}.bias"},
        permuted={"{name}/weights": (3, 2, 0, 1)},
    )
    state = {"a/weights": torch.arange(360.0).view(3, 4, 5, 6), "a/biases": torch.arange(6.0)}
    converted = keymap.convert(state)
    assert converted["a.weight"].shape == (6, 5, 3, 4) and converted["a.weight"].is_contiguous()
    assert converted["a.weight"][5, 4, 2, 1] == state["a/weights"][2, 1, 4, 5]
    assert all(torch.equal(keymap.invert(converted)[key], tensor) for key, tensor in state.items())
    with pytest.raises(CheckpointError, match="4 axes were expected"):
        keymap.convert({"a/weights": torch.zeros(3)})
