"""The training script at its smallest: it runs, its file loads, and stopping changes nothing."""

import sys
from dataclasses import replace

import pytest
import torch

from semsyn.data.parts.choose_supports import choose_supports
from semsyn.data.parts.toy_parts import ToyShapes
from semsyn.hub import find_card, load_pretrained
from semsyn.models import CLADEConfig, INADEConfig, IPOSEConfig, OASISConfig, SCGANConfig
from semsyn.nn import PartNet

SMALL = {
    "clade": CLADEConfig(num_classes=15, image_size=(128, 128), width=1),
    "inade": INADEConfig(
        num_classes=15, image_size=(128, 128), width=1, code_dim=4, instance_code_dim=2, has_encoder=True
    ),
    "oasis": OASISConfig(num_classes=15, image_size=(128, 128), width=1, hidden=2, code_dim=2),
    "ipose": IPOSEConfig(
        num_classes=15,
        image_size=(128, 128),
        width=1,
        hidden=2,
        code_dim=2,
        convention="toyscenes",
        part_channels=3,
        part_widths=(2, 2, 2, 2),
        part_layers=1,
        num_parts=6,
        num_supported=5,
    ),
    "scgan": SCGANConfig(
        num_classes=15,
        image_size=(128, 128),
        width=1,
        stem_width=1,
        routing_width=3,
        hidden=2,
        code_dim=4,
        has_encoder=True,
    ),
}


@pytest.fixture(scope="module")
def script(example):
    return example("train_toyscenes")


@pytest.fixture(scope="module")
def scenes(script, tmp_path_factory):
    return script.load_scenes(tmp_path_factory.mktemp("cache"), "train", 8)


@pytest.fixture(scope="module")
def supports():
    shapes = ToyShapes.draw(20)
    return choose_supports(shapes.part_ids, shapes.categories)


def make_part_net():
    config = SMALL["ipose"]
    return PartNet(config.part_widths, num_parts=config.num_parts, num_layers=config.part_layers)


@pytest.fixture
def start(script, scenes, supports):
    """A training of a family, and the scenes as it reads them."""
    torch.manual_seed(1)
    weights = make_part_net().state_dict()

    def begin(family):
        recipe = replace(script.RECIPES[family], cycles=(3,), batch=2, discriminator_width=2, mood=None)
        if family in ("inade", "scgan"):
            recipe = replace(recipe, drawn_from=1)
        training = recipe.start(SMALL[family], seed=5)
        if family == "ipose":
            training.take_part_net(weights, supports)
        return training, scenes.requiring(training.generator.requires)

    return begin


@pytest.mark.parametrize("family", SMALL)
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(script, start, family):
    (through, scenes), (first, _) = (start(family) for _ in range(2))
    second = replace(through.recipe).start(SMALL[family], seed=5)  # iPOSE's PartNet is in the state
    for batch in through.batches(scenes):
        losses = through.advance(*batch)
    first.advance(*next(first.batches(scenes)))
    second.resume(first.state())
    for batch in second.batches(scenes):
        assert second.advance(*batch).keys() == losses.keys()
    assert second.step == through.step == 3
    for name, wanted in through.state().items():
        torch.testing.assert_close(second.state()[name], wanted, rtol=0, atol=0)


@pytest.mark.parametrize("family", SMALL)
def test_every_weight_learns_in_both_networks(start, family):
    training, scenes = start(family)
    networks = (training.generator, training.discriminator)
    learning = {k for net in networks for k, p in net.named_parameters() if p.requires_grad}
    before = {k: p.clone() for net in networks for k, p in net.named_parameters()}
    batches = training.batches(scenes)
    for _ in range(2):
        training.advance(*next(batches))
    after = {k: p for net in networks for k, p in net.named_parameters()}
    still = {k for k in after if torch.equal(before[k], after[k])}
    # Of the bias of the logits the hinge's two halves cancel exactly while no logit is past its margin.
    assert still & learning <= {f"scales.{s}.blocks.4.conv.bias" for s in (0, 1)}
    assert still >= after.keys() - learning
    assert any("part_net" in k for k in still) == (family == "ipose")


