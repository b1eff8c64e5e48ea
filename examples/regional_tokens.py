"""Tokens with a prompt of their region each: ``python examples/regional_tokens.py``.

A small diffusion transformer takes noise off pictures of drawn scenes, 4 × 4 pixels a token. Every class of a picture
is a prompt, every picture has a noise level, and the norms of the blocks are modulated by both: the code of a token is
that of its class plus that of the level. `TokenModulation` makes a row per class and picture of them, not per token.
"""

import argparse

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn
from torch.utils.data import DataLoader

from semsyn.data.toyscenes import CLASSES, ToyScenes
from semsyn.nn import TokenModulation

PATCH, WIDTH, SIZE = 4, 64, (32, 32)


class Block(nn.Module):
    """Attention and two linear layers, each behind a norm that knows the condition of every token."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(TokenModulation(WIDTH, WIDTH) for _ in range(2))
        self.attention = nn.MultiheadAttention(WIDTH, 4, batch_first=True)
        self.linear = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: Tensor, ids: Tensor, codes: Tensor) -> Tensor:
        y = self.norms[0](x, ids, codes)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.linear(self.norms[1](x, ids, codes))


class Transformer(nn.Module):
    """Noisy pictures n 3 h w, class ids n h w and levels n in [0, 1] to the noise, n 3 h w."""

    def __init__(self) -> None:
        super().__init__()
        pixels = 3 * PATCH**2
        self.enter, self.leave = nn.Linear(pixels, WIDTH), nn.Linear(WIDTH, pixels)
        self.places = nn.Parameter(0.02 * torch.randn(SIZE[0] * SIZE[1] // PATCH**2, WIDTH))
        self.classes, self.level = nn.Embedding(len(CLASSES), WIDTH), nn.Linear(1, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(2))

    def forward(self, image: Tensor, class_ids: Tensor, levels: Tensor) -> Tensor:
        ids = class_ids[:, PATCH // 2 :: PATCH, PATCH // 2 :: PATCH].flatten(1)  # of the pixel in the middle
        codes = F.silu(self.classes.weight + self.level(levels[:, None])[:, None])  # n k d
        x = self.enter(rearrange(image, "n c (h p) (w q) -> n (h w) (c p q)", p=PATCH, q=PATCH)) + self.places
        for block in self.blocks:
            x = block(x, ids, codes)
        x = self.leave(x)
        return rearrange(x, "n (h w) (c p q) -> n c (h p) (w q)", h=SIZE[0] // PATCH, p=PATCH, q=PATCH)


def train(knows_classes: bool, steps: int) -> list[float]:
    """The loss of each step."""
    torch.manual_seed(0)
    network = Transformer()
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    losses = []
    for sample in DataLoader(ToyScenes(8 * steps, size=SIZE), batch_size=8):
        image, class_ids = sample["image"], sample["class_ids"]
        levels, noise = torch.rand(len(image)), torch.randn_like(image)
        share = rearrange(levels, "n -> n 1 1 1")
        noisy = (1 - share) * image + share * noise
        loss = F.mse_loss(network(noisy, class_ids if knows_classes else 0 * class_ids, levels), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    steps = parser.parse_args().steps
    for name, knows_classes in {"one prompt": False, "regions": True}.items():
        losses = train(knows_classes, steps)
        last = losses[-20:]
        print(f"{name:<11} loss {losses[0]:.3f} in the first step, {sum(last) / len(last):.3f} in the last ones")
