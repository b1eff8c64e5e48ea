import torch

from semsyn.ops.indexed_affine.reference import look_up


def test_rows_come_from_each_images_own_table() -> None:
    tables = torch.arange(12.0).reshape(2, 3, 2)  # image r c
    ids = torch.tensor([[[0, 2]], [[1, 1]]])
    found = look_up(tables, ids)
    assert found.shape == (2, 2, 1, 2)
    assert found[0, :, 0].T.tolist() == [[0, 1], [4, 5]]
    assert found[1, :, 0].T.tolist() == [[8, 9], [8, 9]]
    assert torch.equal(look_up(tables[0], ids), look_up(tables[:1].repeat(2, 1, 1), ids))
