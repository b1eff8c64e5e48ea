"""What a critic is, and what it says."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from semsyn.errors import InputError, check_shape
from semsyn.nn.features import check_features
from semsyn.records.arguments import check_is
from semsyn.records.layout import Layout

Maps = tuple[Tensor, ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a critic says of n pictures.

    Attributes:
        logits: n 1 h w, real (high) or fake, at each scale; none where it judges by classes alone.
        features: what feature matching compares: the maps of each scale, from low to high, n c h w.
        classes: n (k + 1) h w, logits of the classes of each pixel: channel 0 is "fake", channel c + 1 is class c.
    """

    logits: Maps = ()
    features: tuple[Maps, ...] = ()
    classes: Tensor | None = None

    def __getitem__(self, images: slice) -> "Verdict":
        """What is said of some pictures of the batch."""
        return self._map(lambda t: t[images])

    def widened(self) -> "Verdict":
        """The same in single precision, where it is in a lower one: losses add up many numbers."""
        return self._map(widen)

    def _map(self, change: Callable[[Tensor], Tensor]) -> "Verdict":
        return Verdict(
            logits=tuple(change(t) for t in self.logits),
            features=tuple(tuple(change(t) for t in maps) for maps in self.features),
            classes=None if self.classes is None else change(self.classes),
        )


class Critic(nn.Module):
    """Judges pictures by the layouts that they should show: ``critic(layout, image)`` is a `Verdict`.

    Shape: image is (s n) 3 h w in [-1, 1]: s sets of pictures of the same n layouts, one after the other.

    Attributes:
        num_classes: k, of the layouts.
        requires: `Layout` fields that it reads besides class_ids.
    """

    num_classes: int
    requires: tuple[str, ...] = ()

    def forward(self, layout: Layout, image: Tensor) -> Verdict:
        """What it says of each picture."""
        raise NotImplementedError

    def compare(self, layout: Layout, fake: Tensor, real: Tensor) -> tuple[Verdict, Verdict]:
        """Verdicts on fake and real pictures from one forward (as released: spectral norm iterates once, not twice).

        Args:
            layout: of n scenes.
            fake: n 3 h w in [-1, 1].
            real: n 3 h w in [-1, 1].
        """
        said = self(layout, torch.cat([fake, real]))
        return said[: len(fake)], said[len(fake) :]


def check_pictures(layout: Layout, image: Tensor, critic: nn.Module) -> None:
    """Refuse pictures that cannot be of those layouts, or are not of the critic's dtype."""
    check_is(layout, Layout, "layout", "Layout.of(…) makes one of label maps.")
    h, w = layout.size
    check_shape(image, "n c h w", name="image", c=3, h=h, w=w)
    check_features(image, "image", reader=critic)
    if not len(layout) or len(image) % len(layout):
        raise InputError(f"{len(image)} pictures are no multiple of the {len(layout)} layouts.")


def widen(t: Tensor) -> Tensor:
    """In single precision, or the higher one that it has."""
    return t.to(torch.promote_types(t.dtype, torch.float32))


def edges_of(layout: Layout) -> Tensor:
    """The borders of instances, n h w, for a critic that reads them.

    Raises:
        InputError: if the layout has none.
    """
    if layout.edges is None:
        raise InputError('the discriminator reads edges, but the layout has none. Make it with requires=("edges",).')
    return layout.edges
