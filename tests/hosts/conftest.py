"""What runs inside other frameworks. `.ci/run` installs them; elsewhere a test whose host is missing is skipped."""

from collections.abc import Callable

import pytest
import torch
from torch.utils.data import Dataset

from semsyn import Generator, Layout
from semsyn.models import CLADEConfig, OASISConfig


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/hosts" in item.path.as_posix():
            item.add_marker(pytest.mark.hosts)


class Scenes(Dataset[tuple[Layout, torch.Tensor]]):
    """Scenes of one map each, with a picture."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[Layout, torch.Tensor]:
        rng = torch.Generator().manual_seed(index)
        ids = torch.randint(5, (1, 32, 32), generator=rng)
        layout = Layout.of(ids, space=5, requires=("instance_ids", "edges", "offsets"))
        return layout, torch.rand(3, 32, 32, generator=rng) * 2 - 1


@pytest.fixture
def scenes() -> Scenes:
    return Scenes()


@pytest.fixture
def build() -> Callable[[str], Generator]:
    """Makes a small generator: CLADE with all it can read, or OASIS, whose norms are SPADE."""

    def make(family: str = "clade") -> Generator:
        torch.manual_seed(0)
        if family == "clade":
            return CLADEConfig(num_classes=5, image_size=(32, 32), width=1, has_offsets=True).build()
        return OASISConfig(num_classes=5, image_size=(32, 32), width=1, hidden=4, code_dim=4).build()

    return make
