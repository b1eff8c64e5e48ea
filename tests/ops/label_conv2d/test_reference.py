import torch

from semsyn.ops.label_conv2d.reference import label_conv2d_reference


def test_each_tap_adds_its_own_column() -> None:
    weight = 10.0 ** torch.arange(9).reshape(1, 1, 3, 3).double()  # one digit per tap
    nothing = torch.ones(1, 3, 3, dtype=torch.int64)
    for p in range(3):
        for q in range(3):
            ids = nothing.clone()
            ids[0, p, q] = 0
            assert label_conv2d_reference(ids, weight, 0, 1).item() == 10 ** (3 * p + q)
    assert label_conv2d_reference(nothing, weight, 1, 1).eq(0).all(), "no class, and the outside, add nothing"
