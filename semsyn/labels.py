"""Label spaces: which classes there are, how they are stored, and how they are drawn."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from semsyn.errors import InputError, InputTypeError, UnknownColorsError, UnknownIdsError, UnknownNameError
from semsyn.exact import (
    check_color_map,
    exact_fields,
    parse_object,
    read_part,
    repeated_in,
    space_fields,
    whole_numbers,
    whole_pairs,
)
from semsyn.signature import checked

RGB = tuple[int, int, int]

ID_DTYPES = (torch.uint8, torch.int16, torch.uint16, torch.int32, torch.int64)
MAX_STORED_ID = 2**20
MAX_PAIRS = 2**24  # of colours that are compared at a time
UNKNOWN, VOID_WITHOUT_POLICY = -1, -2
BLACK: RGB = (0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class LabelSpace:
    """The classes of a data set, the ids its files store for them, and a colour for each.

    A stored id below ``num_classes`` means the class of that index, unless ``remap`` or ``void_ids`` say otherwise.
    ``class_ids`` made from a space lie in [0, k]; k, ``num_classes``, is "no class".

    Args:
        name: what error messages and files call it.
        classes: k names; the index is the class id.
        palette: one colour per class, all different, or none at all.
        remap: stored id → class id, where they differ (class id k: no class).
        void_ids: stored ids that mean "not labelled".
        void: what void becomes: a class id, or k for no class. None: a void pixel is an error.

    Raises:
        InputError: if the parts do not fit each other.
        InputTypeError: for a part of another type: ids are whole numbers, names are strings.
    """

    name: str
    classes: tuple[str, ...]
    palette: tuple[RGB, ...] = ()
    remap: Mapping[int, int] = field(default_factory=dict, hash=False)
    void_ids: tuple[int, ...] = (255,)
    void: int | None = None

    def __post_init__(self) -> None:
        read = exact_fields(self.name, self.classes, self.palette, self.remap, self.void_ids, self.void)
        for name, value in read.items():
            object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        k = self.num_classes
        where = f"label space {self.name!r}"
        if not k or not all(isinstance(c, str) and c for c in self.classes):
            raise InputError(f"{where} needs at least one class, and a name for each.")
        if repeated := repeated_in(self.classes):
            raise InputError(
                f"{where} names {', '.join(map(repr, repeated))} more than once; give each class its own name."
            )
        if self.palette and len(self.palette) != k:
            raise InputError(f"{where} has {k} classes but {len(self.palette)} colours; give one per class, or none.")
        if repeated := repeated_in(self.palette):
            raise InputError(f"{where} uses colour {repeated[0]} for several classes; make them differ by a level.")
        if any(not 0 <= v <= 255 for colour in self.palette for v in colour):
            raise InputError(f"{where} has a colour outside 0..255.")
        targets = (*self.remap.values(), *(() if self.void is None else (self.void,)))
        if wrong := sorted({t for t in targets if not 0 <= t <= k}):
            raise InputError(f"{where} maps to class {wrong[0]}, but class ids end at {k} (= no class).")
        if both := sorted(set(self.remap) & set(self.void_ids)):
            raise InputError(f"{where} has stored id {both[0]} both in remap and in void_ids; keep one.")
        if far := [i for i in (*self.remap, *self.void_ids) if abs(i) > MAX_STORED_ID]:
            raise InputError(f"{where} has stored id {far[0]}; stored ids end at ±{MAX_STORED_ID}.")
        if hidden := [i for i in self.void_ids if 0 <= i < k and not self.remap]:
            raise InputError(
                f"stored id {hidden[0]} of {where} is class {self.classes[hidden[0]]!r} and in void_ids; "
                "take it out there, or remap another id to that class."
            )

    @property
    def num_classes(self) -> int:
        """k, the number of classes; also the class id that means "no class"."""
        return len(self.classes)

    @cached_property
    def stored_ids(self) -> dict[int, int]:
        """Every stored id that is known → its class id (negative: void, but there is no policy for it)."""
        void = VOID_WITHOUT_POLICY if self.void is None else self.void
        return {i: i for i in range(self.num_classes)} | dict(self.remap) | dict.fromkeys(self.void_ids, void)

    @cached_property
    def _table(self) -> tuple[int, Tensor]:
        """Lowest stored id and a row per id from there on; a last row catches all others."""
        low, high = min(self.stored_ids), max(self.stored_ids)
        rows = [self.stored_ids.get(i, UNKNOWN) for i in range(low, high + 1)]
        return low, torch.tensor([*rows, UNKNOWN])

    @cached_property
    def _colour_table(self) -> tuple[Tensor, Tensor]:
        """Sorted 24-bit colours, and the class id of each."""
        colours = dict(zip(self.palette, range(self.num_classes), strict=True))
        if self.void == self.num_classes:
            colours.setdefault(BLACK, self.num_classes)
        codes = _pack(torch.tensor(list(colours), dtype=torch.int64))
        order = codes.argsort()
        return codes[order], torch.tensor(list(colours.values()))[order]

    @checked()
    def find_class(self, name: str) -> int:
        """The class id of a name.

        Raises:
            InputTypeError: unless it is text.
            UnknownNameError: naming the nearest classes.
        """
        if name not in self.classes:
            raise UnknownNameError("class", name, self.classes)
        return self.classes.index(name)

    @checked()
    def in_order_of(self, other: "LabelSpace") -> "LabelSpace":
        """The same stored ids and colours, read as the class ids of a space that has these classes in another order.

        Raises:
            InputError: if the classes are not the same; the message names those that only one of the spaces has.
        """
        if self.classes == other.classes:
            return self
        own, wanted = (sorted(set(a.classes) - set(b.classes)) for a, b in ((self, other), (other, self)))
        if own or wanted or self.num_classes != other.num_classes:
            both = [
                f"{_list_names(names)} {'is' if len(names) == 1 else 'are'} only in {space.name!r}"
                for names, space in ((own, self), (wanted, other))
                if names
            ]
            raise InputError(
                f"label spaces {self.name!r} and {other.name!r} do not have the same classes: {', '.join(both)}. Give "
                "each class the name that it has there; the order may differ."
            )
        theirs, ours = (dict(zip(space.classes, range(space.num_classes), strict=True)) for space in (other, self))
        place = [theirs[name] for name in self.classes] + [self.num_classes]
        stored = {i: place[c] for i, c in self.stored_ids.items() if i not in self.void_ids}
        return replace(
            self,
            name=f"{self.name}, in the order of {other.name}",
            classes=other.classes,
            palette=tuple(self.palette[ours[name]] for name in other.classes) if self.palette else (),
            remap={i: c for i, c in stored.items() if i != c},
            void=None if self.void is None else place[self.void],
        )

    def reading(
        self, *, remap: Mapping[int, int] | None = None, void_ids: Sequence[int] = (), void: int | None = None
    ) -> "LabelSpace":
        """The same classes, read from stored ids in another way.

        Args:
            remap: stored id → class id; ``num_classes`` is "no class". What `void_ids` held of them is dropped there.
            void_ids: stored ids that are not labelled, besides those that the space has already.
            void: what they become, a class id or ``num_classes``; None: the space's own policy, or else no class.

        Raises:
            InputError: if the parts do not fit each other.
        """
        remap = read_part("the reading", "remap", {} if remap is None else remap, "pairs of whole numbers", whole_pairs)
        void_ids = read_part("the reading", "void_ids", void_ids, "whole numbers", whole_numbers)
        voids = set(void_ids)
        policy = void if void is not None or not void_ids or self.void is not None else self.num_classes
        return replace(
            self,
            remap={i: c for i, c in {**self.remap, **remap}.items() if i not in voids},
            void_ids=tuple(dict.fromkeys([*(i for i in self.void_ids if i not in remap), *void_ids])),
            void=self.void if policy is None else policy,
        )

    def map_ids(self, label_map: Tensor) -> Tensor:
        """Turn stored ids into class ids. The only place that checks ids.

        Args:
            label_map: stored ids, uint8, int16, uint16, int32 or int64, any shape.

        Returns:
            int64 class ids in [0, k] of the same shape.

        Raises:
            InputTypeError: another dtype.
            InputError: an empty map.
            UnknownIdsError: ids that the space does not know; the message names them and what to do.
        """
        check_ids(label_map, name="label_map")
        low, table = self._table
        table = table.to(label_map.device)
        rows = (label_map.long() - low).clamp_(-1, len(table) - 1)  # below and above: the last row
        class_ids = table[rows]
        if bool((class_ids < 0).any()):
            counts = count_ids(label_map)
            raise UnknownIdsError(self._explain(counts), counts)
        return class_ids

    def unmap_ids(self, class_ids: Tensor) -> Tensor:
        """The inverse of `map_ids`: a stored id for every class id in [0, k] (its own index where that is possible).

        Raises:
            InputError: if an id is outside [0, k], or no stored id stands for a class that occurs.
        """
        self._check_class_ids(class_ids)
        inverse = {c: i for i, c in sorted(self.stored_ids.items(), key=lambda item: item[0] == item[1])}
        missing = [c for c in range(self.num_classes + 1) if c not in inverse]
        table = torch.tensor([inverse.get(c, 0) for c in range(self.num_classes + 1)], device=class_ids.device)
        if missing and (found := sorted(set(missing) & set(class_ids.unique().tolist()))):
            raise InputError(
                f"label space {self.name!r} has no stored id for class id {found[0]}; "
                + (f"set void={found[0]}." if found[0] == self.num_classes else "remap one to it.")
            )
        return table[class_ids.long()]

    def from_colors(self, rgb: Tensor) -> Tensor:
        """Turn a picture in the space's palette into class ids.

        Args:
            rgb: ... 3 uint8.

        Returns:
            int64 class ids, shape ... ; black means no class where ``void`` does and no class is black.

        Raises:
            InputTypeError: not uint8.
            InputError: no palette, or another shape.
            UnknownColorsError: colours that are not in it; the message names and counts them.
        """
        known, classes = (t.to(rgb.device) for t in self._check_colors(rgb))
        codes = _pack(rgb.long())
        at = torch.searchsorted(known, codes).clamp_(max=len(known) - 1)
        if bool((wrong := known[at] != codes).any()):
            counts = {_unpack(code): pixels for code, pixels in _count(codes[wrong])}
            raise UnknownColorsError(
                f"the colour map holds {list_counts(counts)}, which the palette of {self.name!r} does not have. "
                "Save it without smoothing or JPEG compression, or give the label space it was drawn with."
            )
        return classes[at]

    def nearest_colors(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Turn a picture whose colours are near the palette's into class ids: soft edges, noise of a compression.

        Args:
            rgb: ... 3 uint8.

        Returns:
            int64 class ids and float32 distances, shape ... : Euclidean in levels, 0 where a colour is the palette's.

        Raises:
            InputTypeError: not uint8.
            InputError: no palette, or another shape.
        """
        known, classes = (t.to(rgb.device) for t in self._check_colors(rgb))
        codes, where = _pack(rgb.long()).unique(return_inverse=True)
        colors = _split(known)
        parts = [torch.cdist(_split(part), colors).min(dim=1) for part in codes.split(max(1, MAX_PAIRS // len(known)))]
        distances, at = (torch.cat(found) for found in zip(*parts, strict=True))
        return classes[at][where], distances[where]

    def _check_colors(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        if not self.palette:
            raise InputError(f"label space {self.name!r} has no palette; give a map of ids, or a space with a palette.")
        check_color_map(rgb)
        return self._colour_table

    def to_colors(self, class_ids: Tensor) -> Tensor:
        """Draw class ids: int64 ... in [0, k] → uint8 ... 3; no class is black.

        Raises:
            InputError: if the space has no palette, or an id is outside [0, k].
        """
        if not self.palette:
            raise InputError(f"label space {self.name!r} has no palette to draw with.")
        self._check_class_ids(class_ids)
        return torch.tensor([*self.palette, BLACK], dtype=torch.uint8, device=class_ids.device)[class_ids.long()]

    def _check_class_ids(self, class_ids: Tensor) -> None:
        check_ids(class_ids, name="class_ids")
        low, high = int(class_ids.min()), int(class_ids.max())
        if low < 0 or high > self.num_classes:
            raise InputError(
                f"class_ids must lie in [0, {self.num_classes}], found {low} to {high}; map stored ids first: map_ids."
            )

    def _explain(self, histogram: Mapping[int, int]) -> str:
        unknown = {i: n for i, n in histogram.items() if self.stored_ids.get(i, UNKNOWN) < 0}
        text = f"class_ids holds {list_counts(unknown)}, but num_classes is {self.num_classes} ({self.name}). "
        if set(histogram) == {0, 255}:  # what "no class" would make of a mask is an empty picture
            text += "0 and 255 alone are a mask: say which class 255 is, as in space.reading(remap={255: 1}). "
            return text + "`semsyn inspect` proposes other readings."
        target = self.num_classes if self.void is None else self.void
        meaning = "no class" if target == self.num_classes else repr(self.classes[target])
        others = [i for i in unknown if i not in self.void_ids]
        shown = ", ".join(f"{i}: {target}" for i in others[:4]) + (", …" if len(others) > 4 else "")
        changes = [f"remap={{{shown}}}"] if others else []
        changes += [f"void={target}"] if len(others) < len(unknown) else []
        return (
            f"{text}Map void labels first: space.reading({', '.join(changes)}) makes them {meaning}. "
            "`semsyn inspect` proposes other readings."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: colours as ``"#rrggbb"``, stored ids as strings."""
        return asdict(self) | {
            "classes": list(self.classes),
            "palette": [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in self.palette],
            "remap": {str(k): v for k, v in self.remap.items()},
            "void_ids": list(self.void_ids),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "LabelSpace":
        """The inverse of `to_dict`; an unknown or missing entry, or one of another type, is an InputError."""
        try:
            return cls(**space_fields(data, [f.name for f in fields(cls)]))
        except TypeError as error:
            raise InputError(f"a label space cannot be read: {str(error).rstrip('.')}.") from error

    def to_json(self) -> str:
        """One JSON object; `from_json` gives an equal space."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "LabelSpace":
        """Read what `to_json` wrote; broken JSON, repeated keys and more than 2^26 characters are an InputError."""
        return cls.from_dict(parse_object(text, "a label space"))


def count_ids(label_map: Tensor) -> dict[int, int]:
    """Stored id → number of pixels, in the order of the ids."""
    ids, pixels = label_map.long().unique(return_counts=True)
    return dict(zip(ids.tolist(), pixels.tolist(), strict=True))


def check_ids(ids: Tensor, *, name: str) -> None:
    """Raise unless ``ids`` is a tensor of integers (InputTypeError) that is not empty (InputError)."""
    if not isinstance(ids, Tensor):
        raise InputTypeError(
            f"{name} must be a tensor, found {type(ids).__name__}; torch.from_numpy makes one of an array."
        )
    if ids.dtype not in ID_DTYPES:
        raise InputTypeError(
            f"{name} must hold uint8, int16, uint16, int32 or int64 ids, found {ids.dtype}; convert it first."
        )
    if not ids.numel():
        raise InputError(f"{name} is empty: shape {tuple(ids.shape)}.")


def _pack(rgb: Tensor) -> Tensor:
    return rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]


def _split(codes: Tensor) -> Tensor:
    """24-bit colours as float ... 3."""
    return torch.stack(_unpack(codes), dim=-1).float()


def _unpack(code: Any) -> Any:
    return code >> 16, code >> 8 & 255, code & 255


def _count(values: Tensor) -> list[tuple[int, int]]:
    """Each value with how often it occurs, the commonest first."""
    found, counts = values.unique(return_counts=True)
    order = counts.argsort(descending=True)
    return list(zip(found[order].tolist(), counts[order].tolist(), strict=True))


def _list_names(names: Sequence[str]) -> str:
    """``'sky', 'tree', 'road' and 4 more``."""
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(map(repr, names[:3])) + rest


def list_counts(counts: Mapping[Any, int]) -> str:
    """``255 in 1203 pixels, 300 in 1 pixel and 2 more in 17 pixels``."""
    shown = [f"{value} in {pixels} pixel{'s' * (pixels != 1)}" for value, pixels in list(counts.items())[:5]]
    if rest := list(counts.values())[5:]:
        shown.append(f"{len(rest)} more in {sum(rest)} pixels")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
