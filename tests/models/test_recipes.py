"""The recipes of the bundled weights at their smallest: stopping changes nothing, everything learns, files load."""

import contextlib
import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from semsyn.cli.main import main
from semsyn.data.parts.choose_supports import choose_supports
from semsyn.data.parts.toy_parts import ToyShapes
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes.cache import load_scenes
from semsyn.errors import InputError
from semsyn.hub import load_pretrained
from semsyn.models import find_card, get_family
from semsyn.nn import PartNet
from semsyn.train.schedule import Cycles
from semsyn.train.training import Training
from tests.models.small import SMALL


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def scenes(cache):
    return load_scenes(cache, "train", 8)


@pytest.fixture(scope="module")
def supports():
    shapes = ToyShapes.draw(20)
    return choose_supports(shapes.part_ids, shapes.categories)


@pytest.fixture(scope="module")
def part_net(tmp_path_factory):
    """A file of PartNet's weights."""
    torch.manual_seed(1)
    config = SMALL["ipose"]
    network = PartNet(config.part_widths, num_parts=config.num_parts, num_layers=config.part_layers)
    path = tmp_path_factory.mktemp("parts") / "part_net.safetensors"
    save_file(network.state_dict(), path)
    return path


@pytest.fixture(autouse=True)
def small(supports, monkeypatch):
    """Narrow critics; support maps that are not drawn out of 200 scenes."""
    monkeypatch.setattr("semsyn.models.toyscenes.WIDTH", 2)
    monkeypatch.setattr("semsyn.models.oasis.recipe.WIDTH", 2)
    monkeypatch.setattr("semsyn.models.ipose.recipe.toy_supports", lambda count: supports)


def make_training(family, part_net):
    recipe = replace(get_family(family).recipes["toyscenes"], cycles=Cycles((3,)), batch=2)
    if recipe.drawn_from is not None:
        recipe = replace(recipe, drawn_from=1)
    training = recipe.begin(SMALL[family], seed=5)
    training.begin({"part_net": part_net})
    return training


def scenes_for(training: Training, scenes):
    return scenes.requiring(training.nets.generator.requires)


@pytest.mark.parametrize("family", SMALL)
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(family, scenes, part_net):
    through, first = (make_training(family, part_net) for _ in range(2))
    second = through.recipe.begin(SMALL[family], seed=5)  # iPOSE's PartNet is in the state
    pictures = scenes_for(through, scenes)
    for losses in through.learn_from(pictures):
        assert all(math.isfinite(loss) for loss in losses.values())
    next(first.learn_from(pictures))
    second.resume(first.state())
    for found in second.learn_from(pictures):
        assert found.keys() == losses.keys()
    assert second.step == through.step == 3
    found, wanted = second.state(), through.state()
    assert found.pop("given") == wanted.pop("given")
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)


@pytest.mark.parametrize("family", SMALL)
def test_every_weight_learns_in_both_networks(family, scenes, part_net):
    training = make_training(family, part_net)
    networks = (training.nets.generator, training.nets.objective.critic)
    learning = {k for net in networks for k, p in net.named_parameters() if p.requires_grad}
    before = {k: p.clone() for net in networks for k, p in net.named_parameters()}
    steps = training.learn_from(scenes_for(training, scenes))
    for _ in range(2):
        next(steps)
    after = {k: p for net in networks for k, p in net.named_parameters()}
    still = {k for k in after if torch.equal(before[k], after[k])}
    # Of the bias of the logits the hinge's two halves cancel exactly while no logit is past its margin.
    assert still & learning <= {f"scales.{s}.blocks.4.conv.bias" for s in (0, 1)}
    assert still >= after.keys() - learning
    assert any("part_net" in k for k in still) == (family == "ipose")


def test_finished_generator_has_the_statistics_of_its_own_weights(scenes, part_net):
    training = make_training("clade", part_net)
    for _ in training.learn_from(scenes):
        pass
    generator = training.finished(scenes)
    norm = generator.painter.stages[0].norm_0.norm
    seen = []
    hook = norm.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    layout, _ = scenes.batch(list(range(8)))
    generator(layout)
    hook.remove()
    torch.testing.assert_close(norm.running_mean, seen[0].mean((0, 2, 3)), atol=1e-4, rtol=1e-3)
    assert not generator.training


@pytest.mark.parametrize("family", SMALL)
def test_command_writes_a_file_that_loads(family, part_net, cache, tmp_path, monkeypatch, capsys):
    card = replace(find_card(f"{family}/toyscenes"), config=SMALL[family])
    monkeypatch.setattr("semsyn.cli.train.find_card", lambda name: card)
    out = tmp_path / "out"
    arguments = ["train", f"{family}/toyscenes", "--out", out, "--cache", cache, "--scenes", 20, "--steps", 1]
    arguments += ["--every", 1, *(["--part-net", part_net] if family == "ipose" else [])]
    assert main([*map(str, arguments)]) == 0
    generator = load_pretrained(out)
    assert generator.config == SMALL[family]
    assert generator.label_space == label_space("toyscenes")
    assert (out / "last.png").exists()
    assert "bytes" in capsys.readouterr().out
    assert main([*map(str, arguments)]) == 0, "nothing is left to do, and the state says so"


def test_parts_are_all_that_sets_ipose_apart():
    recipes = [vars(get_family(family).recipes["toyscenes"]) for family in ("oasis", "ipose")]
    oasis, ipose = ({k: v for k, v in r.items() if k not in ("needs", "start", "load")} for r in recipes)
    assert oasis == ipose
    oasis, ipose = (vars(find_card(f"{family}/toyscenes").config) for family in ("oasis", "ipose"))
    assert oasis.items() <= ipose.items()


def test_ipose_needs_a_part_net_at_first(cache, tmp_path, part_net):
    training = get_family("ipose").recipes["toyscenes"].begin(SMALL["ipose"], seed=0)
    with pytest.raises(InputError, match=r"starts with part_net \(file of a trained PartNet"):
        training.begin({})
    with contextlib.suppress(FileExistsError):
        (tmp_path / "none.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match="holds no PartNet for this generator"):
        training.begin({"part_net": tmp_path / "none.safetensors"})


def test_too_few_scenes_are_an_error(cache, tmp_path, capsys):
    arguments = ["train", "clade/toyscenes", "--out", tmp_path / "out", "--cache", cache, "--scenes", "2"]
    assert main([*map(str, arguments)]) == 2
    assert "a batch holds 4" in capsys.readouterr().err


def test_an_unknown_recipe_and_what_it_does_not_start_with(tmp_path, part_net, capsys):
    assert main(["train", "clade/toyscene", "--out", str(tmp_path)]) == 2
    assert "clade/toyscenes" in capsys.readouterr().err
    assert main(["train", "clade/toyscenes", "--out", str(tmp_path), "--part-net", str(part_net)]) == 2
    assert "does not start with part_net" in capsys.readouterr().err
