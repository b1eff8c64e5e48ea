"""The one step: whose weights it moves, which pictures the critic sees, what the losses are."""

from dataclasses import replace

import pytest
import torch

from semsyn.critics import MultiscaleDiscriminator, SegmentationDiscriminator
from semsyn.errors import InputError
from semsyn.losses import discriminator_loss, feature_matching, generator_loss, kl_divergence
from semsyn.train import Batch, Draws, Nets, PatchObjective, SegmentationObjective, train_step
from semsyn.train.terms import Blocks, Divergence, InstanceColors
from tests.models.cases import make_generator, make_layout

SMALL = {"widths": (2, 2, 3), "last_width": 2}


def make(family="inade", *, terms=None, **options):
    generator = make_generator(family).train()
    layout = make_layout(generator, size=generator.image_size)
    classes = generator.config.num_classes
    if family == "oasis":
        objective = SegmentationObjective(SegmentationDiscriminator(classes, **SMALL), void=None, terms=terms)
    else:
        objective = PatchObjective(MultiscaleDiscriminator(classes, width=2), terms=terms, **options)
    optimizers = tuple(torch.optim.SGD(net.parameters(), 1e-2) for net in (generator, objective.critic))
    real = torch.rand(len(layout), 3, *layout.size) * 2 - 1
    return Nets(generator, objective.train(), optimizers), Batch(layout=layout, real=real)


def draw(nets, batch, *, is_shared=False, **options):
    rng = torch.Generator().manual_seed(0)
    styles = [nets.generator.sample_style(batch.layout, rng=rng) for _ in range(2)]
    others = nets.objective.draw(batch.layout, rng)
    return Draws(style=styles[0], critic_style=None if is_shared else styles[1], others=others, **options)


def moved(network, before):
    return {name for name, p in network.named_parameters() if not torch.equal(p, before[name])}


def weights(network):
    return {name: p.clone() for name, p in network.named_parameters()}


@pytest.mark.parametrize("family", ["inade", "oasis"])
@pytest.mark.parametrize("is_shared", [False, True])
def test_both_networks_move_and_no_gradient_strays(family, is_shared):
    nets, batch = make(family)
    painted = []
    nets.paint = lambda *given: painted.append(given) or nets.generator.synthesize(*given)
    critic = nets.objective.critic
    before = weights(nets.generator), weights(critic)
    losses = train_step(nets, batch, draw(nets, batch, is_shared=is_shared))
    assert len(painted) == (1 if is_shared else 2)
    assert moved(nets.generator, before[0]) and moved(critic, before[1])
    assert not any(loss.requires_grad for loss in losses.values())
    # The critic's gradients are those of its own losses, after the generator's moved: they are found again from them.
    rates = {id(p): p.grad for p in critic.parameters()}
    for name, p in critic.named_parameters():
        torch.testing.assert_close(p, before[1][name] - 1e-2 * rates[id(p)])


def test_the_shared_picture_gives_the_critic_the_same_gradients_as_one_that_is_made_again():
    """Where the generator does not move in between, and neither batch statistics nor spectral norms do."""
    grads = []
    for is_shared in (True, False):
        torch.manual_seed(0)
        nets, batch = make("clade")
        nets.generator.eval()
        nets.objective.eval()
        nets.optimizers[0].param_groups[0]["lr"] = 0.0
        draws = draw(nets, batch, is_shared=is_shared)
        train_step(nets, batch, draws if is_shared else replace(draws, critic_style=draws.style))
        grads.append([p.grad for p in nets.objective.critic.parameters()])
    torch.testing.assert_close(grads[0], grads[1])


def test_losses_are_weighted_and_named():
    terms = {"blocks": Blocks(5.0), "colors": InstanceColors(2.0), "kl": Divergence(0.1, is_per_picture=True)}
    nets, batch = make("inade-encoder", terms=terms, features=3.0, first_map=1)
    nets.generator.eval()
    nets.objective.eval()
    draws = draw(nets, batch, is_shared=True)
    posterior = nets.generator.encode(batch.real, batch.layout)
    fake = nets.generator(batch.layout, posterior.apply(draws.style))
    on_fake, on_real = nets.objective.critic.compare(batch.layout, fake, batch.real)
    d_fake, d_real = discriminator_loss(on_fake.logits, on_real.logits)
    (gaussian,) = posterior.values()
    wanted = {
        "gan": generator_loss(on_fake.logits),
        "features": 3 * feature_matching(on_fake.features, on_real.features, first_map=1),
        "kl": 0.1 * kl_divergence(gaussian.mu, gaussian.logvar) / len(fake),
        "d_fake": d_fake,
        "d_real": d_real,
    }
    found = train_step(nets, batch, draws)
    assert found.keys() == wanted.keys() | {"blocks", "colors"}
    for name, loss in wanted.items():
        torch.testing.assert_close(found[name], loss.detach(), msg=name)


def test_unpaired_pictures_have_drawn_codes_and_no_low_level_term():
    nets, batch = make("inade-encoder", terms={"blocks": Blocks(1.0)})
    seen = []
    nets.paint = lambda layout, style: seen.append(style) or nets.generator.synthesize(layout, style)
    draws = draw(nets, batch, is_shared=True, paired=len(batch.real) - 1)
    train_step(nets, batch, draws)
    (style,) = seen
    drawn, used = draws.style["instances"].table, style["instances"].table
    assert torch.equal(used[-1], drawn[-1]) and not torch.equal(used[0], drawn[0])
    shot = nets.shoot(batch, draws, draws.style)
    shot.made.image[-1] += 1.0
    before = Blocks(1.0)(shot)
    shot.made.image.data[-1] += 100.0
    assert Blocks(1.0)(shot) == before


def test_a_divergence_needs_an_encoder():
    nets, batch = make("clade", terms={"kl": Divergence()})
    with pytest.raises(InputError, match="no encoder"):
        train_step(nets, batch, draw(nets, batch))


def test_a_lower_precision_leaves_the_losses_single():
    nets, batch = make("clade")
    nets.precision = torch.bfloat16
    losses = train_step(nets, batch, draw(nets, batch))
    assert {loss.dtype for loss in losses.values()} == {torch.float32}
