"""How pictures become a figure: figures of two protocols are not comparable."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from semsyn.errors import InputError, UnknownNameError

# Of Pillow, on 8 bits and antialiased; ``plain-bilinear`` is torch's, on floats, which skips pixels where it shrinks.
Filter = Literal["bicubic", "bilinear", "lanczos", "nearest", "plain-bilinear"]
FILTERS: tuple[Filter, ...] = ("bicubic", "bilinear", "lanczos", "nearest", "plain-bilinear")
DATA_SETS = ("ade20k", "ade20k-outdoor", "celeba", "cityscapes", "coco-stuff", "deepfashion", "facades", "gta5", "nyu")


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How pictures become a figure.

    Attributes:
        name, source: of the protocol, and who measured so.
        sizes: (h, w) that both sets are resized to, by data set; ``""`` is for all others. Empty: not at all.
        filter: of the resizing.
        levels: what becomes of generated pictures: ``truncate`` to 8 bits, as the released code saves them;
            ``nearest``; ``float``: they never were a file.
        statistics: split of the real pictures.
        counts: generated pictures, by data set.
        is_void_counted: whether mIoU counts void pixels as wrong.
        preprocess, load_size: how maps come to the network's size (`semsyn.data.io.transforms.Transform`), where that
            is not by squashing: the protocol then needs maps, and cannot be applied to folders of pictures.
        notes: what else is known to change figures.
    """

    name: str
    source: str
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    filter: Filter = "bicubic"
    levels: Literal["truncate", "nearest", "float"] = "truncate"
    statistics: Literal["val", "train", "any"] = "val"
    counts: Mapping[str, int] = field(default_factory=dict)
    is_void_counted: bool = False
    preprocess: str = ""
    load_size: int = 0
    notes: str = ""

    def size(self, data_set: str = "") -> tuple[int, int] | None:
        """(h, w) of both sets; None: as they are.

        Raises:
            UnknownNameError: for a data set that is none of `DATA_SETS`.
            InputError: if the protocol says nothing of this data set.
        """
        if data_set and data_set not in DATA_SETS:  # a slip would get the size of all others
            raise UnknownNameError("data set", data_set, DATA_SETS)
        if not self.sizes:
            return None
        found = self.sizes.get(data_set, self.sizes.get(""))
        if found is None:
            raise InputError(
                f"protocol {self.name!r} is not defined on {data_set or 'any data set'!r}: {', '.join(self.sizes)}."
            )
        return found

    def describe(self, data_set: str = "") -> dict[str, Any]:
        """As records hold it: plain values, with the size that applies."""
        values = {key: value for key, value in asdict(self).items() if key not in ("sizes", "counts")}
        size = self.size(data_set)
        return values | {"data_set": data_set, "size": None if size is None else list(size)}


PYTORCH_FID = Protocol(
    name="pytorch-fid",
    source="the tool's defaults: no resizing but that to 299 x 299 inside of it",
    statistics="any",
)
