"""kornia: what augments pictures and maps together, and what measures pictures."""

from collections.abc import Callable

import pytest
import torch
from torch.utils.data import Dataset, default_collate

from semsyn import Layout

kornia = pytest.importorskip("kornia", reason="kornia is not installed")


def test_maps_that_were_augmented_are_layouts(build: Callable, scenes: Dataset) -> None:
    layout, image = scenes[0]
    flip = kornia.augmentation.AugmentationSequential(
        kornia.augmentation.RandomHorizontalFlip(p=1.0), data_keys=["input", "mask"]
    )
    flipped, mask = flip(image[None], layout.class_ids[:, None].float())
    ids = mask[:, 0].round().long()
    assert torch.equal(ids, layout.class_ids.flip(-1))
    again = Layout.of(ids, space=5, requires=build().requires)
    picture = build().render(ids[0].numpy(), output="pt")
    assert picture.shape == flipped.shape and len(again) == 1


def test_losses_train_a_generator(build: Callable, scenes: Dataset) -> None:
    generator = build()
    layout, image = default_collate([scenes[0], scenes[1]])
    kornia.losses.ssim_loss((generator(layout) + 1) / 2, (image + 1) / 2, window_size=5).backward()
    assert all(p.grad is not None for p in generator.parameters())
