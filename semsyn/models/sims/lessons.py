"""What each of SIMS' networks is taught: how a loss is made of samples."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.data.bank.samples.draw import uniform
from semsyn.data.bank.samples.order_sample import make_order_sample
from semsyn.data.bank.samples.transform_sample import make_transform_sample
from semsyn.functional.maps import resize_ids
from semsyn.losses.painted import PaintedLoss, fit_loss
from semsyn.models.sims.composition import color_layout
from semsyn.models.sims.samples import Samples
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

    def losses(self, samples: Samples, chosen: Sequence[int], rng: torch.Generator) -> dict[str, Tensor]:
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

    def losses(self, samples: Samples, chosen: Sequence[int], rng: torch.Generator) -> dict[str, Tensor]:
        is_flipped = (torch.rand(len(chosen), generator=rng) < 0.5).tolist()
        made = [self._read(samples, *one, rng) for one in zip(chosen, is_flipped, strict=True)]
        photos, canvases, noisy, true = (torch.stack(several) for several in zip(*made, strict=True))
        painted = self.network.paint(noisy, planes_of(canvases))
        return self.loss.terms(painted.image, photos.float() / 127.5 - 1, painted.logits, true)

    def _read(self, samples: Samples, number: int, flip: bool, rng: torch.Generator) -> tuple[Tensor, ...]:
        """Photograph, canvas, its layout and the true one, at full size."""
        simulated, photo = samples.simulate(number, rng), samples.photo(number)
        size = (photo.shape[1], photo.shape[2])
        found = (photo, simulated.canvas, simulated.class_ids, resize_ids(samples.layout(number), size))
        return tuple(t.flip(-1) for t in found) if flip else found


class TransformLesson:
    """Putting scaled and shifted segments back.

    Args:
        network: learns.
    """

    def __init__(self, network: TransformNet) -> None:
        self.network = network

    def losses(self, samples: Samples, chosen: Sequence[int], rng: torch.Generator) -> dict[str, Tensor]:
        found = [self._loss(samples, number, rng) for number in chosen]
        return {"fit": torch.stack(found).mean()}

    def _loss(self, samples: Samples, number: int, rng: torch.Generator) -> Tensor:
        photo, segments = samples.photo(number), find_large(samples, number)
        segments = segments.select(torch.randperm(len(segments), generator=rng)[:MOST]).enlarge(samples.scale)
        sample = make_transform_sample(photo, segments, uniform(rng))
        pictures, masks = sample.pictures.frames().float() / 255, sample.masks.frames()
        class_ids = resize_ids(samples.layout(number), segments.size)
        theta = self.network(pictures, masks, class_ids[None], torch.zeros(len(pictures), dtype=torch.int64))
        return fit_loss(warp(pictures, theta), masks, photo.float() / 255)


class OrderLesson:
    """Telling which of two adjacent segments is in front.

    Args:
        network: learns.
    """

    def __init__(self, network: OrderNet) -> None:
        self.network = network

    def losses(self, samples: Samples, chosen: Sequence[int], rng: torch.Generator) -> dict[str, Tensor]:
        batches = [self.pairs(samples, number, rng) for number in chosen]
        found = [F.cross_entropy(self.network(*given), target + 1) for *given, target in batches if len(target)]
        return {"order": torch.stack(found).mean()} if found else {}

    def pairs(
        self, samples: Samples, number: int, rng: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What the network is given of a scene, and the classes that are in front; all pairs without an ``rng``."""
        segments = find_large(samples, number)
        sample = make_order_sample(segments, samples.depth(number), samples.groups)
        kept = torch.arange(len(sample.pairs))
        if rng is not None:
            kept = torch.randperm(len(kept), generator=rng)[:MOST]
        colors = color_layout(samples.layout(number), samples.space)
        pictures = draw_pairs(sample.pairs[kept], segments.masks, colors)
        return pictures, colors[None], torch.zeros(len(kept), dtype=torch.int64), sample.winners[kept]


def planes_of(canvases: Tensor) -> Tensor:
    """Canvases n 3 h w, uint8, as a painter reads them: n 4 h w in [0, 1], the last plane where they are filled."""
    canvas = canvases.float() / 255
    return torch.cat([canvas, (canvas.sum(dim=1, keepdim=True) > 0).float()], dim=1)


def find_large(samples: Samples, number: int) -> Segments:
    """The segments of a layout that are large enough for a bank."""
    segments = find_segments(samples.layout(number), samples.groups)
    return segments.select(segments.areas > smallest_area(segments.size, samples.smallest))


def count_right(network: nn.Module, lesson: OrderLesson, samples: Samples) -> tuple[int, int]:
    """How many pairs of some scenes are judged rightly, and how many there are."""
    right = total = 0
    for number in range(len(samples)):
        *given, target = lesson.pairs(samples, number)
        if len(target):
            right += int((network(*given).argmax(dim=1) - 1 == target).sum())
            total += len(target)
    return right, total
