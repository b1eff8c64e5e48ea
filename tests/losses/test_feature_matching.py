import pytest
import torch

from semsyn.errors import InputError
from semsyn.losses import feature_matching


def maps(*values):
    return [[torch.full((1, 2, 2, 2), v) for v in scale] for scale in values]


def test_sums_layers_and_averages_scales():
    fake, real = maps((1.0, 2.0), (4.0, 8.0)), maps((0.0, 0.0), (0.0, 0.0))
    assert feature_matching(fake, real).item() == (1 + 2 + 4 + 8) / 2
    assert feature_matching(fake, real, first_map=1).item() == (2 + 8) / 2


def test_real_maps_get_no_gradient():
    fake, real = torch.randn(1, 2, requires_grad=True), torch.randn(1, 2, requires_grad=True)
    feature_matching([[fake]], [[real]]).backward()
    assert fake.grad is not None
    assert real.grad is None


def test_nothing_to_compare_is_an_error():
    with pytest.raises(InputError, match="first_map is 2"):
        feature_matching(maps((1.0, 2.0)), maps((1.0, 2.0)), first_map=2)
