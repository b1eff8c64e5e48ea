"""How commands that measure tell what they found: a line per figure, or JSON; and files for `semsyn report`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from semsyn.cli.terminal import say
from semsyn.evaluate.record import Record
from semsyn.evaluate.report import to_json, write_json

__all__ = ["RECORDS", "report_records"]

RECORDS = "records.json"


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
