"""From a layout and a bank to a picture."""

import copy
import pickle
from dataclasses import replace

import pytest
import torch

from semsyn.data.bank.build import build_bank
from semsyn.data.bank.groups import class_groups
from semsyn.data.bank.manifest import BankConfig
from semsyn.data.bank.scenes import ToyBankScenes
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError, InputTypeError
from semsyn.exporter import describe_inputs, export
from semsyn.generator.generator import Generator
from semsyn.hub.load import load_pretrained
from semsyn.hub.save import save_pretrained
from semsyn.models import get_family
from semsyn.models.sims.config import SIMSConfig
from semsyn.models.sims.released import generator_keymap
from semsyn.nn.compose.order import keep_overlapping
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from tests.models.sims.conftest import CONFIG, SIZE


def paint(generator, layout, seeds=(1, 2, 3)):
    with torch.no_grad():
        return generator.synthesize(layout, generator.sample_style(layout, seeds=list(seeds)[: len(layout)]))


def test_maps_become_pictures_and_the_way_there_can_be_looked_at(generator, layout, bank):
    made = paint(generator, layout)
    assert made.image.shape == (3, 3, *SIZE) and made.image.abs().max() <= 1 and made.image.std() > 0
    assert made["canvas"].shape == (3, 3, *SIZE) and made["canvas"].min() >= 0 and made["canvas"].max() <= 1
    assert made["layout"].shape == (3, *SIZE) and made["logits"].shape == (3, 16, *SIZE)
    assert len(made["segments"]) == len(made["order"]) == len(made["warps"]) == 3
    for proposals, verdicts, warps in zip(made["segments"], made["order"], made["warps"], strict=True):
        assert len(warps) == len(proposals) and verdicts.pairs.shape[1] == 2
        assert torch.equal(warps, warps.round()), "whole steps"
        assert bool(proposals.is_found.any()) and int(proposals.images.max()) < bank.num_images
    assert set(generator.finds) < {*made.extras, "logits"}


def test_a_picture_does_not_depend_on_its_batch(generator, layout):
    together = paint(generator, layout)
    for i in range(3):
        alone = paint(generator, layout[i : i + 1], [1 + i])
        torch.testing.assert_close(alone["canvas"][0], together["canvas"][i])
        torch.testing.assert_close(alone.image[0], together.image[i], atol=1e-4, rtol=1e-3)


def test_prepared_once_it_is_drawn_many_times(generator, layout):
    style = generator.sample_style(layout, seeds=[1, 2, 3])
    with torch.no_grad():
        prepared = generator.prepare(layout)
        assert torch.equal(generator.run(prepared, style), generator(layout, style))
        other = generator.run(prepared, generator.sample_style(layout, seeds=[4, 5, 6]))
    assert not torch.equal(other, generator(layout, style))


def test_samples_of_a_scene_share_a_search(generator, layout, monkeypatch):
    searched = []
    retrieve = SegmentBank.retrieve
    monkeypatch.setattr(SegmentBank, "retrieve", lambda *args, **kw: searched.append(1) or retrieve(*args, **kw))
    twice = generator.conditioner.prepare(layout.repeat(2), (SIZE,)).extras["searches"]
    assert len(searched) == 3 and len(twice) == 6
    alone = generator.conditioner.prepare(layout[1:2], (SIZE,)).extras["searches"][0]
    for search in twice[2:4]:  # a scene's samples follow one another
        assert torch.equal(search.class_ids, alone.class_ids)
        assert torch.equal(search.matches.images, alone.matches.images)
    assert generator.conditioner.prepare(layout[:0], (SIZE,)).extras["searches"] == ()


def test_both_codes_matter(generator, layout):
    style, other = (generator.sample_style(layout, seeds=seeds) for seeds in ([1, 2, 3], [7, 8, 9]))
    assert {spec.name: spec.law for spec in generator.codes} == {"picks": "uniform", "elision": "uniform"}
    canvas = paint(generator, layout)["canvas"]
    for name in style:
        changed = generator.synthesize(layout, Style({**style, name: other[name]}))["canvas"]
        assert not torch.equal(changed, canvas), name


def test_truncation_takes_the_best_segments_and_leaves_out_as_many_pixels(generator, layout):
    best = generator.sample_style(layout, seeds=[1, 2, 3], truncation=0)
    assert not best["picks"].table.any() and best["elision"].table.std() > 0.2
    found = generator.synthesize(layout, best)["segments"]
    one = replace(CONFIG, candidates=1).build().eval().attach("bank", generator.conditioner.bank)
    assert [spec.name for spec in one.codes] == ["elision"]
    wanted = one.synthesize(layout, one.sample_style(layout, seeds=[1, 2, 3]))["segments"]
    for a, b in zip(found, wanted, strict=True):
        assert torch.equal(a.segments, b.segments)


