"""Small networks, trained on true pictures, that judge what generated ones show: classes, or parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.data.io.tensor_files import write_torch
from semsyn.data.toyscenes.cache import Scenes
from semsyn.errors import CheckpointError, InputError
from semsyn.losses.parts import root_weights
from semsyn.metrics.segmentation import class_iou, confusion_matrix
from semsyn.ops.onednn import has_fast_bfloat16
from semsyn.records.layout import Layout

COUNTED = 500  # scenes whose pixels tell how frequent parts are
RATE = 3e-3

Field = Literal["class_ids", "part_ids"]


class Segmenter(nn.Module):
    """A small U-Net.

    Args:
        num_classes: k.
        widths: channels of the levels.

    Shape: pictures n 3 h w to logits n k h w; h and w are multiples of 2 to the number of levels, less one.
    """

    def __init__(self, num_classes: int, widths: tuple[int, ...] = (16, 32, 64, 96)) -> None:
        super().__init__()
        self.down = nn.ModuleList(_two_convolutions(a, b) for a, b in pairwise((3, *widths)))
        self.up = nn.ModuleList(_two_convolutions(a + b, a) for a, b in pairwise(widths))
        self.head = nn.Conv2d(widths[0], num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        levels: list[Tensor] = []
        for block in self.down:
            x = block(F.max_pool2d(x, 2) if levels else x)
            levels.append(x)
        for block, skipped in zip(reversed(self.up), reversed(levels[:-1]), strict=True):
            x = block(torch.cat([skipped, F.interpolate(x, scale_factor=2)], 1))
        return self.head(x)


def _two_convolutions(c_in: int, c_out: int) -> nn.Module:
    def conv(channels: int) -> list[nn.Module]:
        return [nn.Conv2d(channels, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()]

    return nn.Sequential(*conv(c_in), *conv(c_out))


@dataclass(frozen=True)
class Judge:
    """A segmenter and what its numbers mean.

    Attributes:
        network: gives k logits per pixel.
        names: k; one that is empty stands for "nothing", whose IoU does not count.
        field: what it tells apart.
    """

    network: nn.Module
    names: Sequence[str]
    field: Field = "class_ids"

    def truth(self, scenes: "Seen", indices: list[int], layout: Layout, flips: list[bool] | None = None) -> Tensor:
        """What it should say of some scenes, n h w; ``layout`` is theirs, the rest as of `Scenes.batch`."""
        if self.field == "class_ids":
            return layout.class_ids
        if not isinstance(scenes, Scenes):
            raise InputError("parts are told apart in toyscenes alone.")
        return scenes.parts(indices, flips)

    def count(self, image: Tensor, truth: Tensor) -> Tensor:
        """Pixels of each (true, found) pair, k k, in pictures n 3 h w that should show ``truth``, n h w."""
        return confusion_matrix(self.network(image).argmax(1), truth, len(self.names))

    def figures(self, confusion: Tensor) -> dict[str, Any]:
        """IoU by name, and its mean over what occurs, out of pixels of each (true, found) pair, k k.

        IoU is NaN for what is neither there nor found.
        """
        iou = {name: v for name, v in zip(self.names, class_iou(confusion).tolist(), strict=True) if name}
        known = [v for v in iou.values() if v == v]
        mean = sum(known) / len(known) if known else float("nan")
        return {"miou": round(mean, 4), "iou": {name: round(v, 4) for name, v in iou.items()}}

    def save(self, file: Path) -> None:
        """Write the weights, whole or not at all."""
        write_torch(self.network.state_dict(), file)


class Seen(Protocol):
    """Pictures with what they show: toyscenes, or a data set of somebody's."""

    def __len__(self) -> int: ...

    def batch(self, indices: list[int], flips: list[bool] | None = None, /) -> tuple[Layout, Tensor]:
        """The layout of some, and the pictures, n 3 h w in [-1, 1]; those mirrored that ``flips`` says."""
        ...


def train_judge(
    scenes: Seen,
    names: Sequence[str],
    *,
    field: Field = "class_ids",
    steps: int = 1500,
    batch: int = 8,
    on_step: Callable[[float], None] | None = None,
) -> Judge:
    """A judge that learned from true pictures; always the same, whatever was drawn before.

    Parts count by `root_weights`: masts and heads are some pixels in a picture, and would not be found at all.

    Args:
        scenes: to learn from, mirrored at random; with parts where these are told apart.
        names: of its k classes or parts, see `Judge`.
        field: what it tells apart.
        steps: of AdamW, over one cycle of the rate.
        batch: pictures of a step.
        on_step: is told the loss of each step.

    Raises:
        InputError: if scenes without part ids are to teach parts.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        judge = _new_judge(names, field)
        net = judge.network.train()
        weights = _part_weights(scenes, len(names)) if field == "part_ids" else None
        optimizer = torch.optim.AdamW(net.parameters(), lr=RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
        for _ in range(steps):
            indices = torch.randint(len(scenes), (batch,)).tolist()
            flips = (torch.rand(batch) < 0.5).tolist()
            layout, image = scenes.batch(indices, flips)
            with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bfloat16()):
                logits = net(image.contiguous(memory_format=torch.channels_last))
            truth = judge.truth(scenes, indices, layout, flips)
            # The id k, no class, teaches nothing.
            loss = F.cross_entropy(logits.float(), truth, weights, ignore_index=len(names))
            loss.backward()
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            if on_step is not None:
                on_step(loss.item())
    net.eval()
    return judge


def load_judge(file: Path, names: Sequence[str], *, field: Field = "class_ids") -> Judge:
    """A judge out of the file that `Judge.save` wrote.

    Args:
        file: its weights.
        names, field: as it was trained with.

    Raises:
        CheckpointError: if the file holds no judge of so many classes.
        OSError: if it cannot be read.
    """
    judge = _new_judge(names, field)
    try:
        judge.network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    except OSError:
        raise
    except Exception as error:  # text and noise, read as a pickle, fail in any way
        raise CheckpointError(
            f"{file} holds no segmenter of {len(names)} {field}: delete it, so that one is trained, or give another."
        ) from error
    judge.network.eval()
    return judge


def _new_judge(names: Sequence[str], field: Field) -> Judge:
    network = Segmenter(len(names)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Judge(network, names, field)


def _part_weights(scenes: Seen, num_parts: int) -> Tensor:
    if not isinstance(scenes, Scenes):
        raise InputError("parts are told apart in toyscenes alone.")
    some = scenes.parts(list(range(min(len(scenes), COUNTED))))
    return root_weights(torch.bincount(some.flatten(), minlength=num_parts))
