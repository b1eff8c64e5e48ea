"""Commands that are killed: apart, for each of their processes imports this."""

import time
from pathlib import Path

from semsyn.data.io.whole_file import whole_file


def lay_out(folder: Path) -> None:
    (folder / "a").write_text("old")


def in_place(folder: Path) -> None:
    with open(folder / "a", "w") as file:
        for letter in "new":
            file.write(letter)
            file.flush()
            time.sleep(0.1)


def as_a_whole(folder: Path) -> None:
    with whole_file(folder / "a") as part, open(part, "w") as file:
        for letter in "new":
            file.write(letter)
            time.sleep(0.1)


def gone_first(folder: Path) -> None:
    (folder / "a").unlink(missing_ok=True)
    time.sleep(0.3)
    (folder / "a").write_text("new")
