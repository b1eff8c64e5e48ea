import torch

from semsyn.nn.parts.part_coder import PartDecoder, PartEncoder


def test_shapes_at_released_widths() -> None:
    features = PartEncoder(5)(torch.rand(2, 5, 64, 64))
    assert features.shape == (2, 288, 8, 8)
    assert PartDecoder(288)(features).shape == (2, 32, 64, 64)


def test_any_side_that_32_divides() -> None:
    assert PartEncoder(1, (4, 6, 8, 10))(torch.rand(1, 1, 32, 96)).shape == (1, 30, 4, 12)
