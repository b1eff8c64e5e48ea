"""Data sets that a family's released code knows by name: what each sets, and what its ids mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["DataSet", "name_data_set", "with_data_set"]

NAMING = ("dataset_mode", "dataset")  # original options that name the data set; the first that says anything counts


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """What the released code does for one data set.

    Attributes:
        options: values of original options, where the options themselves say nothing.
        label_space: name of the space that its maps are read with; None: whoever trained knows.
        experiment: the option ``name`` of its released network, for files of options that name no data set.
    """

    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    label_space: str | None = None
    experiment: str | None = None


def name_data_set(options: Mapping[str, Any], known: Mapping[str, DataSet]) -> str | None:
    """The data set that original options name, known or not; None if they name none."""
    for option in NAMING:
        said = str(options.get(option) or "").strip().lower()
        if said not in ("", "none"):
            return said
    experiment = options.get("name")
    return next((name for name, one in known.items() if one.experiment and one.experiment == experiment), None)


def with_data_set(options: Mapping[str, Any], known: Mapping[str, DataSet]) -> dict[str, Any]:
    """Original options, and for what they leave out what the data set that they name sets."""
    data_set = known.get(name_data_set(options, known) or "", DataSet())
    return {**data_set.options, **{name: value for name, value in options.items() if value is not None}}