def test_a_pick_is_that_of_its_region(generator, layout):
    style = generator.sample_style(layout, seeds=[1, 2, 3])
    again = generator.sample_style(layout[1:2], seeds=[2])
    rows = again["picks"].table.shape[1]
    assert torch.equal(style["picks"].table[1, :rows], again["picks"].table[0])
    other = style.mix(generator.sample_style(layout, seeds=[7, 8, 9]), classes=[0], layout=layout)
    dense, before = other["picks"].dense(), style["picks"].dense()
    sky = layout.class_ids == 0
    assert not torch.equal(dense[sky], before[sky]) and torch.equal(dense[~sky], before[~sky])


@pytest.mark.parametrize("order", ["intended", "released", "graph", "coarse"])
def test_orders(generator, layout, order, bank):
    config = replace(CONFIG, order=order)
    other = config.build().eval()
    other.load_state_dict(generator.state_dict())
    made = paint(other.attach("bank", bank), layout)
    pairs = [len(verdicts.pairs) for verdicts in made["order"]]
    if order == "coarse":
        assert not any(pairs)
    else:
        assert any(pairs)
    if order == "intended":  # nothing else is ever asked for
        for proposals, verdicts in zip(made["segments"], made["order"], strict=True):
            assert len(keep_overlapping(verdicts.pairs, proposals.pictures)) == len(verdicts.pairs)


def test_without_the_two_networks_segments_stay_in_the_order_of_their_classes(layout, bank):
    bare = replace(CONFIG, transform_width=None, order_width=None).build().eval().attach("bank", bank)
    assert bare.conditioner.transform_net is bare.conditioner.order_net is None
    made = paint(bare, layout)
    for proposals, warps in zip(made["segments"], made["warps"], strict=True):
        ranks = torch.tensor(bank.groups.ranks)[proposals.class_ids]
        assert torch.equal(ranks, ranks.sort().values)
        assert torch.equal(warps, torch.eye(2, 3).expand_as(warps))


def test_a_canvas_of_ones_own_needs_no_bank(generator, layout):
    made = paint(generator, layout)
    canvas = made["canvas"]
    planes = torch.cat([canvas, (canvas.sum(1, keepdim=True) > 0).float()], dim=1)
    own = Layout(class_ids=made["layout"], planes=planes)
    alone = CONFIG.build().eval()
    alone.load_state_dict(generator.state_dict())
    torch.testing.assert_close(paint(alone, own).image, made.image)


def test_without_a_bank_it_says_what_to_do(layout):
    generator = CONFIG.build()
    assert generator.lacks() == ("bank",)
    with pytest.raises(InputError, match=r'attach\("bank", FOLDER\)'):
        generator(layout)


def test_banks_that_do_not_fit_are_refused(generator, bank, tmp_path):
    with pytest.raises(InputError, match="15 classes"):
        replace(CONFIG, num_classes=5).build().attach("bank", bank)
    with pytest.raises(InputError, match="photographs are 64 x 64"):
        replace(CONFIG, image_size=(64, 128)).build().attach("bank", bank)
    with pytest.raises(InputTypeError, match="SegmentBank"):
        generator.attach("bank", 3)
    with pytest.raises(InputError, match="bank"):
        generator.attach("bank", tmp_path / "none")
    with pytest.raises(InputError, match=r"takes no 'supports'.*bank"):
        generator.attach("supports", bank)
    generator.label_space = replace(bank.space, classes=tuple(reversed(bank.space.classes)))
    with pytest.raises(InputError, match="in another order"):
        generator.attach("bank", bank)
    with pytest.raises(InputError, match="pictures are, too, not 128 x 128"):
        generator(Layout(class_ids=torch.zeros(1, 64, 64, dtype=torch.int64)), size=128)


def test_classes_that_the_bank_lacks_are_told_and_painted(generator, tmp_path):
    space = label_space("toyscenes")
    config = BankConfig(space=space, groups=class_groups(space), size=SIZE, smallest=0.004)
    few = build_bank(tmp_path / "few", ToyBankScenes(1), config, workers=0)
    generator.attach("bank", few)
    missing = next(c for c, count in enumerate(few.class_counts) if not count)
    ids = torch.full((1, *SIZE), missing)
    with pytest.warns(UserWarning, match=f"no segments of {space.classes[missing]}"):
        made = paint(generator, Layout(class_ids=ids))
    assert not made["canvas"].any() and torch.equal(made["layout"], ids) and made.image.isfinite().all()


@pytest.mark.parametrize("value", [15, 0])
def test_maps_of_one_thing_or_of_nothing(generator, value):
    made = paint(generator, Layout(class_ids=torch.full((1, 30, 50), value)))
    assert made.image.isfinite().all()
    assert bool(made["canvas"].any()) == (value == 0)


