"""What the commands' arguments have in common: the parser, and types that say what they expect."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from semsyn.errors import InputError

__all__ = [
    "AS_MAP",
    "MAX_PIXELS",
    "MAX_SCENES",
    "Parser",
    "add_max_pixels",
    "count_up_to",
    "parse_categories",
    "parse_count",
    "parse_factor",
    "parse_id",
    "parse_path",
    "parse_seed",
    "parse_size",
    "parse_size_or_map",
]


class Parser(argparse.ArgumentParser):
    """Keeps the line breaks of examples; wrong arguments are an `InputError` like any other bad input."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help)")


AS_MAP = "as-map"
MAX_PIXELS = 2**26  # of a picture that is made: 8192x8192; its features take a thousand times as many bytes
MAX_SCENES = 1_000_000  # 80 GB of them


def parse_path(text: str) -> Path:
    """A path; an empty one would be the folder that one is in."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path, found ''")
    return Path(text)


def parse_size_or_map(text: str) -> tuple[int, int] | str:
    """``256x512``, or ``as-map``."""
    return text if text == AS_MAP else parse_size(text)


def parse_size(text: str) -> tuple[int, int]:
    """``256x512`` to (256, 512): height, width."""
    found = re.fullmatch(r"([1-9]\d{0,5})[xX×]([1-9]\d{0,5})", text, re.ASCII)
    if not found:
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTH such as 256x512, found {text!r}")
    h, w = int(found[1]), int(found[2])
    if h * w > MAX_PIXELS:
        raise argparse.ArgumentTypeError(f"expected at most {MAX_PIXELS:,} pixels, found {text}: {h * w:,}")
    return h, w


def parse_count(text: str) -> int:
    """A whole number from 1."""
    if not re.fullmatch(r"[1-9]\d{0,8}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, found {text!r}")
    return int(text)


def count_up_to(most: int) -> Callable[[str], int]:
    """`parse_count` where more than so many would fill the memory or never end."""

    def parse(text: str) -> int:
        if (count := parse_count(text)) > most:
            raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {most:,}, found {text}")
        return count

    return parse


def add_max_pixels(parser: argparse.ArgumentParser) -> None:
    """The switch of commands that read maps; `main` obeys it."""
    parser.add_argument(
        "--max-pixels", metavar="N", type=parse_count, help="read maps of up to N pixels, larger than 8192x4096"
    )


def parse_id(text: str) -> int:
    """An id that maps may hold."""
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"expected an id such as 3, found {text!r}")
    return int(text)


def parse_seed(text: str) -> int:
    """A whole number from 0."""
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"expected a whole number from 0, found {text!r}")
    return int(text)


def parse_categories(text: str) -> dict[int, int]:
    """``3=24,5=26`` to {3: 24, 5: 26}: what the objects with these instance ids are."""
    pairs = [re.fullmatch(r"\s*(\d{1,9})\s*=\s*(\d{1,9})\s*", part, re.ASCII) for part in text.split(",")]
    if not all(pairs):
        raise argparse.ArgumentTypeError(f"expected INSTANCE=CATEGORY,… such as 3=24,5=26, found {text!r}")
    return {int(pair[1]): int(pair[2]) for pair in pairs if pair}


def parse_factor(text: str) -> float:
    """A number from 0."""
    if not re.fullmatch(r"\d{1,6}(\.\d*)?|\.\d+", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"expected a number from 0 such as 0.7, found {text!r}")
    return float(text)
