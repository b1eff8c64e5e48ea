"""The training script at its smallest: it runs, its file loads, and stopping changes nothing."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from semsyn.hub import find_card, load_pretrained
from semsyn.models import CLADEConfig, INADEConfig

EXAMPLES = Path(__file__).parents[2] / "examples"

SMALL = {
    "clade": CLADEConfig(num_classes=15, image_size=(128, 128), width=1),
    "inade": INADEConfig(
        num_classes=15, image_size=(128, 128), width=1, code_dim=4, instance_code_dim=2, has_encoder=True
    ),
}


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(EXAMPLES))
    try:
        import train_toyscenes

        yield train_toyscenes
    finally:
        sys.path.remove(str(EXAMPLES))


@pytest.fixture(scope="module")
def scenes(script, tmp_path_factory):
    return script.load_scenes(tmp_path_factory.mktemp("cache"), "train", 8)


def make_training(script, family):
    recipe = replace(script.RECIPES[family], cycles=(3,), batch=2, discriminator_width=2, drawn_from=1)
    return script.Training(SMALL[family], recipe, seed=5)


@pytest.mark.parametrize("family", SMALL)
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(script, scenes, family):
    through, first, second = (make_training(script, family) for _ in range(3))
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
def test_every_weight_learns_in_both_networks(script, scenes, family):
    training = make_training(script, family)
    before = {k: p.clone() for net in (training.generator, training.discriminator) for k, p in net.named_parameters()}
    training.advance(*next(training.batches(scenes)))
    after = {k: p for net in (training.generator, training.discriminator) for k, p in net.named_parameters()}
    still = {k for k in after if torch.equal(before[k], after[k])}
    # Of the bias of the logits the hinge's two halves cancel exactly while no logit is past its margin.
    assert still <= {f"scales.{s}.blocks.4.conv.bias" for s in (0, 1)}


def test_finished_generator_has_the_statistics_of_its_own_weights(script, scenes):
    training = make_training(script, "clade")
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
def test_command_writes_a_file_that_loads(script, family, tmp_path, monkeypatch, capsys):
    card = replace(find_card(f"{family}/toyscenes"), config=SMALL[family])
    monkeypatch.setattr(script, "find_card", lambda name: card)
    arguments = [family, "--out", tmp_path / "out", "--cache", tmp_path / "cache", "--scenes", "20", "--steps", "1"]
    monkeypatch.setattr(sys, "argv", ["train_toyscenes.py", *map(str, arguments), "--every", "1", "--threads", "1"])
    script.main()
    generator = load_pretrained(tmp_path / "out" / f"{family}-toyscenes.safetensors")
    assert generator.config == SMALL[family]
    assert generator.label_space == script.SPACE
    assert (tmp_path / "out" / "sheet.png").exists()
    assert "bytes" in capsys.readouterr().out


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
