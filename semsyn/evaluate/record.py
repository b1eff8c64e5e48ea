"""Figures with all that is needed to repeat them."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("semsyn", "torch", "numpy", "pillow")


@cache
def find_versions() -> dict[str, str]:
    """Of Python and of what figures depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


@dataclass(frozen=True, kw_only=True)
class Record:
    """One figure.

    Attributes:
        metric: ``fid``, ``kid``, ``inception_score``, ``miou``, …
        value: the figure; NaN: it cannot be told.
        interval: what holds the true value in 95 % of cases; None: not known.
        details: what else the metric says, plain values by name.
        subject: of what: the generator's name, or the folder.
        features: what of pictures, ``inception-fid-2048``; "" where none are read.
        protocol: how it was measured (`semsyn.evaluate.protocols.Protocol.describe`).
        counts: pictures of each set.
        sha256: of weights and statistics, by what they are. That of a folder of pictures is the sum, modulo 2^256, of
            those of its files with their names.
        notes: what a reader should know: a protocol that was not kept to.
    """

    metric: str
    value: float
    interval: tuple[float, float] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    subject: str = ""
    features: str = ""
    protocol: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "metric": self.metric,
            "value": self.value,
            "interval": None if self.interval is None else list(self.interval),
            "details": dict(self.details),
            "subject": self.subject,
            "features": self.features,
            "protocol": dict(self.protocol),
            "counts": dict(self.counts),
            "sha256": dict(self.sha256),
            "notes": list(self.notes),
            "versions": find_versions(),
        }

    def __str__(self) -> str:
        of = f" of {self.features}" if self.features else ""
        pictures = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        spread = "" if self.interval is None else f" [{self.interval[0]:.6g}, {self.interval[1]:.6g}]"
        by = self.protocol.get("name", "")
        return f"{self.metric} {self.value:.6g}{spread}{of} ({pictures}){f', protocol {by}' if by else ''}"
