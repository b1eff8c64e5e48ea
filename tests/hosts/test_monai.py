"""MONAI: its U-Net with conditional norms, its own SPADE, its way to put batches together."""

import copy
from functools import partial

import pytest
import torch
from torch.utils.data import Dataset

from semsyn import Layout
from semsyn.nn import CLADE, MonaiSPADE, PreparedCondition, replace_norms

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


def test_its_spade_unet_for_diffusion() -> None:
    """With class ids in place of one-hot maps, prepared once for all steps; its state goes both ways."""
    from monai.networks.nets import SPADEDiffusionModelUNet

    torch.manual_seed(0)
    unet = SPADEDiffusionModelUNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        label_nc=5,
        channels=(8, 16),
        attention_levels=(False, False),
        num_res_blocks=1,
        norm_num_groups=4,
        spade_intermediate_channels=16,
    ).eval()
    for parameter in unet.parameters():
        if not parameter.any():  # its last convolution, and one in each block
            torch.nn.init.normal_(parameter, std=0.1)
    ids = torch.randint(5, (2, 32, 32))
    one_hot = torch.nn.functional.one_hot(ids, 5).permute(0, 3, 1, 2).float()
    network, prepared = MonaiSPADE.replace_in(copy.deepcopy(unet)), PreparedCondition(ids)
    with torch.no_grad():
        for step in (9, 5):
            x, times = torch.randn(2, 1, 16, 16), torch.tensor([step, step])
            expected = unet(x, times, one_hot)
            for seg in (one_hot, ids, prepared):
                torch.testing.assert_close(network(x, times, seg), expected, rtol=1e-4, atol=1e-5)
    state = MonaiSPADE.monai_state(network)
    unet.load_state_dict(state)
    assert all(torch.equal(state[key], t) for key, t in unet.state_dict().items())
