import pytest
import torch

from semsyn.ops.region_offsets.op import region_offsets_op


@pytest.mark.parametrize("size", [(1, 1, 1), (2, 5, 7), (1, 8, 1)])
@pytest.mark.parametrize("ignore", [0, None])
def test_operator_is_well_formed(size: tuple[int, int, int], ignore: int | None) -> None:
    label_map = torch.randint(3, size, generator=torch.Generator().manual_seed(0))
    torch.library.opcheck(region_offsets_op, (label_map, ignore, True))
    torch.library.opcheck(region_offsets_op, (label_map.transpose(1, 2), ignore, False))
