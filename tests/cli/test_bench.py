import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from semsyn.bench.rows import read_csv

SMALL = ("--width", "2", "--size", "32x32", "--rounds", "2")


@pytest.fixture(autouse=True)
def _threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_generators_print_a_json_object_per_line(semsyn: Callable, tmp_path: Path) -> None:
    csv, plot = tmp_path / "rows.csv", tmp_path / "rows.svg"
    options = ("--cases", "clade/ade20k", "--backends", "plain,fused,floor", "--threads", "1", "--json")
    code, out, err = semsyn("bench", "generators", *options, "--csv", csv, "--plot", plot, "--note", "a test", *SMALL)
    assert (code, err) == (0, "")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["backend"] for row in rows] == ["plain", "fused", "floor"]
    for row in rows:
        assert {"case", "mode", "backend", "device", "p20", "median", "p80", "peak_bytes"} <= row.keys()
        assert (row["case"], row["mode"], row["device"], row["threads"]) == ("clade/ade20k", "forward", "cpu", 1)
    assert [row["note"] for row in read_csv(csv)] == ["a test"] * 3
    assert "clade/ade20k" in plot.read_text()


def test_a_table_says_where_it_was_measured(semsyn: Callable) -> None:
    code, out, _ = semsyn("bench", "generators", "--cases", "clade/ade20k", "--backends", "eager", *SMALL)
    assert code == 0
    assert f"torch {torch.__version__}" in out.splitlines()[0]
    assert out.splitlines()[-1].startswith("| clade/ade20k | forward | eager | float32 |")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("generators", "--cases", "clade/ade2k"), "did you mean clade/ade20k"),
        (("generators", "--backends", "plain,fussed"), "did you mean fused"),
        (("generators", "--backends", "plain,,fused"), "names with commas"),
        (("generators", "--dtype", "int8"), "expected some of float32"),
        (("generators", "--device", "tpu"), "cpu or cuda"),
        (("training", "--dtype", "bfloat16"), "measured in float32"),
        (("all", "--cases", "spade/ade20k"), "leave --cases and --backends out"),
        (("ops", "--plot", "x.svg"), "name it with --csv"),
    ],
)
def test_bad_input(argv: tuple[str, ...], message: str, semsyn: Callable) -> None:
    code, out, err = semsyn("bench", *argv)
    assert (code, out) == (2, "")
    assert message in err
