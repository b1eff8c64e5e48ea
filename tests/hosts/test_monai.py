"""MONAI: its U-Net with conditional norms, its way to put batches together."""

from functools import partial

import pytest
import torch
from torch.utils.data import Dataset

from semsyn import Layout
from semsyn.nn import CLADE, replace_norms

monai = pytest.importorskip("monai", reason="monai is not installed")


def test_norms_of_its_unet() -> None:
    from monai.networks.nets import BasicUNet

    unet = BasicUNet(2, 3, 3, features=(4, 4, 8, 8, 8, 4), norm=("instance", {"affine": True}))
    network = replace_norms(unet, partial(CLADE, num_classes=5)).eval()
    assert len(list(network.slots())) == 18
    x, maps = torch.randn(1, 3, 32, 32), [torch.full((1, 32, 32), k) for k in range(2)]
    assert not torch.equal(network(x, cond=maps[0]), network(x, cond=maps[1]))


def test_its_collation(scenes: Dataset) -> None:
    from monai.data import DataLoader

    for layout, image in DataLoader(scenes, batch_size=2):
        assert isinstance(layout, Layout) and len(layout) == len(image) == 2
