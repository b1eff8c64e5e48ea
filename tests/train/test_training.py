import pytest
import torch

from semsyn.train.lessons import source


@pytest.mark.parametrize("seed", [1, 5, -5, 10**9, 10**17])
def test_any_seed_draws_anew_at_each_step(seed: int) -> None:
    sources = [source(seed, number, of_steps=flag) for number in (0, 1) for flag in (False, True)]
    assert len({tuple(torch.rand(2, generator=source).tolist()) for source in sources}) == 4
