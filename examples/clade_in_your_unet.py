"""CLADE in a network of your own: ``python examples/clade_in_your_unet.py``.

A small U-Net restores colour to pictures that lost it (grey, in blocks of 8×8). Once as it is; once with its batch
norms replaced by CLADE, so that every layer knows the class of every pixel, and with a head that calls CLADE directly.
"""

import argparse
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from semsyn.data.toyscenes import CLASSES, ToyScenes
from semsyn.nn import CLADE, replace_norms


def conv(channels_in: int, channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels_in, channels, 3, stride, 1), nn.BatchNorm2d(channels), nn.ReLU())


class UNet(nn.Module):
    """An ordinary network that knows nothing of semsyn: n 1 h w to n 16 h w."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.down, self.middle = conv(1, 16), conv(16, 32, stride=2), conv(32, 32)
        self.leave = conv(48, 16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        deep = self.middle(self.down(x))
        return self.leave(torch.cat([x, F.interpolate(deep, scale_factor=2)], dim=1))


class ClassHead(nn.Module):
    """Features to a picture; CLADE takes the class ids as they are, n h w."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = CLADE(16, num_classes=len(CLASSES))
        self.conv = nn.Conv2d(16, 3, 3, padding=1)

    def forward(self, x: Tensor, class_ids: Tensor) -> Tensor:
        return self.conv(F.relu(self.norm(x, class_ids)))


def train(knows_classes: bool, steps: int) -> list[float]:
    """The loss of each step."""
    torch.manual_seed(0)
    network: nn.Module = UNet()
    head: nn.Module = ClassHead() if knows_classes else nn.Conv2d(16, 3, 3, padding=1)
    if knows_classes:
        network = replace_norms(network, partial(CLADE, num_classes=len(CLASSES)))
    optimizer = torch.optim.Adam([*network.parameters(), *head.parameters()], lr=2e-3)
    losses = []
    for sample in DataLoader(ToyScenes(8 * steps, size=(64, 64)), batch_size=8):
        image, class_ids = sample["image"], sample["class_ids"]
        grey = F.interpolate(F.avg_pool2d(image.mean(1, keepdim=True), 8), scale_factor=8)
        picture = head(network(grey, cond=class_ids), class_ids) if knows_classes else head(network(grey))
        loss = (picture - image).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60)
    steps = parser.parse_args().steps
    for name, knows_classes in {"batch norm": False, "CLADE": True}.items():
        losses = train(knows_classes, steps)
        print(f"{name:<11} L1 {losses[0]:.3f} in the first step, {losses[-1]:.3f} in the last")
