import pytest
import torch

from semsyn.ops.connected_components.op import connected_components_op


@pytest.mark.parametrize("size", [(1, 1, 1), (2, 5, 7), (1, 8, 1)])
def test_operator_is_well_formed(size: tuple[int, int, int]) -> None:
    ids = torch.randint(3, size, generator=torch.Generator().manual_seed(0))
    torch.library.opcheck(connected_components_op, (ids,))
    torch.library.opcheck(connected_components_op, (ids.transpose(1, 2),))
