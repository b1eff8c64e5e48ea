import json

import pytest

from semsyn.bench.rows import COLUMNS, Row, append_csv, format_seconds, format_table, make_row, read_csv
from semsyn.bench.timing import Times
from semsyn.errors import InputError


def row(backend: str, median: float, **changes: object) -> Row:
    facts = {
        "case": "spade/ade20k",
        "mode": "forward",
        "backend": backend,
        "device": "cpu",
        "peak_bytes": 2**21,
        "dtype": "float32",
        "batch": 1,
        "rounds": 3,
    }
    return make_row(Times(median / 2, median, median * 2), **(facts | changes))


def test_a_line_of_json_leaves_out_what_does_not_apply():
    found = json.loads(row("floor", 0.25).to_json())
    expected = {"case": "spade/ade20k", "mode": "forward", "backend": "floor", "device": "cpu"}
    assert expected.items() <= found.items()
    assert (found["p20"], found["median"], found["p80"], found["peak_bytes"]) == (0.125, 0.25, 0.5, 2**21)
    assert "copy_share" not in found and "max_error" not in found


def test_the_table_compares_within_case_and_dtype():
    rows = [row("floor", 0.2), row("plain", 1.2), row("fused", 0.3), row("fused", 0.1, dtype="bfloat16")]
    lines = format_table(rows).splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [(c[2], c[3], c[6], c[7]) for c in cells] == [
        ("floor", "float32", "1.00", "6.00×"),
        ("plain", "float32", "6.00", "1.00×"),
        ("fused", "float32", "1.50", "4.00×"),
        ("fused", "bfloat16", "", ""),
    ]
    assert cells[2][4:6] == ["300 ms", "150 ms to 600 ms"]


def test_seconds_have_a_fitting_unit():
    assert [format_seconds(s) for s in (12.345, 0.0123, 4e-6, 2e-8)] == ["12.3 s", "12.3 ms", "4 µs", "0.02 µs"]


def test_rows_are_appended_with_where_they_come_from(tmp_path):
    path = tmp_path / "rows.csv"
    append_csv(path, [row("floor", 0.2)], note="quiet")
    append_csv(path, [row("fused", 0.3, max_error=1e-6)])
    found = read_csv(path)
    assert path.read_text().splitlines()[0] == ",".join(COLUMNS)
    assert [(r["backend"], r["median"], r["max_error"], r["note"]) for r in found] == [
        ("floor", "0.2", "", "quiet"),
        ("fused", "0.3", "1e-06", ""),
    ]
    assert all(r["torch"] and r["date"] and r["hardware"] for r in found)


def test_another_file_is_not_appended_to(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no file of benchmarks"):
        append_csv(path, [row("floor", 0.2)])
    assert path.read_text() == "a,b\n1,2\n"
