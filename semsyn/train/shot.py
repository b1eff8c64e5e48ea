"""What goes into a step, and the pictures on their way through it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from semsyn.critics.verdict import Verdict, widen
from semsyn.generator.synthesis import Synthesis
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior, Style
from semsyn.train.exchange import Exchange

Amount = Tensor | int | None  # of what a loss is the mean over, in a batch; None: it is a sum


@dataclass(frozen=True, kw_only=True)
class Batch:
    """True pictures and what they show.

    Attributes:
        layout: of n scenes.
        real: n 3 h w in [-1, 1].
        mask: n 1 h' w', how much each place counts in the perceptual loss; None: all the same.
    """

    layout: Layout
    real: Tensor
    mask: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        mask = None if self.mask is None else self.mask.to(device)
        return Batch(layout=self.layout.to(device), real=self.real.to(device), mask=mask)

    def __getitem__(self, rows: Tensor) -> "Batch":
        """The scenes of these rows."""
        mask = None if self.mask is None else self.mask[rows]
        return Batch(layout=self.layout[rows], real=self.real[rows], mask=mask)


@dataclass(frozen=True, kw_only=True)
class Draws:
    """All that chance decides in a step.

    Attributes:
        style: prior codes of the generator's pictures; an encoder's posterior is applied to them.
        critic_style: those of the pictures that the critic learns from, as released. None: it learns from the
            generator's own, which saves a forward of each network.
        paired: how many pictures, from the first, show the codes of their true picture, if there is an encoder; the
            others have drawn ones. None: all, as released.
        exchange: which pictures have codes of others; it counts the ``paired`` ones, too. None: none, as released.
        others: what the losses need, by name, see `Objective.draw`.
    """

    style: Style
    critic_style: Style | None = None
    paired: int | None = None
    exchange: Exchange | None = None
    others: Mapping[str, Tensor] = field(default_factory=dict)

    def count_pairs(self, batch: Batch) -> int:
        """How many pictures show the codes of their true picture."""
        return len(batch.real) if self.paired is None else self.paired


@dataclass(kw_only=True)
class Shot:
    """One picture of each layout, and what its losses look at.

    Attributes:
        layout, real, mask: see `Batch`.
        made: the pictures, and what was found on the way to them.
        posterior: of the encoder, if there is one.
        paired: pictures from the first that should look like the true ones, not only as real.
        exchange, others: see `Draws`.
        totals: where this is a piece of a batch, what is counted in the whole one, see `Objective.amounts`.
        verdicts: what the critic said so far. They belong to the objective, which asks once for all its losses.
    """

    layout: Layout
    real: Tensor
    made: Synthesis
    posterior: Posterior | None = None
    paired: int
    mask: Tensor | None = None
    exchange: Exchange | None = None
    others: Mapping[str, Tensor] = field(default_factory=dict)
    totals: Mapping[str, Tensor] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()

    @property
    def fake(self) -> Tensor:
        """The pictures, n 3 h w in [-1, 1]."""
        return self.made.image

    def widened(self) -> "Shot":
        """The same in single precision, where pictures or posterior are in a lower one."""
        posterior = self.posterior
        if posterior is not None:
            wide = {k: replace(g, mu=widen(g.mu), logvar=widen(g.logvar)) for k, g in posterior.items()}
            posterior = Posterior(wide)
        return replace(self, made=replace(self.made, image=widen(self.made.image)), posterior=posterior)
