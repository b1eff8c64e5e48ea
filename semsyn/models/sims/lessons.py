"""What each of SIMS' networks is taught: how a loss is made of samples."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.data.bank.groups import class_groups
from semsyn.data.bank.samples.draw import uniform
from semsyn.data.bank.samples.order_sample import make_order_sample
from semsyn.data.bank.samples.transform_sample import make_transform_sample
from semsyn.data.spaces.label_space import label_space
from semsyn.losses.painted import PaintedLoss, fit_loss
from semsyn.models.sims.toy_samples import SMALLEST, ToySamples
from semsyn.nn.compose.canvas_net import CanvasNet
from semsyn.nn.compose.order import draw_pairs
from semsyn.nn.compose.order_net import OrderNet
from semsyn.nn.compose.sampler import warp
from semsyn.nn.compose.segments import Segments, find_segments, smallest_area
from semsyn.nn.compose.transform_net import TransformNet

MOST = 10  # segments or pairs of a scene that a step takes


class Lesson(Protocol):
    """Makes losses for a network."""

    network: Any

    def losses(self, samples: ToySamples, chosen: Sequence[int], rng: torch.Generator) -> dict[str, Tensor]:
        """The losses of some samples, weighted; none where they have nothing to learn from."""
        ...


class CanvasLesson:
    """Painting over simulated canvases, each of which may be mirrored.

    Args:
        network: learns.
        loss: what it should come to.
    """

    def __init__(self, network: CanvasNet, loss: PaintedLoss) -> None:
        self.network, self.loss = network, loss

    def losses(self, samples: ToySamples, chosen: Sequence[int], rng: torch.Generator) -> dict[str, Tensor]:
        rows = list(chosen)
        is_flipped = torch.rand(len(rows), generator=rng) < 0.5

        def read(values: Tensor) -> Tensor:
            picked = values[rows]
            return torch.where(is_flipped.view(-1, *[1] * (picked.ndim - 1)), picked.flip(-1), picked)

        real = read(samples.photos).float() / 127.5 - 1
        painted = self.network.paint(read(samples.noisy_ids).long(), planes_of(read(samples.canvases)))
        return self.loss.terms(painted.image, real, painted.logits, read(samples.class_ids).long())


class TransformLesson:
    """Putting scaled and shifted segments back.

    Args:
        network: learns.
    """

    def __init__(self, network: TransformNet) -> None:
        self.network = network

    def losses(self, samples: ToySamples, chosen: Sequence[int], rng: torch.Generator) -> dict[str, Tensor]:
        found = [self._loss(samples, number, rng) for number in chosen]
        return {"fit": torch.stack(found).mean()}

    def _loss(self, samples: ToySamples, number: int, rng: torch.Generator) -> Tensor:
        class_ids = samples.class_ids[number].long()
        segments = find_large(class_ids)
        segments = segments.select(torch.randperm(len(segments), generator=rng)[:MOST])
        sample = make_transform_sample(samples.photos[number], segments, uniform(rng))
        pictures, masks = sample.pictures.frames().float() / 255, sample.masks.frames()
        theta = self.network(pictures, masks, class_ids[None], torch.zeros(len(pictures), dtype=torch.int64))
        return fit_loss(warp(pictures, theta), masks, samples.photos[number].float() / 255)


class OrderLesson:
    """Telling which of two adjacent segments is in front.

    Args:
        network: learns.
    """

    def __init__(self, network: OrderNet) -> None:
        self.network = network

    def losses(self, samples: ToySamples, chosen: Sequence[int], rng: torch.Generator) -> dict[str, Tensor]:
        batches = [self.pairs(samples, number, rng) for number in chosen]
        found = [F.cross_entropy(self.network(*given), target + 1) for *given, target in batches if len(target)]
        return {"order": torch.stack(found).mean()} if found else {}

    def pairs(
        self, samples: ToySamples, number: int, rng: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What the network is given of a scene, and the classes that are in front; all pairs without an ``rng``."""
        class_ids = samples.class_ids[number].long()
        segments = find_large(class_ids)
        sample = make_order_sample(segments, samples.depths[number], class_groups(label_space("toyscenes")))
        kept = torch.arange(len(sample.pairs))
        if rng is not None:
            kept = torch.randperm(len(kept), generator=rng)[:MOST]
        colors = color_map(class_ids)
        pictures = draw_pairs(sample.pairs[kept], segments.masks, colors)
        return pictures, colors[None], torch.zeros(len(kept), dtype=torch.int64), sample.winners[kept]


def planes_of(canvases: Tensor) -> Tensor:
    """Canvases n 3 h w, uint8, as a painter reads them: n 4 h w in [0, 1], the last plane where they are filled."""
    canvas = canvases.float() / 255
    return torch.cat([canvas, (canvas.sum(dim=1, keepdim=True) > 0).float()], dim=1)


def find_large(class_ids: Tensor) -> Segments:
    """The segments of a toyscene h w that are large enough for a bank."""
    segments = find_segments(class_ids, class_groups(label_space("toyscenes")))
    return segments.select(segments.areas > smallest_area(segments.size, SMALLEST))


def color_map(class_ids: Tensor) -> Tensor:
    """A layout h w of toyscenes in the palette's colours, 3 h w in [0, 1]."""
    palette = torch.tensor([*label_space("toyscenes").palette, (0, 0, 0)]) / 255
    return palette[class_ids].movedim(2, 0).contiguous()


def count_right(network: nn.Module, lesson: OrderLesson, samples: ToySamples) -> tuple[int, int]:
    """How many pairs of some scenes are judged rightly, and how many there are."""
    right = total = 0
    for number in range(len(samples)):
        *given, target = lesson.pairs(samples, number)
        if len(target):
            right += int((network(*given).argmax(dim=1) - 1 == target).sum())
            total += len(target)
    return right, total
