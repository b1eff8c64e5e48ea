"""A kernel per pixel in a network of your own: ``python examples/conditional_conv_in_your_unet.py``.

A small U-Net repairs pictures of which the background is noisy and all things are blurred; one asks for smoothing, the
other for its opposite. Its upward half is built three times: of ordinary layers; of `SpatiallyConditionalConv2d` and
`SpatiallyConditionalNorm`, whose routing (how much of each expert a pixel takes) is read off the U-Net's own features;
and of the same with a routing that a label map gives, by a table of logits per class.
"""

import argparse
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from einops import reduce
from torch import Tensor, nn
from torch.utils.data import default_collate

from semsyn.data.toyscenes import CLASSES, ToyScenes
from semsyn.nn import SpatiallyConditionalConv2d, SpatiallyConditionalNorm, activate_routing

Source = Literal["none", "features", "labels"]
Batch = tuple[Tensor, Tensor, Tensor]  # broken and true pictures n 3 h w, class_ids n h w
EXPERTS = 3
STUFF = ("sky", "mountain", "sea", "beach", "meadow", "road")  # background; all else are things
STUFF_IDS = torch.tensor([CLASSES.index(name) for name in STUFF])


def draw_batches(count: int, split: Literal["train", "val"], *, size: int = 8) -> list[Batch]:
    """Scenes with noise where there is background, and blur where there are things."""
    scenes = ToyScenes(size * count, size=(64, 64), split=split)
    rng = torch.Generator().manual_seed(0)
    batches = []
    for start in range(0, len(scenes), size):
        sample = default_collate([scenes[i] for i in range(start, start + size)])
        image, class_ids = sample["image"], sample["class_ids"]
        noisy = image + 0.3 * torch.randn(image.shape, generator=rng)
        blurred = F.avg_pool2d(F.pad(image, (2, 2, 2, 2), mode="replicate"), 5, stride=1)
        broken = torch.where(torch.isin(class_ids, STUFF_IDS)[:, None], noisy, blurred)
        batches.append((broken, image, class_ids))
    return batches


class Layer(nn.Module):
    """Convolution, norm, leaky ReLU of a network that knows nothing of semsyn."""

    def __init__(self, channels_in: int, channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, routing: Tensor | None = None) -> Tensor:
        return F.leaky_relu(self.norm(self.conv(x)), 0.2)


class ConditionalLayer(nn.Module):
    """The same, but every pixel mixes its kernel, scale and shift from a few; routing is n e h w, as large as x."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv = SpatiallyConditionalConv2d(
            channels_in, channels, 3, padding=1, num_experts=EXPERTS, has_spectral_norm=False
        )
        self.norm = SpatiallyConditionalNorm(channels, num_experts=EXPERTS)

    def forward(self, x: Tensor, routing: Tensor) -> Tensor:
        return self.norm(self.conv(x, routing), routing, slope=0.2)


class UNet(nn.Module):
    """Broken pictures n 3 h w to repaired ones.

    Args:
        source: where the routing comes from.
    """

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        layer = Layer if source == "none" else ConditionalLayer
        self.enter, self.down = nn.Conv2d(3, 12, 3, padding=1), Layer(12, 24, stride=2)
        self.middle, self.leave = layer(24, 24), layer(36, 12)
        if source == "none":
            self.to_image: nn.Module = nn.Conv2d(12, 3, 3, padding=1)
        else:
            self.to_image = SpatiallyConditionalConv2d(
                12, 3, 3, padding=1, bias=True, num_experts=EXPERTS, has_spectral_norm=False
            )
        if source == "labels":
            self.logits = nn.Parameter(torch.randn(len(CLASSES), EXPERTS))

    def forward(self, broken: Tensor, class_ids: Tensor) -> Tensor:
        x = self.enter(broken)
        deep = self.down(F.leaky_relu(x, 0.2))
        half, full = self.route(deep, class_ids)
        deep = self.middle(deep, half)
        x = self.leave(torch.cat([x, F.interpolate(deep, scale_factor=2)], dim=1), full)
        return broken + (self.to_image(x) if full is None else self.to_image(x, full))

    def route(self, deep: Tensor, class_ids: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The weight of each expert at every pixel, at half and at full size."""
        if self.source == "none":
            return None, None
        if self.source == "labels":
            full = activate_routing(self.logits[class_ids].movedim(-1, 1))
            return F.avg_pool2d(full, 2), full  # means of weights sum up to 1, too
        logits = reduce(deep, "n (e c) h w -> n e h w", "mean", e=EXPERTS)
        half = activate_routing(logits, temperature=4.0)
        return half, F.interpolate(half, scale_factor=2, mode="bilinear")


def train(source: Source, batches: list[Batch], steps: int) -> UNet:
    torch.manual_seed(0)
    network = UNet(source)
    optimizer = torch.optim.Adam(network.parameters(), lr=4e-3)
    for step in range(steps):
        broken, image, class_ids = batches[step % len(batches)]
        loss = (network(broken, class_ids) - image).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


@torch.inference_mode()
def measure(network: UNet, batches: list[Batch]) -> tuple[float, float]:
    """Mean difference from the true pictures in levels of 255, before the repair and after it."""
    pairs = [(broken - image, network(broken, class_ids) - image) for broken, image, class_ids in batches]
    before, after = (torch.cat(differences).abs().mean().item() * 127.5 for differences in zip(*pairs, strict=True))
    return before, after


def strongest(network: UNet) -> list[list[str]]:
    """The classes of which each expert has the largest share."""
    chosen = network.logits.argmax(1).tolist()
    return [[name for name, e in zip(CLASSES, chosen, strict=True) if e == expert] for expert in range(EXPERTS)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Train three small U-Nets, two of them with a kernel per pixel.")
    parser.add_argument("--steps", type=int, default=120, help="of each training")
    parser.add_argument("--batches", type=int, default=40, help="of 8 scenes, to learn from; a fifth as many to judge")
    args = parser.parse_args()
    known, unseen = draw_batches(args.batches, "train"), draw_batches(-(-args.batches // 5), "val")
    for source in get_args(Source):
        network = train(source, known, args.steps)
        before, after = measure(network, unseen)
        print(f"routing from {source:<8} {before:.1f} levels off in unseen scenes, {after:.1f} after the repair")
        if source == "labels":
            for expert, names in enumerate(strongest(network), start=1):
                print(f"  expert {expert} is strongest in: {', '.join(names) or 'nothing'}")


if __name__ == "__main__":
    main()
