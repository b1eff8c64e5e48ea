"""Critics on towers and augmented pictures, in steps of the smallest generators."""

from dataclasses import replace

import pytest
import torch

from semsyn.critics.augment import augment, augment_layout
from semsyn.critics.tower import TowerCritic
from semsyn.generator.synthesis import Synthesis
from semsyn.models import get_family
from semsyn.nn.towers.vgg16 import VGG16Features
from semsyn.records.layout import Layout
from semsyn.train.augmented import AUGMENTATION, AugmentedObjective
from semsyn.train.few_pictures import for_few_pictures
from semsyn.train.lessons import Lesson
from semsyn.train.setup import Setup
from semsyn.train.shot import Batch, Draws, Shot
from semsyn.train.step import Nets, train_step
from tests.models.small import SMALL

K, SIZE = 15, (128, 128)


@pytest.fixture(scope="module")
def tower():
    torch.manual_seed(0)
    return VGG16Features((2, 2, 3, 3, 4))


@pytest.fixture(scope="module")
def batch():
    rng = torch.Generator().manual_seed(0)
    ids = torch.randint(K, (2, 8, 8), generator=rng).repeat_interleave(16, 1).repeat_interleave(16, 2)
    layout = Layout(class_ids=ids, instance_ids=ids)
    return Batch(layout=layout, real=torch.rand(2, 3, *SIZE, generator=rng) * 2 - 1)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("semsyn.models.oasis.recipe.WIDTH", 2)


@pytest.fixture(params=["oasis", "clade"])
def recipe(request):
    return get_family(request.param).recipes["toyscenes"], SMALL[request.param]


def draw(objective, batch, rng):
    return objective.draw(batch.layout, rng) | objective.draw_each(len(batch.real), rng)


def test_a_step_trains_heads_and_generator_and_no_tower(recipe, tower, batch):
    recipe, config = recipe
    torch.manual_seed(0)
    generator, objective = config.build(), for_few_pictures(recipe, tower, width=2).objective(config)
    assert isinstance(objective.critic, TowerCritic)
    assert objective.critic.judges == ("classes" if config.family == "oasis" else "patches")
    networks = (generator, objective.critic)
    before = [{key: t.clone() for key, t in net.state_dict().items()} for net in networks]
    optimizers = tuple(torch.optim.Adam([p for p in net.parameters() if p.requires_grad]) for net in networks)
    rng = torch.Generator().manual_seed(1)
    draws = Draws(style=generator.sample_style(batch.layout, rng=rng), others=draw(objective, batch, rng))
    losses = train_step(Nets(generator, objective, optimizers), batch, draws)
    assert all(loss.isfinite() for loss in losses.values())
    for net, old in zip(networks, before, strict=True):
        changed = {key for key, t in net.state_dict().items() if not torch.equal(t, old[key])}
        assert changed and not any(key.startswith("tower.") for key in changed)


def test_without_a_tower_the_critic_is_the_recipes_own(recipe):
    recipe, config = recipe
    own = type(recipe.objective(config).critic)
    assert type(for_few_pictures(recipe).objective(config).critic) is own
    assert not isinstance(for_few_pictures(recipe, augments=False).objective(config), AugmentedObjective)


def test_perceptual_losses_go_along(recipe, tower):
    recipe, config = recipe
    for seen in (
        for_few_pictures(recipe, tower, width=2).looking_through({"vgg16": tower}),
        for_few_pictures(recipe.looking_through({"vgg16": tower}), tower, width=2),
    ):
        assert "perceptual" in seen.objective(config).terms


def shoot(batch, others, fake):
    return Shot(layout=batch.layout, real=batch.real, made=Synthesis(image=fake), paired=2, others=others)


def test_the_critic_sees_augmented_pictures_and_the_other_losses_plain_ones(recipe, batch):
    recipe, config = recipe
    torch.manual_seed(0)
    game = recipe.objective(config).eval()
    objective = AugmentedObjective(game)
    others = draw(objective, batch, torch.Generator().manual_seed(2))
    fake = batch.real.flip(0)
    shot = shoot(batch, others, fake)
    found = objective.generator_losses(shot) | objective.critic_losses(shot)
    drawn = others[AUGMENTATION]
    seen = replace(batch, layout=augment_layout(batch.layout, drawn, K), real=augment(batch.real, drawn))
    changed = shoot(seen, others, augment(fake, drawn))
    expected = game.adversarial_losses(changed) | game.critic_losses(changed)
    plain = {name: term(shoot(batch, others, fake)) for name, term in game.terms.items()}
    torch.testing.assert_close(found, expected | plain)
    assert set(objective.amounts(batch, Draws(style=None, others=others))) >= set(plain)


def test_a_picture_is_changed_alike_wherever_it_is_learnt_from(recipe, batch):
    recipe, config = recipe
    whole, halves = (
        replace(for_few_pictures(recipe), batch=2, load=None).begin(config, seed=3, setup=Setup(pieces=pieces))
        for pieces in (1, 2)
    )
    lessons = [
        Lesson([0, 1], [range(2)], [batch], torch.Generator().manual_seed(5)),
        Lesson([0, 1], [range(1), range(1, 2)], [batch[:1], batch[1:]], torch.Generator().manual_seed(5)),
    ]
    drawn = [run._draw(lesson)[1] for run, lesson in zip((whole, halves), lessons, strict=True)]
    expected, found = (torch.cat([draws.others[AUGMENTATION] for draws in pieces]) for pieces in drawn)
    torch.testing.assert_close(found, expected)
