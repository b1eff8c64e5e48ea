import pytest
import torch

from semsyn.data.bank.build import build_bank
from semsyn.data.bank.groups import class_groups
from semsyn.data.bank.manifest import BankConfig
from semsyn.data.bank.scenes import ToyBankScenes
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes.scene import draw_scene
from semsyn.models.sims.config import SIMSConfig
from semsyn.records.layout import Layout

SIZE = (64, 64)
CONFIG = SIMSConfig(
    num_classes=15,
    image_size=SIZE,
    width=1,
    transform_width=1,
    order_width=1,
    candidates=2,
    inner_band=2,
    shade_band=3,
    leak_band=3,
    outer_band=3,
)


@pytest.fixture(scope="session")
def bank(tmp_path_factory):
    """A few toyscenes."""
    space = label_space("toyscenes")
    config = BankConfig(space=space, groups=class_groups(space), size=SIZE, smallest=0.004)
    return build_bank(tmp_path_factory.mktemp("bank") / "toys", ToyBankScenes(5), config, workers=0)


@pytest.fixture
def generator(bank: SegmentBank):
    torch.manual_seed(0)
    generator = CONFIG.build().eval()
    torch.nn.init.normal_(generator.conditioner.transform_net.to_theta.bias, std=2)
    generator.label_space = bank.space
    return generator.attach("bank", bank)


@pytest.fixture(scope="session")
def layout():
    """Three scenes that are not in the bank."""
    scenes = [draw_scene(index, size=SIZE, split="val") for index in range(3)]
    return Layout(class_ids=torch.stack([torch.from_numpy(scene.class_ids) for scene in scenes]))
