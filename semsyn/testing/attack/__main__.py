"""``python -m semsyn.testing.attack --minutes N``: every kind again and again, with new seeds, on end.

A kind whose inputs take a hundred times as long gets a tenth as many of them, so that all get many. It prints how many
inputs of each kind were tried, and every unexpected exception by kind; exit code 1 if there was one.
``--only KIND --seed N`` makes one input again.
"""

import argparse
import faulthandler
import logging
import sys
import time
import warnings
from dataclasses import dataclass, field

from semsyn.testing.attack.attempt import Attack, Outcome, attempt
from semsyn.testing.attack.kinds import kinds, slow_kinds

QUICK, SLOW = 180.0, 600.0  # seconds of an attempt, on machines that do much else


@dataclass
class Tally:
    """What was tried of a kind: how many inputs, in how many seconds, how many were refused, what was at fault.

    An attempt that takes longer than ``limit`` seconds is at fault.
    """

    attack: Attack
    limit: float
    tried: int = 0
    seconds: float = 0.0
    refused: int = 0
    faults: list[Outcome] = field(default_factory=list)

    def attempt(self, kind: str, seed: int) -> None:
        """Try an input; a fault is printed at once."""
        start = time.monotonic()
        outcome = attempt(self.attack, kind, seed, seconds=self.limit)
        self.seconds += time.monotonic() - start
        self.tried += 1
        self.refused += outcome.refused is not None
        if outcome.fault is not None:
            self.faults.append(outcome)
            print(f"{kind} --seed {seed}: {outcome.fault}", flush=True)


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m semsyn.testing.attack", description="Attack semsyn.")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (default: 1)")
    parser.add_argument("--only", metavar="KIND", help="kinds whose name begins so")
    parser.add_argument("--seed", type=int, help="one input of each kind, of this seed")
    args = parser.parse_args(argv)
    known = {name: Tally(attack, QUICK) for name, attack in kinds().items()}
    known |= {name: Tally(attack, SLOW) for name, attack in slow_kinds().items()}
    chosen = {name: tally for name, tally in known.items() if name.startswith(args.only or "")}
    if not chosen:
        parser.error(f"no kind begins with {args.only!r}; there are {', '.join(known)}.")
    end = time.monotonic() + 60 * args.minutes
    if args.seed is not None:
        for kind, tally in chosen.items():
            tally.attempt(kind, args.seed)
    while args.seed is None and time.monotonic() < end:
        kind, tally = min(chosen.items(), key=lambda item: item[1].tried * item[1].seconds)
        tally.attempt(kind, tally.tried)
    return _report(chosen)


def _report(tallies: dict[str, Tally]) -> int:
    for kind, tally in tallies.items():
        unexpected = f", {len(tally.faults)} UNEXPECTED" if tally.faults else ""
        print(f"{kind}: {tally.tried} tried, {tally.refused} refused{unexpected}")
    tried = sum(tally.tried for tally in tallies.values())
    faults = sum(len(tally.faults) for tally in tallies.values())
    print(f"{tried} inputs of {len(tallies)} kinds, {faults} unexpected exceptions")
    return 1 if faults else 0


if __name__ == "__main__":
    faulthandler.enable()
    logging.disable()
    warnings.simplefilter("ignore")
    sys.exit(main())
