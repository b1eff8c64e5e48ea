"""A bank of segments on disk: opened, searched, checked."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from semsyn.data.bank.manifest import MANIFEST, PREVIOUS, Manifest
from semsyn.data.bank.part import Part, check_files, number_parts
from semsyn.data.bank.retrieval import Score, search_segments
from semsyn.data.bank.write_part import checksum
from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import check_ids
from semsyn.labels import LabelSpace
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.cutouts import Cutouts
from semsyn.nn.compose.proposals import Matches, Proposals, nothing_found
from semsyn.nn.compose.segments import Segments, find_segments


class SegmentBank:
    """Segments of photographs by class, shape and place, in a folder on disk.

    Opening reads a small file and maps the others into memory: a bank needs no more memory than the pages that a search
    touches, and processes share them. Its files never change; a bank grows by parts. Build one with
    ``semsyn prepare bank``, or `semsyn.data.build_bank`.

    Args:
        folder: of the bank.

    Attributes:
        folder: of the bank.
        config: how its scenes were cut, with its label space and its class groups.
        parts: in the order in which images and segments are numbered.

    Raises:
        InputError: if there is no bank, or a file of it is missing or damaged; the message names it. Where the state
            before the last change is whole, that one opens instead, with a warning.

    Reference: Qi et al., "Semi-parametric Image Synthesis", arXiv:1804.10992, 3.1.
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder)
        manifest, parts = _open(self.folder)
        self.config = manifest.config
        self.parts = parts

    def __len__(self) -> int:
        return sum(part.entry.segments for part in self.parts)

    def __repr__(self) -> str:
        h, w = self.config.size
        return (
            f"SegmentBank({str(self.folder)!r}: {len(self)} segments of {self.num_images} images, {h} x {w}, "
            f"label space {self.space.name!r})"
        )

    def __reduce__(self) -> tuple[type["SegmentBank"], tuple[Path]]:
        return SegmentBank, (self.folder,)  # another process maps the files itself

    @property
    def num_images(self) -> int:
        """Of all parts."""
        return sum(part.entry.images for part in self.parts)

    @property
    def space(self) -> LabelSpace:
        """Its label space."""
        return self.config.space

    @property
    def groups(self) -> ClassGroups:
        """Its class groups."""
        return self.config.groups

    @cached_property
    def class_counts(self) -> tuple[int, ...]:
        """How many segments there are of each class."""
        return tuple(sum(len(part.rows(c)) for part in self.parts) for c in range(self.space.num_classes))

    def find_segments(self, class_ids: Tensor) -> Segments:
        """The segments of a query, found as those of the bank were; small ones, too.

        Args:
            class_ids: h w, of the bank's size, ids of its label space.

        Raises:
            InputError: for another size, or ids of another space.
        """
        check_shape(class_ids, "h w", name="class_ids", h=self.config.size[0], w=self.config.size[1])
        return find_segments(class_ids, self.groups)

    def retrieve(
        self,
        segments: Segments,
        class_ids: Tensor | None = None,
        *,
        count: int = 10,
        score: Score = "mask",
        as_released: bool = False,
        threads: int = 1,
    ) -> Matches:
        """The best segments of the same class for each segment of a query: exact, without shifting or resizing.

        Args:
            segments: from `find_segments`, r of them. Those that are too small get nothing, see `BankConfig.smallest`.
            class_ids: the map that they are from, h w; for ``mask+context``.
            count: how many, each of another image.
            score: ``mask``: intersection over union of the masks in the frame; ``mask+context``: to that is added how
                far the maps agree around the segment, as the paper proposes. No golden number pins the latter.
            as_released: the slots that the published search fills: within an image a later segment may displace a
                better one, and slots are not sorted. For ``mask`` alone.
            threads: how many look for segments side by side, which pays in large banks.

        Raises:
            InputError: for segments of another size, or a score that is unknown or lacks the map.
        """
        self._check(segments, class_ids, count, score, as_released)
        large = (segments.areas > self.config.least_area).nonzero()[:, 0]
        layout = None if class_ids is None or score == "mask" else class_ids.numpy(force=True)
        found = search_segments(
            self.parts, segments.select(large), layout, count=count, as_released=as_released, threads=threads
        )
        slots = torch.full((2, len(segments), count), -1)
        values = torch.zeros(2, len(segments), count, dtype=torch.float64)
        for row, best in zip(large.tolist(), found, strict=True):
            n = len(best.segments)
            slots[:, row, :n] = torch.from_numpy(np.stack([best.segments, best.images]))
            values[:, row, :n] = torch.from_numpy(np.stack([best.scores, best.overlaps]))
        return Matches(*slots, *values)

    def propose(self, segments: Segments, matches: Matches, picks: Tensor | None = None) -> Proposals:
        """The pictures that were found, at the size of the bank's photographs.

        Args:
            segments: of the query, r of them.
            matches: from `retrieve`.
            picks: which of the matches, see `Matches.pick`; None: the best of each.
        """
        places = matches.pick(picks)[:, None]
        chosen = torch.where(matches.is_found, matches.segments.gather(1, places)[:, 0], -1)
        overlaps, images = (t.gather(1, places)[:, 0] for t in (matches.overlaps, matches.images))
        large = segments.enlarge(self.config.scale)
        bare = nothing_found(large)
        pictures, joined, casters = ([c.select([i]) for i in range(len(large))] for c in bare.pieces)
        for row, segment in enumerate(chosen.tolist()):
            if segment >= 0:
                pictures[row], joined[row] = self.picture(segment), self.joined(segment)
                if int(large.class_ids[row]) in self.groups.shaded:
                    casters[row] = self.casters(int(images[row]))
        if not len(large):
            return bare
        return replace(
            bare,
            pictures=Cutouts.cat(pictures),
            joined=Cutouts.cat(joined),
            casters=Cutouts.cat(casters),
            segments=chosen,
            overlaps=overlaps,
            images=images,
        )

    def mask(self, segment: int) -> Cutouts:
        """The mask of a segment, in the frame of the maps."""
        part, row = self._find(segment)
        return self._cutout(part, row, torch.from_numpy(part.mask(row)))

    def joined(self, segment: int) -> Cutouts:
        """The mask and what joins it, in the frame of the photographs."""
        part, row = self._find(segment)
        return self._cutout(part, row, torch.from_numpy(part.joined(row))).enlarge(self.config.scale)

    def picture(self, segment: int) -> Cutouts:
        """The photograph's pixels of a segment, 3 h w in [0, 1], in the frame of the photographs."""
        part, row = self._find(segment)
        pixels = torch.from_numpy(part.pixels(row)).float() / 255
        box = torch.from_numpy(part["boxes"][row].astype(np.int64))[None] * self.config.scale
        return Cutouts(self.config.photo_size, box, (rearrange(pixels, "h w c -> c h w").contiguous(),))

    def layout(self, image: int) -> Tensor:
        """The map of an image of the bank: h w, int64."""
        part = self._part_of(image, "image", [p.first_image + p.entry.images for p in self.parts])
        return torch.from_numpy(part["layouts"][image - part.first_image].astype(np.int64))

    def casters(self, image: int) -> Cutouts:
        """Where an image has what casts shadows, in the frame of the photographs."""
        ids = torch.tensor(self.groups.casters, dtype=torch.int64)
        return Cutouts.of(torch.isin(self.layout(image), ids)[None]).enlarge(self.config.scale)

    def name(self, image: int) -> str:
        """What an image was called where it was read from."""
        part = self._part_of(image, "image", [p.first_image + p.entry.images for p in self.parts])
        return part.names[image - part.first_image]

    def verify(self) -> None:
        """Read every file and compare its checksum.

        Raises:
            InputError: naming each file that is missing or damaged.
        """
        wrong = []
        for part in self.parts:
            check_files(part.folder, part.entry)
            wrong += [str(part.folder / n) for n, (_, d) in part.entry.files.items() if checksum(part.folder / n) != d]
        if wrong:
            raise InputError(f"{', '.join(wrong)} {'is' if len(wrong) == 1 else 'are'} damaged: build the bank again.")

    def _find(self, segment: int) -> tuple[Part, int]:
        part = self._part_of(segment, "segment", [p.first_segment + p.entry.segments for p in self.parts])
        return part, segment - part.first_segment

    def _part_of(self, number: int, what: str, ends: Sequence[int]) -> Part:
        if not 0 <= number < (ends[-1] if ends else 0):
            raise InputError(f"the bank has no {what} {number}: there are {ends[-1] if ends else 0}.")
        return self.parts[int(np.searchsorted(ends, number, side="right"))]

    def _cutout(self, part: Part, row: int, window: Tensor) -> Cutouts:
        return Cutouts(self.config.size, torch.from_numpy(part["boxes"][row].astype(np.int64))[None], (window,))

    def _check(self, segments: Segments, class_ids: Tensor | None, count: int, score: str, as_released: bool) -> None:
        if segments.size != self.config.size:
            raise InputError(
                f"segments of a map of {segments.size[0]} x {segments.size[1]} cannot be compared with a bank of "
                f"{self.config.size[0]} x {self.config.size[1]}: resize the map first (resize_ids)."
            )
        if score not in get_args(Score):
            raise InputError(f"score is {score!r}; there are {', '.join(get_args(Score))}.")
        if count < 1:
            raise InputError(f"count must be 1 or more, found {count}.")
        if score == "mask+context" and as_released:
            raise InputError("the published search scores masks alone: score='mask+context' needs as_released=False.")
        if score == "mask+context" and class_ids is None:
            raise InputError("score='mask+context' compares maps: give class_ids, too.")
        if class_ids is not None:
            check_shape(class_ids, "h w", name="class_ids", h=self.config.size[0], w=self.config.size[1])
            check_ids(class_ids, self.space.num_classes, name="class_ids")


def _open(folder: Path) -> tuple[Manifest, tuple[Part, ...]]:
    """The last state, or the one before it."""
    try:
        return _open_state(folder, MANIFEST)
    except InputError as error:
        try:
            state = _open_state(folder, PREVIOUS)
        except InputError:
            raise error from None
        images = sum(part.entry.images for part in state[1])
        warnings.warn(f"{error} The state before it is used: {images} images.", stacklevel=4)
        return state


def _open_state(folder: Path, name: str) -> tuple[Manifest, tuple[Part, ...]]:
    if not folder.is_dir():
        raise InputError(f"{folder} is {'a file, not the folder of a bank' if folder.is_file() else 'not there'}.")
    if not (folder / name).is_file():
        raise InputError(f"{folder} is no bank of segments: it has no {name}.")
    manifest = Manifest.read(folder / name)
    return manifest, tuple(number_parts(folder, manifest.parts, manifest.config))
