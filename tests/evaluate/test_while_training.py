"""What is measured while a generator learns."""

from dataclasses import dataclass, field

import pytest
import torch

from semsyn.evaluate.while_training import KernelEvaluation
from semsyn.models import CLADEConfig
from semsyn.records.layout import Layout


@dataclass
class Reader:
    """Means of colours; keeps the sizes of what it is given."""

    sizes: list = field(default_factory=list)

    def __call__(self, pictures):
        self.sizes.append(tuple(pictures.shape[2:]))
        return pictures.mean((2, 3)), None


class Scenes:
    def __len__(self):
        return 4

    def batch(self, indices):
        ids = torch.zeros(len(indices), 32, 64, dtype=torch.int64)
        return Layout(class_ids=ids), torch.zeros(len(indices), 3, 32, 64)


@pytest.mark.parametrize(("side", "size"), [(192, (192, 384)), (33, (64, 128)), (32, (32, 64)), (1, (32, 64))])
def test_small_pictures_are_enlarged_for_the_reader(side, size):
    torch.manual_seed(0)
    generator = CLADEConfig(num_classes=2, image_size=(32, 64), width=1).build().eval()
    reader = Reader()
    figures = KernelEvaluation(reader, side=side)(generator, Scenes())
    assert set(reader.sizes) == {size} and set(figures) == {"kid"}
