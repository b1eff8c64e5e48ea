"""Commands that work for long, killed at random moments: what is done stays, and the same command goes on."""

import random
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor

from semsyn.cli import train
from semsyn.models import find_card
from semsyn.models.clade.recipe import RECIPES
from semsyn.records.layout import Layout
from semsyn.testing.attack.attempt import Attack
from semsyn.testing.attack.disk import WRITERS
from semsyn.testing.attack.kills import Command, run_semsyn
from semsyn.testing.attack.workshop import workshop

SIZE = (32, 32)


class Pictures:
    """A few small true pictures, of noise."""

    def __len__(self) -> int:
        return 8

    def batch(self, indices: list[int], flips: list[bool] | None = None) -> tuple[Layout, Tensor]:
        """Some of them."""
        images = [torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(i)) * 2 - 1 for i in indices]
        class_ids = torch.stack([(image[0] * 7).long() + 7 for image in images])
        return Layout(class_ids=class_ids, instance_ids=class_ids), torch.stack(images)


def _lay_out(folder: Path) -> None:
    shutil.copytree(workshop(), folder, ignore=shutil.ignore_patterns("written-*"), dirs_exist_ok=True)


def _lay_out_older(folder: Path) -> None:
    _lay_out(folder)
    shutil.copytree(folder / "maps", folder / "out")


def _generate(folder: Path) -> None:
    run_semsyn(*WRITERS["generate"](folder, folder / "out"), "--overwrite")


def _prepare(folder: Path) -> None:
    run_semsyn(*WRITERS["prepare"](folder, folder / "out"))


def _prepare_bank(folder: Path) -> None:
    if not (folder / "bank").is_dir():  # a bank that is there is kept
        run_semsyn("prepare", "bank", "toyscenes", "--count", 3, "--workers", 1, "--out", folder / "bank")


def _train(folder: Path) -> None:
    card = find_card("clade/toyscenes")
    small = replace(card, config=replace(card.config, width=1, image_size=SIZE))
    recipe = replace(RECIPES["toyscenes"], load=lambda *_: Pictures(), show=None).lasting(4)
    recipes: Mapping[str, object] = {card.name: recipe}
    with patch.object(train, "find_card", lambda _: small), patch.object(train, "_recipes", lambda: recipes):
        run_semsyn("train", card.name, "--out", folder / "run", "--every", 1)


GENERATE = Command(_lay_out_older, _generate)
PREPARE = Command(_lay_out, _prepare, passing=("out/prepared.json",))  # which says whether all is there
BANK = Command(lambda folder: None, _prepare_bank, passing=("bank.building/*",))
TRAIN = Command(lambda folder: None, _train, passing=("run/state.pt", "run/log.jsonl"))  # which hold times


def kill_generate(rng: random.Random, folder: Path) -> None:
    """``semsyn generate`` over older pictures."""
    GENERATE.kill(rng, folder)


def kill_prepare(rng: random.Random, folder: Path) -> None:
    """``semsyn prepare labels``."""
    PREPARE.kill(rng, folder)


def kill_prepare_bank(rng: random.Random, folder: Path) -> None:
    """``semsyn prepare bank``."""
    BANK.kill(rng, folder)


def kill_train(rng: random.Random, folder: Path) -> None:
    """``semsyn train`` of a small network, with a state after each step."""
    TRAIN.kill(rng, folder)


SLOW_ATTACKS: tuple[Attack, ...] = (kill_generate, kill_prepare, kill_prepare_bank, kill_train)
