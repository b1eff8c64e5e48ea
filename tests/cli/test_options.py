"""Absurd values of any option are one line and exit code 2."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from semsyn.cli.main import COMMANDS, make_parser
from semsyn.cli.options import MAX_PIXELS, count_up_to, parse_factor, parse_id, parse_path, parse_seed, parse_size

PATHS = ("PATH", "DIR", "FILE", "MAP", "RUN", "OUT", "SOURCE", "CHECKPOINT")
NO_NUMBERS = ("", " ", "-1", "nan", "inf", "1e9", "0x10", "1_000", "٣", "9" * 30, "1\n")
NO_SIZES = ("", "256", "0x256", "256x", "-1x256", "256x256x3", "٣x٣", "999936x999936", "8193x8192", "1" * 30 + "x1")


def actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Of a parser and those of its subcommands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from actions(below)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_value_is_checked_where_it_is_read(command: str) -> None:
    found = list(actions(make_parser(command)))
    assert not [action.dest for action in found if action.type in (int, float, Path)]
    paths = [a for a in found if a.metavar in PATHS and a.type is not parse_path]
    assert not [action.dest for action in paths]


@pytest.mark.parametrize("parse", [count_up_to(9), parse_seed, parse_id, parse_factor])
@pytest.mark.parametrize("text", NO_NUMBERS)
def test_no_numbers(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="^expected .*, found "):
        parse(text)


@pytest.mark.parametrize("text", NO_SIZES)
def test_no_sizes(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="^expected .*, found "):
        parse_size(text)


def test_the_largest_values() -> None:
    assert parse_size("8192x8192") == (8192, 8192)
    assert MAX_PIXELS == 8192**2
    assert count_up_to(9)("9") == 9
    with pytest.raises(argparse.ArgumentTypeError, match="from 1 to 9, found 10"):
        count_up_to(9)("10")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("generate", "n", "m", "--out", ""), "argument --out: expected a path, found ''"),
        (("generate", "n", "", "--out", "o"), "argument MAP: expected a path, found ''"),
        (("generate", "n", "m", "--out", "o", "--checkpoint", ""), "argument --checkpoint: expected a path"),
        (("generate", "n", "m", "--out", "o", "--size", "999936x999936"), "at most 67,108,864 pixels"),
        (("generate", "n", "m\0", "--out", "o"), "'m\\x00' holds a NUL character"),
        (("generate", "n", "m", "--out", "o", "--resample-instance", "9" * 30), "expected an id such as 3"),
        (("generate", "n", "m", "--out", "o", "--max-distance", "nan"), "expected a number from 0"),
        (("prepare", "parts", "toyscenes", "--out", "o", "--count", "999999999"), "from 1 to 1,000"),
        (("train", "clade/toyscenes", "--out", "o", "--scenes", "999999999"), "from 1 to 1,000,000"),
        (("train", "clade/toyscenes", "--out", "o", "--seed", "-5"), "expected a whole number from 0"),
        (("bench", "ops", "--threads", "999999999"), "from 1 to 1,024"),
        (("convert", "x", "--out", ""), "argument --out: expected a path"),
    ],
)
def test_absurd_values_are_one_line(
    argv: tuple[str, ...], message: str, semsyn: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = semsyn(*argv)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "device", ["hpu", "meta", "cuda:99", "mps", "xpu", "vulkan", "gpu", "", "cpu:x", "privateuseone"]
)
def test_devices_that_are_not_there(device: str, clade: Path, maps: Path, tmp_path: Path, semsyn: Callable) -> None:
    code, out, err = semsyn("generate", clade, maps, "--out", tmp_path / "out", "--device", device)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"--device {device}" in err and "cannot be used here" in err


def test_too_many_pictures_are_refused_before_they_are_listed(
    clade: Path, maps: Path, tmp_path: Path, semsyn: Callable
) -> None:
    code, _, err = semsyn("generate", clade, maps, "--out", tmp_path / "out", "--samples", "999999999")
    assert code == 2
    assert "3 maps with 999,999,999 samples each make 2,999,999,997 pictures" in err
