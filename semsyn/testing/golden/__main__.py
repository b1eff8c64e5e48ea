"""``python -m semsyn.testing.golden [--area AREA] FILE…``: a line per file and a closing count; exit code 1 on any
failure, or if nothing was checked.
"""

import argparse
import sys
from pathlib import Path

from semsyn.testing.golden.replay import area_of, replay


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m semsyn.testing.golden", description="Replay golden files.")
    parser.add_argument("--area", choices=["network", "data", "training", "evaluation"], help="only files of this area")
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path)
    args = parser.parse_args(argv)
    verdicts = []
    for path in args.files:
        if args.area and area_of(path) not in (args.area, None):
            continue
        verdicts.append(replay(path))
        print(verdicts[-1], flush=True)
    passed = sum(v.passed for v in verdicts)
    failed = len(verdicts) - passed
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
