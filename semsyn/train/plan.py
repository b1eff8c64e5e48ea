"""What a run goes by: all that a recipe says, and what it learns from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from semsyn.data.scenes.presets import Preset
from semsyn.generator.generator import Generator
from semsyn.records.layout import Layout
from semsyn.train.ema import Refresh
from semsyn.train.focus import Focus
from semsyn.train.objective import Objective
from semsyn.train.schedule import Schedule

MEANS = Refresh(60, batch=16, is_mean=True)


class Pictures(Protocol):
    """True pictures with their layouts."""

    def __len__(self) -> int: ...

    def batch(self, indices: list[int], flips: list[bool] | None = None) -> tuple[Layout, Tensor]:
        """Some of them, those mirrored that ``flips`` says: the layout, and the pictures, n 3 h w in [-1, 1]."""
        ...


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a generator is trained against a critic; `semsyn.train.Recipe` is what runs are begun with.

    Attributes:
        preset: the card whose generator is trained, without the family; None: any config will do.
        objective: makes critic and losses for a generator's config.
        load: reads pictures: ``load(requires, folder, split, count)``, with the fields of layouts that the generator
            requires, the split ``train`` or ``val``. None: they are read as ``data`` says.
        data: the data set that the recipe is for: what its ids mean, where its files are, how pictures are cut.
        show: shows what a generator learnt: ``show(generator, unseen, path)``, the path without a suffix.
        cycles: how many steps, and the rates over them; where epochs count, pictures say how many steps that is.
        rates: of the generator (with its encoder) and of the critic.
        betas, eps, weight_decay: of Adam, for both.
        table_rate: factor of the generator's rate for the tables of its modulations. Their entries are around 1, and
            Adam's steps do not know it: at the rate of the networks they would hardly move.
        batch: pictures of a step.
        gain, keeps_spectral: of the initialisation, see `semsyn.nn.initialize`.
        average: decay of the moving average of the generator, whose pictures are shown and which is kept at the end; 0:
            the generator itself is.
        warm_up: of the average, see `semsyn.train.EMA`.
        refresh: how statistics and spectral norms become those of the averaged weights; None: they stay.
        precision: of the forward passes, on machines that are faster with it; None: single.
        shares_pictures: the critic learns from the pictures of the generator's own step; the released loops draw new
            ones.
        critic_steps: the generator learns at one step in so many, from the first on; the critic at all. Released: 1.
        drawn_from: step from which the last picture of a batch has drawn codes, not encoded ones, so that the critic
            sees what draws from the prior look like. None: never, as released.
        exchanged_from: step from which the picture before that one repeats the first, some classes with the codes of
            other pictures (`semsyn.train.exchange`): codes learn to say how their class looks, and nothing of others.
            None: never, as released.
        needs: what a run starts with besides the pictures, by name: what it is. A path to each is given to ``start``.
        start: finishes the new generator with these.
        focus: makes of them what the run looks at more than at the rest; None: all pictures once in an epoch.
        towers: trained networks that the losses may look through: argument of ``objective`` → name of the tower
            (`semsyn.hub.load_tower`). See `semsyn.train.Recipe.looking_through`.
        needs_towers: a run asks for them all, and those it goes without must be named.
    """

    objective: Callable[[Any], Objective]
    load: Callable[[tuple[str, ...], Path, str, int], Pictures] | None = None
    data: Preset | None = None
    show: Callable[[Generator, Any, Path], object] | None = None
    cycles: Schedule
    preset: str | None = None
    rates: tuple[float, float] = (1e-4, 4e-4)
    betas: tuple[float, float] = (0.0, 0.9)
    eps: float = 1e-8
    weight_decay: float = 0.0
    table_rate: float = 1.0
    batch: int = 4
    gain: float = 0.02
    keeps_spectral: bool = False
    average: float = 0.998
    warm_up: int = 10
    refresh: Refresh | None = MEANS
    precision: torch.dtype | None = None
    shares_pictures: bool = False
    critic_steps: int = 1
    drawn_from: int | None = None
    exchanged_from: int | None = None
    needs: Mapping[str, str] = field(default_factory=dict)
    start: Callable[[Generator, Mapping[str, Path]], object] | None = None
    focus: Callable[[Mapping[str, Path]], Focus] | None = None
    towers: Mapping[str, str] = field(default_factory=dict)
    needs_towers: bool = False
