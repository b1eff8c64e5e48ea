from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.data.io.blended_ids import is_blended

MAPS = sorted((Path(__file__).parents[3] / "examples/maps").glob("*.png"))
Resampling = Image.Resampling


def resized(path: Path, factor: float, how: Resampling) -> torch.Tensor:
    ids = Image.fromarray(np.array(Image.open(path)))
    smaller = ids.resize((round(ids.width * factor), round(ids.height * factor)), how)
    return torch.from_numpy(np.array(smaller).astype(np.int64))


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_smooth_resizing_is_noticed(path: Path) -> None:
    for factor in (0.5, 1, 2):
        assert not is_blended(resized(path, factor, Resampling.NEAREST))
    for how in (Resampling.BILINEAR, Resampling.BICUBIC):
        assert is_blended(resized(path, 0.5, how))
        assert is_blended(resized(path, 1.5, how))


def test_maps_that_say_nothing_are_believed() -> None:
    assert not is_blended(torch.zeros(8, 8, dtype=torch.int64))
    assert not is_blended(torch.tensor([[3, 4, 5]]))
    assert not is_blended(torch.randint(0, 30, (32, 32), generator=torch.Generator().manual_seed(0)))
