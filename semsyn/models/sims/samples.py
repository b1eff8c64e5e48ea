"""What SIMS' networks learn from: labelled photographs, with what a composer would make of them."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from semsyn.data.bank.samples.draw import uniform
from semsyn.data.bank.samples.synthesis_sample import make_synthesis_sample
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.data.io.folders import cityscapes_frame, list_pictures
from semsyn.data.io.pictures import open_image, to_levels
from semsyn.errors import InputError
from semsyn.functional.maps import resize_ids
from semsyn.labels import LabelSpace
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.elision import noise_keys


class Simulated(NamedTuple):
    """A photograph's simulated canvas, 3 h w uint8, and the layout that goes with it, h w, both at full size."""

    canvas: Tensor
    class_ids: Tensor


class Samples(Protocol):
    """Labelled photographs.

    Attributes:
        space: their classes.
        groups: what is known of the classes.
        smallest: share of the frame that a segment must have more of.
        scale: how many times the size of maps photographs have.
    """

    @property
    def space(self) -> LabelSpace: ...
    @property
    def groups(self) -> ClassGroups: ...
    @property
    def smallest(self) -> float: ...
    @property
    def scale(self) -> int: ...
    def __len__(self) -> int: ...

    def photo(self, number: int) -> Tensor:
        """3 h w, uint8."""
        ...

    def layout(self, number: int) -> Tensor:
        """h w, int64, at the size of maps."""
        ...

    def depth(self, number: int) -> Tensor:
        """h w at the size of maps, larger is nearer; 0 is not known."""
        ...

    def simulate(self, number: int, rng: torch.Generator) -> Simulated:
        """A canvas as a composer might leave it."""
        ...


class BankSamples:
    """The photographs that a bank was cut from, with canvases simulated when they are asked for.

    Args:
        bank: knows their layouts.
        photos: the folder that it was built from.
        depths: folder with a picture for each, larger is nearer, such as disparities; None: there are none.
    """

    def __init__(self, bank: SegmentBank, photos: Path, depths: Path | None = None) -> None:
        self.bank, self.photos = bank, photos
        self.numbers: Sequence[int] = range(bank.num_images)
        self.depths = {} if depths is None else {_frame(path): path for path in list_pictures(depths)}
        self.space, self.groups = bank.space, bank.groups
        self.smallest, self.scale = bank.config.smallest, bank.config.scale

    @classmethod
    def of(cls, given: Mapping[str, Path]) -> "BankSamples":
        """From the paths of ``bank``, ``photos`` and perhaps ``depths``."""
        return cls(SegmentBank(given["bank"]), given["photos"], given.get("depths"))

    def only(self, places: Sequence[int], *, most: int) -> "BankSamples":
        """Some of them, the first ``most`` at those places."""
        chosen = copy.copy(self)
        chosen.numbers = [self.numbers[place] for place in places[:most]]
        return chosen

    def __len__(self) -> int:
        return len(self.numbers)

    def photo(self, number: int) -> Tensor:
        """3 h w, uint8."""
        return self._read(self.numbers[number])

    def _read(self, image: int) -> Tensor:
        return to_levels(open_image(self.photos / self.bank.name(image)), self.bank.config.photo_size)

    def layout(self, number: int) -> Tensor:
        """h w, int64."""
        return self.bank.layout(self.numbers[number])

    def depth(self, number: int) -> Tensor:
        """h w, float.

        Raises:
            InputError: if there is no picture of that photograph's depth.
        """
        name = self.bank.name(self.numbers[number])
        path = self.depths.get(_frame(Path(name)))
        if path is None:
            raise InputError(f"there is no picture of the depth of {name}: give --depths FOLDER with one for each.")
        with Image.open(path) as picture:
            values = torch.from_numpy(np.array(picture, dtype=np.float32))
        if values.ndim != 2:
            raise InputError(f"{path} is no picture of depth: it has {values.ndim} axes, one channel was expected.")
        return resize_ids(values, self.bank.config.size)

    def simulate(self, number: int, rng: torch.Generator) -> Simulated:
        """A canvas out of the photograph's own segments, seen through foreign silhouettes."""
        keys = noise_keys(torch.rand(self.bank.config.photo_size, generator=rng))
        made = make_synthesis_sample(
            self.photo(number),
            self.layout(number),
            self.bank,
            self._read,
            uniform(rng),
            keys,
            image=self.numbers[number],
        )
        return Simulated(made.canvas, made.class_ids)


def _frame(path: Path) -> str:
    """What a photograph and the picture of its depth have in common."""
    return cityscapes_frame(path.with_suffix(""))
