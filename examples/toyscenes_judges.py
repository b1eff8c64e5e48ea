"""Small networks, trained on true pictures, that judge what generated ones show: classes, or parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from toyscenes_cache import Scenes
from toyscenes_part_scores import root_weights

from semsyn.metrics import class_iou, confusion_matrix
from semsyn.records.layout import Layout

COUNTED = 500  # scenes whose pixels tell how frequent parts are


class Segmenter(nn.Module):
    """A small U-Net.

    Args:
        num_classes: k.
        widths: channels of the levels.

    Shape: pictures n 3 h w to logits n k h w.
    """

    def __init__(self, num_classes: int, widths: tuple[int, ...] = (16, 32, 64, 96)) -> None:
        super().__init__()

        def double(a: int, b: int) -> nn.Module:
            def conv(a: int) -> list[nn.Module]:
                return [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]

            return nn.Sequential(*conv(a), *conv(b))

        self.down = nn.ModuleList(double(a, b) for a, b in pairwise((3, *widths)))
        self.up = nn.ModuleList(double(a + b, a) for a, b in pairwise(widths))
        self.head = nn.Conv2d(widths[0], num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        levels: list[Tensor] = []
        for block in self.down:
            x = block(F.max_pool2d(x, 2) if levels else x)
            levels.append(x)
        for block, skipped in zip(reversed(self.up), reversed(levels[:-1]), strict=True):
            x = block(torch.cat([skipped, F.interpolate(x, scale_factor=2)], 1))
        return self.head(x)


@dataclass(frozen=True)
class Judge:
    """A segmenter and what its numbers mean.

    Attributes:
        network: gives k logits per pixel.
        names: k; one that is empty stands for "nothing", whose IoU does not count.
        field: ``class_ids`` or ``part_ids``.
    """

    network: nn.Module
    names: Sequence[str]
    field: str = "class_ids"

    def truth(self, scenes: Scenes, indices: list[int], layout: Layout, flips: list[bool] | None = None) -> Tensor:
        """What it should say of some scenes, n h w."""
        return layout.class_ids if self.field == "class_ids" else scenes.parts(indices, flips)

    def count(self, image: Tensor, truth: Tensor) -> Tensor:
        """Pixels of each (true, found) pair, k k."""
        return confusion_matrix(self.network(image).argmax(1), truth, len(self.names))

    def figures(self, confusion: Tensor) -> dict[str, Any]:
        """IoU by name, and its mean."""
        iou = {name: v for name, v in zip(self.names, class_iou(confusion).tolist(), strict=True) if name}
        known = [v for v in iou.values() if v == v]  # NaN: neither there nor found
        return {"miou": round(sum(known) / len(known), 4), "iou": {name: round(v, 4) for name, v in iou.items()}}


def load_judge(
    file: Path, scenes: Scenes, names: Sequence[str], *, field: str = "class_ids", steps: int, batch: int = 8
) -> Judge:
    """A judge, trained on true pictures where the file does not exist yet. Parts count by `root_weights`: masts and
    heads are some pixels in a picture, and would not be found at all."""
    torch.manual_seed(0)
    net = Segmenter(len(names)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    judge = Judge(net, names, field)
    if file.exists():
        net.load_state_dict(torch.load(file, weights_only=True))
        net.eval()
        return judge
    weights = None
    if field == "part_ids":
        some = scenes.parts(list(range(min(len(scenes), COUNTED))))
        weights = root_weights(torch.bincount(some.flatten(), minlength=len(names)))
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for step in range(steps):
        indices = torch.randint(len(scenes), (batch,)).tolist()
        flips = (torch.rand(batch) < 0.5).tolist()
        layout, image = scenes.batch(indices, flips)
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(image.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), judge.truth(scenes, indices, layout, flips), weights)
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 200 == 0:
            print(f"segmenter of {field}: step {step}/{steps} loss {loss.item():.3f}", flush=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.save(net.state_dict(), file)
    net.eval()
    return judge
