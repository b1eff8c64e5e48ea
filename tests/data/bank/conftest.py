from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from semsyn.data.bank.build import build_bank
from semsyn.data.bank.groups import class_groups
from semsyn.data.bank.manifest import BankConfig
from semsyn.data.bank.scenes import ToyBankScenes
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.data.spaces.label_space import label_space

SPACE = label_space("toyscenes")


def make_config() -> BankConfig:
    return BankConfig(space=SPACE, groups=class_groups(SPACE), size=(48, 64), scale=2)


@pytest.fixture(scope="session")
def config() -> BankConfig:
    return make_config()


@pytest.fixture(scope="session")
def bank_folder(config: BankConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of 12 scenes, which tests read."""
    folder = tmp_path_factory.mktemp("banks") / "toy"
    build_bank(folder, ToyBankScenes(12), config, workers=0)
    return folder


@pytest.fixture
def bank(bank_folder: Path) -> SegmentBank:
    return SegmentBank(bank_folder)


@pytest.fixture
def copy_bank(bank_folder: Path, tmp_path: Path) -> Callable[[], Path]:
    """A bank that a test may spoil."""

    def copy() -> Path:
        return copytree(bank_folder, tmp_path / "copy")

    return copy