def test_finished_generator_has_the_statistics_of_its_own_weights(start):
    training, scenes = start("clade")
    for batch in training.batches(scenes):
        training.advance(*batch)
    generator = training.finished(scenes)
    norm = generator.stages[0].norm_0.norm
    seen = []
    hook = norm.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    layout, _ = scenes.batch(list(range(8)))
    generator(layout)
    hook.remove()
    torch.testing.assert_close(norm.running_mean, seen[0].mean((0, 2, 3)), atol=1e-4, rtol=1e-3)
    assert not generator.training


@pytest.mark.parametrize("family", SMALL)
def test_command_writes_a_file_that_loads(script, family, supports, tmp_path, monkeypatch, capsys):
    card = replace(script.card_of(family), config=SMALL[family])
    monkeypatch.setattr(script, "card_of", lambda name: card)
    monkeypatch.setattr(script, "toy_supports", lambda count: supports)  # drawn out of 200 scenes
    torch.save(make_part_net().state_dict(), tmp_path / "part_net.pt")
    arguments = [family, "--out", tmp_path / "out", "--cache", tmp_path / "cache", "--scenes", "20", "--steps", "1"]
    arguments += ["--part-net", tmp_path / "part_net.pt", "--every", "1", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["train_toyscenes.py", *map(str, arguments)])
    script.main()
    generator = load_pretrained(tmp_path / "out" / f"{family}-toyscenes.safetensors")
    assert generator.config == SMALL[family]
    assert generator.label_space == script.SPACE
    assert (tmp_path / "out" / "sheet.png").exists()
    assert "bytes" in capsys.readouterr().out
    script.main()  # nothing is left to do, and the state says so


def test_parts_are_all_that_sets_ipose_apart(script):
    assert script.RECIPES["ipose"] == script.RECIPES["oasis"]
    oasis, ipose = (vars(script.card_of(family).config) for family in ("oasis", "ipose"))
    assert oasis.items() <= ipose.items()


def test_objects_are_those_of_the_mirrored_scene(scenes):
    (plain, _), (mirrored, _) = (scenes.requiring(("objects",)).batch([0, 1, 2], [flip] * 3) for flip in (False, True))
    assert len(plain.objects) == len(mirrored.objects) > 0
    for layout in (plain, mirrored):
        inside = layout.objects.crop(layout.instance_ids + 1) > 0
        assert bool((inside == layout.objects.silhouettes).all())


def test_ipose_needs_a_part_net_at_first(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(script, "card_of", lambda name: replace(find_card("ipose/toyscenes"), config=SMALL["ipose"]))
    arguments = ["ipose", "--out", tmp_path / "out", "--cache", tmp_path / "cache", "--scenes", "20"]
    monkeypatch.setattr(sys, "argv", ["train_toyscenes.py", *map(str, arguments)])
    with pytest.raises(SystemExit, match="2"):
        script.main()
    assert "--part-net" in capsys.readouterr().err


def test_too_few_scenes_are_an_error(script, tmp_path, monkeypatch, capsys):
    arguments = ["clade", "--out", tmp_path / "out", "--cache", tmp_path / "cache", "--scenes", "2"]
    monkeypatch.setattr(sys, "argv", ["train_toyscenes.py", *map(str, arguments)])
    with pytest.raises(SystemExit, match="2"):
        script.main()
    assert "too few for a batch" in capsys.readouterr().err


def test_rates_fall_to_nothing_in_every_cycle(script) -> None:
    recipe = replace(script.RECIPES["clade"], cycles=(10, 20), decay_from=0.5)
    factors = [recipe.rate_factor(step) for step in range(recipe.steps)]
    assert factors[:6] == [1.0] * 6 and factors[9] == 0.2
    assert factors[10:21] == [1.0] * 11 and factors[29] == 0.1
