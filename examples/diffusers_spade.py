"""SPADE in a U-Net of diffusers: ``pip install diffusers``, then ``python examples/diffusers_spade.py``.

The residual blocks of a `UNet2DModel` get SPADE in the place of their group norms, and learn to take noise off pictures
whose label maps they are given. Then a picture is made in many steps: gamma and beta depend on the map alone, so the
map is prepared once for all of them.
"""

import argparse
import time
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from semsyn.data.toyscenes import CLASSES, ToyScenes
from semsyn.nn import SPADE, ModulatedNetwork, PreparedCondition, replace_norms

SIZE = (64, 64)


def group_norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(8, channels, affine=False)


def build() -> ModulatedNetwork:
    """The U-Net, whose residual blocks read the map; attention and the last norm stay as they are."""
    import diffusers

    torch.manual_seed(0)
    unet = diffusers.UNet2DModel(
        sample_size=SIZE[0],
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=8,
    )
    spade = partial(SPADE, num_classes=len(CLASSES), hidden=64, norm=group_norm)
    return replace_norms(unet, spade, where=lambda name: ".resnets." in name)


def train(network: ModulatedNetwork, steps: int) -> list[float]:
    """The loss of each step."""
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler()
    optimizer = torch.optim.Adam(network.train().parameters(), lr=2e-4)
    losses = []
    for sample in DataLoader(ToyScenes(4 * steps, size=SIZE), batch_size=4):
        image, class_ids = sample["image"], sample["class_ids"]
        noise, times = torch.randn_like(image), torch.randint(1000, (len(image),))
        noisy = scheduler.add_noise(image, noise, times)
        loss = F.mse_loss(network(noisy, times, cond=class_ids).sample, noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def denoise(network: ModulatedNetwork, cond: Tensor | PreparedCondition, count: int, steps: int) -> Tensor:
    """So many pictures, n 3 h w in [-1, 1]; the same for the same weights and map."""
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler()
    scheduler.set_timesteps(steps)
    image = torch.randn(count, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    for step in scheduler.timesteps:
        image = scheduler.step(network(image, step, cond=cond).sample, step, image).prev_sample
    return image.clamp(-1, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3, help="of training")
    parser.add_argument("--denoise", type=int, default=20, help="steps of denoising")
    arguments = parser.parse_args()
    network = build()
    losses = train(network, arguments.steps)
    print(f"loss {losses[0]:.3f} in the first step, {losses[-1]:.3f} in the last")
    class_ids = ToyScenes(1, size=SIZE, seed=1)[0]["class_ids"][None]
    network.eval()
    pictures, seconds = [], []
    for cond in (class_ids, network.prepare(class_ids)):
        start = time.process_time()
        pictures.append(denoise(network, cond, 1, arguments.denoise))
        seconds.append(time.process_time() - start)
    is_same = torch.equal(*pictures)
    print(f"map read in each step {seconds[0]:.2f} s, prepared once {seconds[1]:.2f} s; the same picture: {is_same}")
