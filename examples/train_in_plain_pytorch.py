"""Training in a loop of your own: ``python examples/train_in_plain_pytorch.py``.

A recipe says how the networks are initialised, what they pay and at which rates; an objective holds the critic;
`train_step` does a step of both. Everything else is yours. Pictures are drawn scenes, and a DataLoader gives them.
"""

import argparse
from itertools import cycle

import torch
from torch.utils.data import DataLoader

import semsyn
from semsyn import Layout
from semsyn.data.toyscenes import CLASSES, ToyScenes
from semsyn.models import get_family
from semsyn.nn import initialize
from semsyn.train import EMA, Batch, Draws, Nets, train_step

SIZE = (64, 64)


def train(steps: int, width: int, batch: int) -> list[dict[str, float]]:
    """The losses of each step."""
    torch.manual_seed(0)
    recipe = get_family("inade").recipes["toyscenes"]
    generator = initialize(semsyn.create("inade/toyscenes", width=width, image_size=SIZE), gain=recipe.gain)
    objective = recipe.objective(generator.config)  # the critic is in it
    initialize(objective.critic, gain=recipe.gain)
    optimizers = tuple(
        torch.optim.Adam(network.parameters(), lr=rate, betas=recipe.betas)
        for network, rate in zip((generator, objective.critic), recipe.rates, strict=True)
    )
    nets = Nets(generator.train(), objective.train(), optimizers)
    average = EMA(generator, recipe.average, warm_up=recipe.warm_up)

    loader = DataLoader(ToyScenes(4 * batch, size=SIZE), batch_size=batch, shuffle=True, drop_last=True)
    rng = torch.Generator().manual_seed(0)
    log = []
    for step, scenes in zip(range(1, steps + 1), cycle(loader), strict=False):
        maps = scenes["class_ids"], scenes["instance_ids"]
        layout = Layout.of(*maps, space=len(CLASSES), requires=(*generator.requires, *objective.requires))
        draws = Draws(style=generator.sample_style(layout, rng=rng), others=objective.draw(layout, rng))
        losses = train_step(nets, Batch(layout=layout, real=scenes["image"]), draws)
        average.update(generator, step=step)
        log.append({name: float(loss) for name, loss in losses.items()})
    return log


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--width", type=int, default=4)
    parser.add_argument("--batch", type=int, default=4)
    args = parser.parse_args()
    for number, losses in enumerate(train(args.steps, args.width, args.batch), 1):
        print(number, " ".join(f"{name} {loss:.3f}" for name, loss in losses.items()))
