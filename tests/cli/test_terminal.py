"""What becomes of a command's words, and of its work, when they cannot be written."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import pytest

import semsyn.cli
from semsyn.cli.main import main
from semsyn.cli.terminal import Steady, complain, say, say_json
from semsyn.labels import LabelSpace
from tests.cli.conftest import write_map

ROOT = Path(__file__).parents[2]
Capsys = pytest.CaptureFixture[str]
NASTY = "a\x1b[31mb\nc\x9b\u202ed\x7f"
TOLD = "a\\u001b[31mb\\u000ac\\u009b\\u202ed\\u007f"


def run_in_shell(redirection: str, *argv: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "semsyn", *map(str, argv)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = ["sh", "-c", f'"$@" {redirection}', "sh", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(params=["full", "closed", "no", "unread"])
def broken(request: pytest.FixtureRequest) -> Iterator[TextIO | None]:
    """A stream that takes nothing."""
    if request.param == "no":
        yield None
        return
    if request.param == "unread":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open("/dev/full", os.O_WRONLY)
    stream = os.fdopen(writer, "w")
    if request.param == "closed":
        stream.close()
    yield stream
    with suppress(OSError):
        stream.close()


def test_a_line_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    say(NASTY, "b")
    complain("warning", NASTY)
    say_json({NASTY: ["ä"]})
    out, err = capsys.readouterr()
    first, second, *rest = out.split("\n")
    assert (first, second) == (TOLD, "b")
    assert json.loads("\n".join(rest)) == {NASTY: ["ä"]}
    assert out.isascii() and "\x7f" not in out
    assert err == "semsyn: warning: a\\u001b[31mb c\\u009b\\u202ed\\u007f\n"


def test_commands_print_by_one_function() -> None:
    for path in Path(semsyn.cli.__file__).parent.glob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        printed = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
        assert not printed or path.name == "terminal.py", f"{path}: say(), which escapes what strangers named"


def test_names_of_strangers_do_not_steer_the_terminal(semsyn: Callable, tmp_path: Path) -> None:
    path = write_map(tmp_path / "a\x1b[2Jb.png")
    space = tmp_path / "space.json"
    space.write_text(LabelSpace(name=NASTY, classes=(NASTY, *"bcde")).to_json())
    code, out, err = semsyn("inspect", path, tmp_path / "none\x1b[31m.png", "--space", space)
    assert code == 0
    assert TOLD in out
    code, _, err = semsyn("inspect", tmp_path / "none\x1b[31m.png")
    assert code == 2 and "none\\u001b[31m.png" in err
    assert "\x1b" not in out + err


def test_a_steady_stream_remembers_why_it_stopped(broken: TextIO | None) -> None:
    stream = Steady(broken)
    assert stream.write("") == 0 and stream.failure is None
    assert stream.write("ab") == 2
    stream.flush()
    failure = stream.failure
    assert isinstance(failure, OSError | ValueError)
    assert stream.write("c") == 1 and not stream.isatty()
    stream.flush()
    assert stream.failure is failure


def generate(clade: Path, maps: Path, out: Path, *, check: int = 1) -> None:
    """Two samples of each map: standard output has a line, standard error a warning."""
    assert main(["generate", str(clade), str(maps), "--samples", "2", "--out", str(out)]) == check
    assert sorted(path.name for path in out.iterdir()) == [f"scene{i}_{j}.png" for i in range(3) for j in range(2)]


def test_without_output_the_work_is_done(
    broken: TextIO | None, clade: Path, maps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capsys
) -> None:
    monkeypatch.setattr(sys, "stdout", broken)
    generate(clade, maps, tmp_path / "out")
    *warnings, error = capsys.readouterr().err.splitlines()
    assert warnings and all(line.startswith("semsyn: warning: ") for line in warnings)
    assert error.startswith("semsyn: error: standard output cannot be written: ")
    assert error.endswith(". All else is done.")


def test_without_errors_the_work_is_done(
    broken: TextIO | None, clade: Path, maps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capsys
) -> None:
    monkeypatch.setattr(sys, "stderr", broken)
    generate(clade, maps, tmp_path / "out")
    assert capsys.readouterr().out.startswith("6 pictures")
    assert main(["list", "no-such-name"]) == 2
    assert capsys.readouterr().out == "", "errors are not printed elsewhere"


@pytest.mark.parametrize("redirection", ["> /dev/full", ">&-"])
def test_the_interpreter_ends_in_peace(redirection: str) -> None:
    done = run_in_shell(redirection, "list")
    assert done.returncode == 1
    assert done.stderr.startswith("semsyn: error: standard output cannot be written: ")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_has_seen_enough_is_no_error_to_talk_about() -> None:
    done = run_in_shell("| head -c 1", "list", "--all", "--json")
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("redirection", [">&- 2>&- <&-", "> /dev/full 2>&1", "| true"])
def test_a_whole_process_does_its_work(redirection: str, clade: Path, maps: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run_in_shell(redirection, "generate", clade, maps, "--samples", 2, "--out", out)
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in out.iterdir()) == [f"scene{i}_{j}.png" for i in range(3) for j in range(2)]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in out.iterdir())
    assert done.returncode == 1 or redirection == "| true"
