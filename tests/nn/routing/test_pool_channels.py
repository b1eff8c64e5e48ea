import pytest
import torch
import torch.nn.functional as F

from semsyn.errors import InputError
from semsyn.nn.routing.pool_channels import pool_channels, pool_matrix

PAIRS = [(512, 3), (256, 3), (128, 3), (64, 3), (32, 3), (32, 4), (24, 2), (384, 2), (7, 5), (2, 3), (1, 4), (5, 1)]


@pytest.mark.parametrize(("channels", "groups"), PAIRS)
@pytest.mark.parametrize("channels_last", [False, True])
def test_it_is_adaptive_pooling_along_the_channels(channels: int, groups: int, channels_last: bool) -> None:
    x = torch.randn(2, channels, 3, 4)
    expected = F.adaptive_avg_pool3d(x[:, None], (groups, 3, 4))[:, 0]
    x = x.contiguous(memory_format=torch.channels_last) if channels_last else x
    torch.testing.assert_close(pool_channels(x, groups), expected, rtol=1e-5, atol=1e-6)


def test_groups_overlap_by_a_channel_where_they_do_not_divide() -> None:
    rows = pool_matrix(512, 3) > 0
    assert [(int(r.nonzero()[0]), int(r.nonzero()[-1]) + 1) for r in rows] == [(0, 171), (170, 342), (341, 512)]
    torch.testing.assert_close(pool_matrix(512, 3, dtype=torch.float64).sum(1), torch.ones(3, dtype=torch.float64))


def test_it_keeps_the_dtype_and_sends_gradients() -> None:
    x = torch.randn(1, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: pool_channels(t, 3), (x,))
    assert pool_channels(x.bfloat16(), 3).dtype == torch.bfloat16


def test_numbers_below_one() -> None:
    with pytest.raises(InputError, match="at least 1, found 4 and 0"):
        pool_channels(torch.zeros(1, 4, 2, 2), 0)
    with pytest.raises(InputError, match="x must be n c h w"):
        pool_channels(torch.zeros(4, 2, 2), 2)


def test_compiles_in_one_graph_and_exports() -> None:
    class Module(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return pool_channels(x, 3)

    x = torch.randn(2, 8, 4, 6)
    torch.testing.assert_close(torch.compile(Module(), fullgraph=True)(x), pool_channels(x, 3))
    program = torch.export.export(Module(), (x,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.testing.assert_close(program.module()(x[:1].repeat(5, 1, 1, 1)), pool_channels(x[:1].repeat(5, 1, 1, 1), 3))
