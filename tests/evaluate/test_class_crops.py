import pytest
import torch
from torch import Tensor, nn

from semsyn.evaluate.class_crops import ClassSums, class_crops
from semsyn.evaluate.features import FeatureReader
from semsyn.metrics.frechet import feature_statistics, frechet_distance


class MeanColor(nn.Module):
    """Stands in for a tower whose only map is the picture."""

    channels = (3,)

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> list[Tensor]:
        return [x]


def test_a_box_with_all_else_grey() -> None:
    picture, ids = torch.rand(3, 10, 12), torch.full((10, 12), 9)
    ids[2:5, 3:7] = 1
    ids[3, 4] = 9
    ids[0, 0] = 0  # one pixel of 120 is less than 1 %
    ((class_id, crop),) = class_crops(picture, ids, 9)
    assert class_id == 1 and crop.shape == (3, 3, 4)
    wanted = picture[:, 2:5, 3:7].clone()
    wanted[:, 1, 1] = 0
    assert torch.equal(crop, wanted)


def test_each_class_has_its_own_distance() -> None:
    rng = torch.Generator().manual_seed(0)
    ids = torch.zeros(8, 8, dtype=torch.long)
    ids[4:] = 1
    real, fake = ClassSums(FeatureReader(MeanColor(), "color"), 3), ClassSums(FeatureReader(MeanColor(), "color"), 3)
    colors = torch.rand(2, 9, 2, 3, generator=rng)  # set, picture, class
    colors[1, :, 0] = colors[0, :, 0]
    for sums, of_set in zip((real, fake), colors, strict=True):
        sums.add((scene[ids].permute(2, 0, 1), ids) for scene in of_set)
    found = real.distances(fake)
    assert found[0] == pytest.approx(0, abs=1e-9) and found.keys() == {0, 1}
    wanted = frechet_distance(*(m for c in colors for m in feature_statistics(c[:, 1].double())))
    assert found[1] == pytest.approx(wanted, rel=1e-4)
    assert real.count(1) == 9 and real.count(2) == 0
