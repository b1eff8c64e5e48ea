"""``python -m semsyn.testing.attack --minutes N``: every kind in turn, with new seeds, on end.

It prints how many inputs of each kind were tried, and every unexpected exception by kind; exit code 1 if there was one.
``--only KIND --seed N`` makes one input again.
"""

import argparse
import sys
import time
from collections import Counter
from itertools import count

from semsyn.testing.attack.attempt import Outcome, attempt
from semsyn.testing.attack.kinds import kinds, slow_kinds

SELDOM = 20  # rounds between those with the slow kinds


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m semsyn.testing.attack", description="Attack semsyn.")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (default: 1)")
    parser.add_argument("--only", metavar="KIND", help="kinds whose name begins so")
    parser.add_argument("--seed", type=int, help="one input of each kind, of this seed")
    args = parser.parse_args(argv)
    known = kinds() | slow_kinds()
    chosen = {name: attack for name, attack in known.items() if name.startswith(args.only or "")}
    if not chosen:
        parser.error(f"no kind begins with {args.only!r}; there are {', '.join(known)}.")
    rare = slow_kinds() if args.only is None else {}
    end = time.monotonic() + 60 * args.minutes
    tried: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    faults: dict[str, list[Outcome]] = {}
    for seed in count() if args.seed is None else [args.seed]:
        for kind, attack in chosen.items():
            if kind in rare and seed % SELDOM:
                continue
            if args.seed is None and time.monotonic() > end:
                return _report(tried, refused, faults)
            outcome = attempt(attack, kind, seed)
            tried[kind] += 1
            refused[kind] += outcome.refused is not None
            if outcome.fault:
                faults.setdefault(kind, []).append(outcome)
                print(f"{kind} --seed {seed}: {outcome.fault}", flush=True)
    return _report(tried, refused, faults)


def _report(tried: Counter[str], refused: Counter[str], faults: dict[str, list[Outcome]]) -> int:
    for kind in tried:
        unexpected = f", {len(faults[kind])} UNEXPECTED" if kind in faults else ""
        print(f"{kind}: {tried[kind]} tried, {refused[kind]} refused{unexpected}")
    print(f"{tried.total()} inputs of {len(tried)} kinds, {sum(map(len, faults.values()))} unexpected exceptions")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
