import io

import pytest

from semsyn.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(total: int, stream: io.StringIO, *, quiet: bool = False) -> str:
    with Progress(total, "maps", quiet=quiet, stream=stream) as progress:
        for _ in range(total):
            progress.step()
    return stream.getvalue()


def test_a_log_gets_at_most_ten_lines() -> None:
    lines = run(1000, io.StringIO()).splitlines()
    assert len(lines) == 10
    assert lines[0] == "semsyn: 100 of 1000 maps"
    assert lines[-1] == "semsyn: 1000 of 1000 maps"
    assert run(3, io.StringIO()).splitlines()[-1] == "semsyn: 3 of 3 maps"


def test_a_terminal_gets_one_line_that_is_redrawn() -> None:
    text = run(4, Terminal())
    assert text.count("\r") == 4
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert "4/4 maps" in text


def test_what_follows_an_unfinished_bar_has_its_own_line() -> None:
    stream = Terminal()
    with pytest.raises(ZeroDivisionError), Progress(2, "maps", stream=stream) as progress:
        progress.step()
        raise ZeroDivisionError
    assert stream.getvalue().endswith("\n")


def test_quiet_is_quiet() -> None:
    assert run(3, Terminal(), quiet=True) == ""
