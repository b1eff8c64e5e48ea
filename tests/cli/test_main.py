import argparse
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from semsyn.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]


def run_module(*argv: str, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "semsyn", *argv]
    return subprocess.run(command, env=environment, capture_output=True, text=True, **options)


def test_the_module_is_the_command() -> None:
    done = run_module("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: semsyn ")
    assert all(f"\n    {name} " in done.stdout for name in COMMANDS)
    assert done.stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_has_an_example(command: str, semsyn: Callable) -> None:
    code, out, err = semsyn(command, "--help")
    assert code == 0
    assert f"\nexamples:\n  semsyn {command}" in out
    assert max(map(len, out.splitlines())) <= 110
    assert err == ""


def test_version_and_help(semsyn: Callable) -> None:
    assert semsyn("--version").out.startswith("semsyn ")
    assert "semsyn generate clade/toyscenes" in semsyn("-h").out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "the following arguments are required: COMMAND (see semsyn --help)"),
        (["lst"], "invalid choice: 'lst'"),
        (["generate", "clade/toyscenes", "map.png"], "required: --out (see semsyn generate --help)"),
        (["generate", "n", "m", "--out", "o", "--size", "256"], "expected HEIGHTxWIDTH such as 256x512, found '256'"),
        (["generate", "n", "m", "--out", "o", "--samples", "0"], "expected a whole number from 1, found '0'"),
        (["generate", "n", "m", "--out", "o", "--seed=-1"], "expected a whole number from 0, found '-1'"),
        (["generate", "n", "m", "--out", "o", "--truncation", "nan"], "expected a number from 0"),
        (["generate", "n", "m", "--out", "o", "--dtype", "int8"], "invalid choice: 'int8'"),
    ],
)
def test_wrong_arguments_are_one_line(argv: list[str], message: str, semsyn: Callable) -> None:
    code, out, err = semsyn(*argv)
    assert code == 2
    assert out == ""
    assert err.startswith("semsyn: error: ")
    assert message in err
    assert err.count("\n") == 1


def run_instead(monkeypatch: pytest.MonkeyPatch, action: Callable[[argparse.Namespace], None]) -> None:
    import semsyn.cli.list

    monkeypatch.setattr(semsyn.cli.list, "run", action)


def stop(error: BaseException) -> Callable[[argparse.Namespace], None]:
    def action(_: argparse.Namespace) -> None:
        raise error

    return action


def test_an_interruption_has_its_own_code(monkeypatch: pytest.MonkeyPatch, semsyn: Callable) -> None:
    run_instead(monkeypatch, stop(KeyboardInterrupt()))
    assert semsyn("list") == (130, "", "semsyn: error: interrupted\n")


def test_system_errors_name_the_file(monkeypatch: pytest.MonkeyPatch, semsyn: Callable) -> None:
    run_instead(monkeypatch, stop(PermissionError(13, "Permission denied", "/x/y")))
    assert semsyn("list") == (2, "", "semsyn: error: /x/y: Permission denied\n")


def test_our_own_mistakes_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, stop(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["list"])


def test_warnings_are_one_line_of_the_first_process(monkeypatch: pytest.MonkeyPatch, semsyn: Callable) -> None:
    def action(_: argparse.Namespace) -> None:
        warnings.simplefilter("always")
        warnings.warn("mind\nthe licence", UserWarning, stacklevel=1)

    run_instead(monkeypatch, action)
    assert semsyn("list").err == "semsyn: warning: mind the licence\n"
    monkeypatch.setenv("RANK", "1")
    assert semsyn("list").err == ""
