import torch

from semsyn.bench.timing import Times, interleave

CPU = torch.device("cpu")


def test_functions_take_turns_and_a_round_has_one_input():
    seen = []
    functions = {name: lambda index, name=name: seen.append((name, index)) for name in "abc"}
    seconds = interleave(functions, rounds=4, device=CPU)
    assert {name: len(times) for name, times in seconds.items()} == {"a": 4, "b": 4, "c": 4}
    assert [index for _, index in seen] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert ["".join(name for name, index in seen if index == i) for i in range(4)] == ["abc", "bca", "cab", "abc"]


def test_a_quick_function_is_called_several_times_per_measurement():
    calls = []
    interleave({"quick": calls.append}, rounds=2, device=CPU, shortest=0.002)
    assert len(calls) > 10


def test_percentiles():
    assert Times.of([5.0, 1.0, 2.0, 4.0, 3.0, 6.0]) == Times(p20=2.0, median=3.5, p80=5.0)
    assert Times.of([2.0]) == Times(p20=2.0, median=2.0, p80=2.0)
