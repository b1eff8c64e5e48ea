import pytest
import torch

from semsyn.errors import InputError
from semsyn.losses import feature_distance, feature_matching


def maps(*values):
    return [[torch.full((1, 2, 2, 2), v) for v in scale] for scale in values]


def test_sums_layers_averages_scales_and_leaves_the_logits_out():
    fake, real = maps((1.0, 2.0, 50.0), (4.0, 8.0, 70.0)), maps((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert feature_matching(fake, real).item() == (1 + 2 + 4 + 8) / 2
    assert feature_matching(fake, real, first_map=1).item() == (2 + 8) / 2


def test_real_maps_get_no_gradient():
    fake, real = torch.randn(1, 2, requires_grad=True), torch.randn(1, 2, requires_grad=True)
    feature_matching([[fake, fake]], [[real, real]]).backward()
    assert fake.grad is not None
    assert real.grad is None


def test_nothing_to_compare_is_an_error():
    with pytest.raises(InputError, match="first_map is 2"):
        feature_matching(maps((1.0, 2.0, 3.0)), maps((1.0, 2.0, 3.0)), first_map=2)


def test_distance_is_the_mean_over_the_maps():
    fake = [torch.full((1, 2, 4, 4), 1.0, requires_grad=True), torch.full((1, 3, 2, 2), 4.0)]
    real = [torch.zeros(1, 2, 4, 4, requires_grad=True), torch.zeros(1, 3, 2, 2)]
    distance = feature_distance(fake, real)
    assert distance.item() == 2.5
    distance.backward()
    assert fake[0].grad is not None and real[0].grad is None
    with pytest.raises(InputError, match="no maps"):
        feature_distance([], [])
