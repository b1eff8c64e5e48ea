"""Training by Lightning: ``python examples/train_with_lightning.py`` (``pip install lightning``).

Two optimisers and a released order of updates are manual optimisation to Lightning: `train_step` is called as it is,
and Lightning brings devices, logging and checkpoints.
"""

import argparse

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

import semsyn
from semsyn import Layout
from semsyn.data.toyscenes import CLASSES, ToyScenes
from semsyn.models import get_family
from semsyn.nn import initialize
from semsyn.train import Batch, Draws, Nets, train_step

SIZE = (64, 64)


class LitSynthesis(lightning.LightningModule):
    """A generator and its critic, trained by the recipe of a family."""

    def __init__(self, family: str = "clade", width: int = 4) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.recipe = get_family(family).recipes["toyscenes"]
        generator = semsyn.create(f"{family}/toyscenes", width=width, image_size=SIZE)
        self.generator = initialize(generator, gain=self.recipe.gain)
        self.objective = self.recipe.objective(generator.config)
        initialize(self.objective.critic, gain=self.recipe.gain)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        networks = (self.generator, self.objective.critic)
        return [
            torch.optim.Adam(network.parameters(), lr=rate, betas=self.recipe.betas)
            for network, rate in zip(networks, self.recipe.rates, strict=True)
        ]

    def training_step(self, scenes: dict[str, torch.Tensor], index: int) -> None:
        requires = (*self.generator.requires, *self.objective.requires)
        layout = Layout.of(scenes["class_ids"], scenes["instance_ids"], space=len(CLASSES), requires=requires)
        rng = torch.Generator().manual_seed(self.global_step)
        draws = Draws(style=self.generator.sample_style(layout, rng=rng), others=self.objective.draw(layout, rng))
        nets = Nets(self.generator, self.objective, tuple(self.optimizers()))
        losses = train_step(nets, Batch(layout=layout, real=scenes["image"]), draws)
        self.log_dict(losses)


class Report(Callback):
    """Prints the losses of each step."""

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: object) -> None:
        print(trainer.global_step // 2, " ".join(f"{k} {v:.3f}" for k, v in trainer.callback_metrics.items()))


def train(steps: int, width: int) -> LitSynthesis:
    """Train for some steps."""
    lightning.seed_everything(0, verbose=False)
    model = LitSynthesis(width=width)
    trainer = lightning.Trainer(
        max_steps=2 * steps,  # Lightning counts both optimisers
        accelerator="auto",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Report()],
    )
    trainer.fit(model, DataLoader(ToyScenes(16, size=SIZE), batch_size=4, shuffle=True, drop_last=True))
    return model


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--width", type=int, default=4)
    args = parser.parse_args()
    train(args.steps, args.width)
