import pytest
import torch

from semsyn.data.bank.samples.color_transfer import transfer_colors
from semsyn.errors import InputError


def test_mean_and_covariance_become_those_of_the_other():
    rng = torch.Generator().manual_seed(0)
    mix = torch.rand(3, 3, generator=rng).double()
    one = torch.rand(400, 3, generator=rng).double() @ mix
    two = torch.rand(300, 3, generator=rng).double() + 0.5
    changed = transfer_colors(one, two)
    torch.testing.assert_close(changed.mean(dim=0), two.mean(dim=0))
    torch.testing.assert_close(changed.T.cov(), two.T.cov())


def test_equal_statistics_change_nothing():
    one = torch.rand(100, 3).double()
    torch.testing.assert_close(transfer_colors(one, one.flip(0)), one)


@pytest.mark.parametrize("flat", ["pixels", "like"])
def test_constant_colours_stay_finite(flat):
    one, two = torch.rand(50, 3), torch.rand(50, 3)
    colors = {"pixels": one, "like": two, flat: torch.full((50, 3), 0.4)}
    changed = transfer_colors(**colors)
    assert changed.isfinite().all()
    torch.testing.assert_close(changed.mean(dim=0), colors["like"].double().mean(dim=0), atol=1e-6, rtol=0)


def test_other_shapes_are_told():
    with pytest.raises(InputError, match="like must be colours p 3"):
        transfer_colors(torch.rand(4, 3), torch.rand(1, 3))
