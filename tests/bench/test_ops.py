import pytest
import torch

from semsyn.bench.ops import OPERATIONS, bench_ops, bytes_moved, find_cases
from semsyn.errors import InputError, UnknownNameError
from semsyn.testing.cases import AFFINE_BENCHMARKS, AFFINE_GPU_BENCHMARKS, AFFINE_TESTS, AffineCase

SMALL = {"small": AffineCase((2, 4, 8, 8), 3, negative_slope=0.2)}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_mode_has_its_backends_and_a_copy(operation):
    case = f"{operation}/small"
    rows = list(bench_ops([case], backends=["reference", "eager"], rounds=2, table=SMALL))
    assert [(r.mode, r.backend) for r in rows] == [
        (mode, backend) for mode in ("forward", "backward") for backend in ("reference", "eager", "copy")
    ]
    assert all(r.case == case and r.batch == 2 for r in rows)
    for r in rows:
        assert r.p20 <= r.median <= r.p80
        assert r.copy_share == (1 if r.backend == "copy" else pytest.approx(r.copy_share))
        assert (r.max_error is None) == (r.backend == "copy")


def test_bytes_that_must_move():
    tensors = AffineCase((2, 4, 8, 8), 3).make()
    x, ids, tables = 4 * 2 * 4 * 64, 8 * 2 * 64, 2 * 4 * 12
    assert bytes_moved(tensors, "forward") == 2 * x + ids + tables
    assert bytes_moved(tensors, "backward") == 3 * x + ids + tables + tables // 2
    assert bytes_moved(tensors, "forward", passes=2) == 3 * x + ids + tables
    assert bytes_moved(tensors, "backward", passes=2) == 5 * x + 2 * ids + 2 * tables


def test_a_case_names_its_operation_or_means_all():
    table = SMALL | {"gains": AffineCase((1, 2, 2, 2), 2, has_gains=True)}
    both = [("indexed_affine", "small"), ("normalized_affine", "small")]
    assert find_cases(["small"], table) == both
    assert find_cases(["normalized_affine/small"], table) == both[1:]
    assert find_cases(None, table) == [both[0], ("indexed_affine", "gains"), both[1]]
    with pytest.raises(UnknownNameError, match="did you mean .*indexed_affine/gains"):
        find_cases(["normalized_affine/gains"], table)


def test_a_wrong_result_is_not_timed(monkeypatch):
    wrong = OPERATIONS["indexed_affine"]._replace(function=lambda x, **others: x)
    monkeypatch.setitem(OPERATIONS, "indexed_affine", wrong)
    with pytest.raises(InputError, match="eager is off by"):
        list(bench_ops(backends=["eager"], rounds=1, table=SMALL))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"cases": ["smal"]}, UnknownNameError, "did you mean small"),
        ({"backends": ["cuda"]}, UnknownNameError, "unknown backend"),
        ({"backends": ["kernel"], "device": "cpu"}, InputError, "needs a GPU"),
    ],
)
def test_what_cannot_run_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        list(bench_ops(**arguments, table=SMALL))


def test_gpu_cases_are_large():
    sizes = [4 * torch.Size(case.shape).numel() for case in AFFINE_GPU_BENCHMARKS.values()]
    assert min(sizes) >= 64 * 10**6
    assert {"gains", "channels-last"} <= set(AFFINE_TESTS) and "c128-256" in AFFINE_BENCHMARKS
