import pytest
import torch

from semsyn.ops import add_by_id as module
from semsyn.ops.add_by_id import add_by_id

R, M, C = 6, 50, 3


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 8)


@pytest.mark.parametrize("taps", [1, 4])
@pytest.mark.parametrize("has_factors", [False, True])
def test_each_row_is_added_where_its_ids_say(taps: int, has_factors: bool) -> None:
    rng = torch.Generator().manual_seed(0)
    ids = torch.randint(R - 1, (M, taps), generator=rng)  # no row has the last id
    values = [torch.randn(M, C, generator=rng, dtype=torch.float64) for _ in "ab"]
    factors = torch.randn(M, taps, generator=rng, dtype=torch.float64) if has_factors else None
    tables = [torch.ones(R, C, dtype=torch.float64) for _ in "ab"]
    add_by_id(tables, ids, values, factors=factors)
    for table, value in zip(tables, values, strict=True):
        expected = torch.ones(R, C, dtype=torch.float64)
        for m in range(M):
            for t in range(taps):
                expected[ids[m, t]] += value[m] * (1 if factors is None else factors[m, t])
        torch.testing.assert_close(table, expected)
        assert torch.equal(table[-1], torch.ones(C, dtype=torch.float64))


def test_no_rows_at_all() -> None:
    table = torch.ones(R, C)
    add_by_id([table], torch.zeros(0, 1, dtype=torch.int64), [torch.zeros(0, C)])
    assert torch.equal(table, torch.ones(R, C))


def test_long_sums_round_as_short_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 256)
    values, table = torch.full((2**16, 1), 0.1), torch.zeros(1, 1)
    add_by_id([table], torch.zeros(len(values), 1, dtype=torch.int64), [values])
    exact = float(values.double().sum())
    one_by_one = float(values[:, 0].numpy().cumsum()[-1])
    assert abs(float(table) - exact) < 0.1 * abs(one_by_one - exact)