def test_its_bank_is_no_part_of_what_is_saved(generator, layout, tmp_path):
    path = save_pretrained(generator, tmp_path / "sims.safetensors", name="sims/mine")
    again = load_pretrained(path)
    assert again.lacks() == ("bank",)
    again = load_pretrained(path, bank=generator.conditioner.bank.folder)
    assert torch.equal(paint(again, layout).image, paint(generator, layout).image)


@pytest.mark.parametrize("change", [copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g)), Generator.fuse])
def test_copies_paint_the_same(generator, layout, change):
    other = change(generator)
    torch.testing.assert_close(paint(other, layout).image, paint(generator, layout).image, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions(generator, layout, dtype):
    wanted = paint(generator, layout).image
    found = paint(generator.to(dtype), layout).image
    assert found.dtype == dtype and (found.float() - wanted).abs().mean() < 0.2


def test_only_the_painter_is_trained_with_pictures(generator, layout):
    generator.train()
    made = generator.synthesize(layout, generator.sample_style(layout, seeds=[1, 2, 3]))
    (made.image.sum() + made["logits"].square().sum()).backward()
    for name, parameter in generator.named_parameters():
        assert parameter.requires_grad == name.startswith("painter."), name
        if parameter.requires_grad and parameter.ndim > 1:
            assert parameter.grad is not None and parameter.grad.any(), name


def test_in_training_what_is_overdrawn_is_kept(generator, layout):
    torch.nn.init.constant_(generator.painter.net.to_image.bias, 9.0)
    assert paint(generator, layout).image.max() <= 1
    assert paint(generator.train(), layout).image.max() > 1


@pytest.mark.slow
def test_the_painter_compiles_and_takes_a_canvas(generator, layout):
    made = paint(generator, layout)
    planes = torch.cat([made["canvas"], torch.ones(3, 1, *SIZE)], dim=1)
    own = Layout(class_ids=made["layout"], planes=planes)
    prepared, style = generator.prepare(own), generator.sample_style(own, seeds=[1, 2, 3])
    torch._dynamo.reset()
    with torch.no_grad():
        picture = torch.compile(generator.run, backend="aot_eager", fullgraph=True)(prepared, style)
        torch.testing.assert_close(picture, generator.run(prepared, style), rtol=1e-3, atol=1e-4)


def test_an_exported_graph_takes_a_canvas(generator):
    assert describe_inputs(generator) == {"class_ids": "n h w", "planes": "n 4 h w"}


@pytest.mark.slow
def test_export(generator, layout, tmp_path):
    path = export(generator, tmp_path / "sims.pt2")
    graph = torch.export.load(path).module()
    size = (128, 192)
    ids, planes = torch.randint(0, 16, (2, *size)), torch.rand(2, 4, *size)
    own = Layout(class_ids=ids, planes=planes)
    with torch.no_grad():
        wanted = generator(own, generator.sample_style(own, seeds=[1, 2]), size=size)
        torch.testing.assert_close(graph(class_ids=ids, planes=planes), wanted, atol=1e-4, rtol=1e-3)


def test_configs_that_cannot_be_are_refused():
    for changes, message in (
        ({"image_size": (96, 128)}, "multiples of 64"),
        ({"scale": 3}, "one of 1, 2, 4"),
        ({"scale": 2}, "multiples of 128"),
        ({"order": "random"}, "one of 'intended'"),
        ({"candidates": 0}, "at least 1"),
        ({"transform_width": 0}, "at least 1"),
        ({"elided": 1.5}, "a share"),
    ):
        with pytest.raises(InputError, match=message):
            replace(CONFIG, **changes).build()
    assert SIMSConfig.from_dict(CONFIG.to_dict()) == CONFIG
    assert "moves segments, orders segments" in CONFIG.describe()


def test_the_bank_opens_by_its_path(layout, bank):
    torch.manual_seed(0)
    generator = CONFIG.build().eval().attach("bank", bank.folder)
    assert isinstance(generator.conditioner.bank, SegmentBank) and not generator.lacks()
    assert generator.config == CONFIG


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_key_maps_run_both_ways(scale):
    side = 64 * scale
    config = replace(CONFIG, scale=scale, image_size=(side, side), width=2)
    torch.manual_seed(0)
    generator = config.build()
    state, keymap = generator.state_dict(), generator_keymap(config)
    original = keymap.invert(state)
    assert {"g_transfrom_conv2/g_transfrom_conv2_1/weights", "g_b_fc1"} <= original.keys()
    assert original["g_encoder_conv1/g_encoder_conv1_1/weights"].shape == (3, 3, 20, 2)
    again = keymap.convert(original)
    assert again.keys() == state.keys() and all(torch.equal(again[key], state[key]) for key in state)
    facts = get_family("sims").released.recognise(original)
    assert facts == {"num_classes": 15, "width": 2, "scale": scale, "transform_width": 1, "order_width": 1}
