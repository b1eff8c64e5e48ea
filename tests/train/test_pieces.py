"""A batch in pieces pays, learns and turns its spectral norms as the whole one does."""

import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from semsyn.train import Batch, train_step
from semsyn.train.shot import Draws
from semsyn.train.terms import Blocks, Divergence, InstanceColors
from tests.models.cases import make_layout
from tests.train.test_step import make

TERMS = {"blocks": Blocks(5.0), "colors": InstanceColors(2.0), "kl": Divergence(0.1)}
CASES = {
    "clade": ("clade", None, 2),
    "inade-encoder": ("inade-encoder", TERMS, 2),  # the second piece has one true picture and one of drawn codes
    "no-pair-in-a-piece": ("inade-encoder", TERMS, 3),
    "oasis": ("oasis", {"blocks": Blocks(1.0)}, 1),
}


def make_nets(family, terms):
    torch.manual_seed(0)
    nets, _ = make(family, terms=terms)
    layout = make_layout(nets.generator, size=nets.generator.image_size, n=4)
    for module in nets.generator.modules():
        if isinstance(module, _BatchNorm):  # whose statistics are those of each piece
            module.eval()
    real = torch.rand(4, 3, *layout.size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return nets, Batch(layout=layout, real=real)


def draw(nets, batch, rows, *, is_shared, paired):
    part = batch[torch.tensor(rows)]
    styles = [nets.generator.sample_style(part.layout, seeds=[s + i for i in rows]) for s in (0, 10)]
    pairs = None if paired is None else min(max(paired - rows[0], 0), len(rows))
    others = nets.objective.draw(part.layout, torch.Generator().manual_seed(2))
    style = None if is_shared else styles[1]
    return part, Draws(style=styles[0], critic_style=style, paired=pairs, others=others)


def run(case, splits, *, is_shared):
    family, terms, first = CASES[case]
    nets, batch = make_nets(family, terms)
    paired = None if terms is None else 4 - first + (1 if first < 3 else 0)
    pieces = [draw(nets, batch, rows, is_shared=is_shared, paired=paired) for rows in splits]
    losses = train_step(nets, *(pieces[0] if len(pieces) == 1 else zip(*pieces, strict=True)))
    networks = torch.nn.ModuleList([nets.generator, nets.objective])
    return losses, {n: p.grad for n, p in networks.named_parameters()}, networks.state_dict()


@pytest.mark.parametrize("is_shared", [True, False], ids=["shared", "drawn-anew"])
@pytest.mark.parametrize("case", CASES)
def test_pieces_are_the_whole(case, is_shared):
    whole = run(case, [[0, 1, 2, 3]], is_shared=is_shared)
    pieces = run(case, [[0, 1, 2], [3]] if case == "no-pair-in-a-piece" else [[0, 1], [2, 3]], is_shared=is_shared)
    for found, wanted in zip(pieces, whole, strict=True):
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-4, msg=lambda m, n=name: f"{n}: {m}")


def test_a_loss_that_no_piece_weighs_is_a_mean_over_pictures():
    nets, batch = make_nets("clade", None)
    parts = [draw(nets, batch, rows, is_shared=True, paired=None) for rows in ([0], [1, 2, 3])]
    own = []
    nets.objective.generator_losses = lambda shot: {"mine": own.append(shot.fake.mean()) or own[-1]}
    losses = train_step(nets, *zip(*parts, strict=True))
    torch.testing.assert_close(losses["mine"], (own[0] / 4 + own[1] * 3 / 4).detach())
