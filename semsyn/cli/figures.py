"""How commands that measure tell what they found: a line per figure, or JSON; and files for `semsyn report`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from semsyn.cli.jobs import check_free, check_writable
from semsyn.cli.terminal import say
from semsyn.evaluate.record import Record
from semsyn.evaluate.report import to_json, write_json

__all__ = ["RECORDS", "check_records", "report_records"]

RECORDS = "records.json"


def check_records(args: argparse.Namespace, inputs: Sequence[Path] = ()) -> None:
    """Check before the work that `report_records` will be able to write, and replaces none of the inputs."""
    if args.out is not None:
        check_free([args.out / RECORDS], inputs, overwrite=True)
        check_writable(args.out)


def report_records(records: Sequence[Record], args: argparse.Namespace) -> None:
    """Print them, and write them to `RECORDS` in ``--out``."""
    plain = {"records": [record.to_dict() for record in records]}
    if args.out is not None:
        write_json(plain, Path(args.out) / RECORDS)
    if args.json:
        say(*to_json(plain).split("\n"))
        return
    subject = ""
    for record in records:
        if record.subject != subject:
            subject = record.subject
            say(subject)
        say(f"    {record}")
    for note in dict.fromkeys(note for record in records for note in record.notes):
        say(f"note: {note}")
    if args.out is not None:
        say(f"{RECORDS} in {args.out}")
