"""What is free: codes by name, drawn or encoded from a picture; always explicit."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import overload

import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.records.arguments import Images, as_ids, as_names, check_is
from semsyn.records.codes import Codes, Per
from semsyn.records.layout import Layout
from semsyn.records.record import Record, register_record

Instances = Iterable[int] | Mapping[int, int]
Rows = tuple[slice | Tensor, slice | Tensor | list[int]]


@register_record
@dataclass(frozen=True, eq=False, repr=False)
class Style(Record, Mapping[str, Codes]):
    """The codes of a batch of pictures, by the names that the readers' `CodeSpec` give: ``style["start"].table``.

    ``style[i]`` and ``style[2:5]`` are the styles of some of the pictures. A DataLoader puts styles together by itself
    (`Style.cat`).

    Attributes:
        codes: the same, as a mapping.
    """

    is_batch = True

    codes: Mapping[str, Codes]

    @overload
    def __getitem__(self, key: str) -> Codes: ...
    @overload
    def __getitem__(self, key: Images) -> "Style": ...
    def __getitem__(self, key: str | Images) -> "Codes | Style":
        """The codes of that name, or the codes of some pictures by a number, a slice or an index tensor."""
        return self.codes[key] if isinstance(key, str) else self.images(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.codes)

    def __len__(self) -> int:
        return len(self.codes)

    def find(self, name: str) -> Codes:
        """The codes of that name.

        Raises:
            InputError: if there are none; the message says how to get them.
        """
        if name not in self.codes:
            raise InputError(
                f"this generator reads codes {name!r}, which the style lacks (it has "
                f"{', '.join(self.codes) or 'none'}). Use sample_style(layout) or encode."
            )
        return self.codes[name]

    def map(self, change: Callable[[Codes], Codes]) -> "Style":
        """The same with all codes changed."""
        return Style({name: change(codes) for name, codes in self.codes.items()})

    def images(self, images: Images) -> "Style":
        """The codes of some pictures of the batch."""
        return self.map(lambda codes: codes[images])

    @staticmethod
    def cat(styles: Sequence["Style"]) -> "Style":
        """One batch of several styles with the same codes, each of the same grain.

        Raises:
            InputError: if they differ in that.
        """
        if not styles:
            raise InputError("no styles to put together.")
        joined = {}
        for name in dict.fromkeys(name for style in styles for name in style):
            parts = [style.find(name) for style in styles]
            if len({(c.per, c.ids is None, c.table.shape[1:]) for c in parts}) > 1:
                raise InputError(f"the styles hold codes {name!r} of different kinds: they cannot be put together.")
            ids = None if parts[0].ids is None else torch.cat([c.ids for c in parts if c.ids is not None])
            joined[name] = replace(parts[0], table=torch.cat([c.table for c in parts]), ids=ids)
        return Style(joined)

    def mix(
        self,
        other: "Style",
        *,
        layout: Layout | None = None,
        classes: Iterable[int] | None = None,
        instances: Instances | None = None,
        levels: Iterable[int] | None = None,
        only: Iterable[str] | None = None,
    ) -> "Style":
        """Take some of the codes from another style; everything else stays.

        With classes or instances, the codes of these: rows, where classes or instances have codes of their own, else
        those of their pixels. Codes of whole pictures that nothing smaller can have stay as they are, and so do, with
        instances, those of classes, which other instances share.

        Args:
            other: where the codes come from.
            layout: the layout of this style, to find pixels; where rows are meant it may be left out.
            classes: class ids.
            instances: instance ids; of codes per instance also {id here: id in other}.
            levels: places on the first axis of codes that have two or more, such as scale and shift; codes of one axis
                have no levels and stay. None: all of each code.
            only: names of the codes that may change; None: all.

        Raises:
            InputError: if nothing is selected or nothing can change, a code named in only= cannot, an id has no code
                in one of the styles, a layout is missing, or codes were drawn for maps of another size.
        """
        if classes is not None and instances is not None:
            raise InputError("mix takes either classes= or instances=.")
        if classes is None and instances is None and levels is None and only is None:
            raise InputError("mix needs to know what to take: classes=, instances=, levels= or only=.")
        check_is(other, Style, "other", "generator.style(…) makes one of tensors.")
        names = [name for name in self if name in other] if only is None else list(as_names(only, "only"))
        classes = None if classes is None else as_ids(classes, "classes")
        if instances is not None and not isinstance(instances, Mapping):
            instances = as_ids(instances, "instances")
        chosen = _Selection(layout, classes, instances, None if levels is None else list(as_ids(levels, "levels")))
        refused = {name: why for name in names if (why := chosen.why_not(self.find(name), other.find(name)))}
        if refused and (only is not None or len(refused) == len(names)):
            raise InputError("; ".join(f"codes {name!r} {why}" for name, why in refused.items()) + ".")
        if not names:
            raise InputError(f"these styles have no codes in common: {list(self)} and {list(other)}.")
        mixed = {name: chosen.mix(name, self[name], other[name]) for name in names if name not in refused}
        return Style({**self.codes, **mixed})

    def lerp(self, other: "Style", t: float) -> "Style":
        """Between two styles with the same codes: (1 - t) of this one and t of the other, linearly.

        Raises:
            InputError: if they hold codes of different names, or in different places.
        """
        if set(self) != set(other):
            raise InputError(f"the styles hold codes {list(self)} and {list(other)}: there is nothing in between.")
        return Style({name: _between(name, codes, other[name], t) for name, codes in self.codes.items()})


def _are_alike(codes: Codes, other: Codes) -> bool:
    """Whether they belong to the same things, row by row."""
    is_like = codes.per == other.per and codes.table.shape == other.table.shape
    if codes.ids is not None or other.ids is not None:
        is_like = is_like and codes.ids is not None and other.ids is not None and torch.equal(codes.ids, other.ids)
    return is_like


def _count_axes(codes: Codes) -> int:
    """How many axes each code has."""
    return codes.table.ndim - (3 if codes.per == "pixel" else 2)


def _between(name: str, codes: Codes, other: Codes, t: float) -> Codes:
    if _are_alike(codes, other):
        return replace(codes, table=torch.lerp(codes.table, other.table.to(codes.table), t))
    sizes = {c.size for c in (codes, other) if c.has_pixels}
    if len(sizes) != 1 or not all(c.has_pixels or c.per == "image" for c in (codes, other)):
        raise InputError(
            f"codes {name!r} are per {codes.per} in one style and per {other.per} in the other, or of maps of "
            "different size: there is nothing in between."
        )
    (size,) = sizes
    dense = codes.dense(size)
    return replace(codes, table=torch.lerp(dense, other.dense(size).to(dense), t), per="pixel", ids=None)


@dataclass(frozen=True)
class _Selection:
    """Which codes `Style.mix` takes."""

    layout: Layout | None
    classes: Iterable[int] | None
    instances: Instances | None
    levels: list[int] | None

    def why_not(self, mine: Codes, theirs: Codes) -> str | None:
        """Why these codes cannot be told apart by what was chosen; None if they can."""
        if self.levels is not None and _count_axes(mine) < 2:
            return "have one axis each, which has no levels"
        if self._is_everywhere or mine.is_divisible or self._has_rows(mine, theirs):
            return None
        if mine.per == "class":
            return "belong to classes, of which other instances may be: they are mixed by classes="
        return "belong to whole pictures: they cannot be mixed by class or instance"

    def mix(self, name: str, mine: Codes, theirs: Codes) -> Codes:
        """The codes of one name, for which `why_not` has no reason."""
        if self._is_everywhere:
            theirs = theirs.expand(len(mine))
            if self.levels is None:
                return theirs
            if not _are_alike(mine, theirs):
                raise InputError(
                    f"codes {name!r} are per {mine.per} in one style and per {theirs.per} in the other, or of other "
                    "things: their levels cannot be mixed."
                )
            return self._take(name, mine, theirs, (slice(None), slice(None)))
        if self._has_rows(mine, theirs):
            return self._mix_rows(name, mine, theirs)
        if self.levels is not None:
            raise InputError(f"codes {name!r} belong to pixels: their levels cannot be mixed by class or instance.")
        if isinstance(self.instances, Mapping):
            raise InputError(
                f"codes {name!r} belong to pixels: instances= takes ids here, not {{id here: id in other}}."
            )
        pixels, layout = self._find_pixels(name)
        return mine.on(layout).replaced(pixels, theirs.on(layout))

    @property
    def _is_everywhere(self) -> bool:
        return self.classes is None and self.instances is None

    def _has_rows(self, mine: Codes, theirs: Codes) -> bool:
        """Whether what was chosen has rows of its own in both tables: a class's are all of its instances'."""
        grains = ("class", "instance") if self.classes is not None else ("instance",)
        return mine.per == theirs.per and mine.ids is theirs.ids is None and mine.per in grains

    def _mix_rows(self, name: str, mine: Codes, theirs: Codes) -> Codes:
        chosen = self.classes if mine.per == "class" else self.instances
        if chosen is not None:
            pairs = dict(chosen) if isinstance(chosen, Mapping) else {i: i for i in chosen}
            _check_rows(name, pairs, mine, "this")
            _check_rows(name, pairs.values(), theirs, "the other")
            return self._take(name, mine, theirs, (slice(None), list(pairs)), (slice(None), list(pairs.values())))
        pixels, layout = self._find_pixels(name)  # image by image: an id may belong to another class in the next one
        ids = layout.class_ids if mine.per == "class" else layout.instance_ids
        if ids is None:
            raise InputError(f"codes {name!r} need the layout with instance_ids, to find the instances of a class.")
        image, row = pixels.nonzero()[:, 0], ids[pixels]
        for whose, codes in (("this", mine), ("the other", theirs)):
            _check_rows(name, row.unique().tolist(), codes, whose)
        return self._take(name, mine, theirs, (image, row))

    def _take(self, name: str, mine: Codes, theirs: Codes, here: Rows, there: Rows | None = None) -> Codes:
        """Rows of the table, or their levels, from the other one."""
        table = mine.table.clone()
        rows = theirs.table.expand(len(table), *theirs.table.shape[1:])[here if there is None else there].to(table)
        if self.levels is not None:
            axis = 1 if mine.per == "pixel" else rows.ndim - (table.ndim - 2)
            count = rows.shape[axis]
            if wrong := [level for level in self.levels if not 0 <= level < count]:
                raise InputError(f"codes {name!r} have levels 0 to {count - 1}, not {wrong}.")
            levels = torch.tensor(self.levels, device=rows.device)
            rows = table[here].index_copy(axis, levels, rows.index_select(axis, levels))
        table[here] = rows
        return replace(mine, table=table)

    def _find_pixels(self, name: str) -> tuple[Tensor, Layout]:
        """Where the chosen classes or instances are, n h w."""
        layout = self.layout
        if layout is None or (self.classes is None and layout.instance_ids is None):
            raise InputError(
                f"mixing codes {name!r} needs the layout (with instance_ids for instances=), to find the pixels: give "
                "layout=."
            )
        if self.classes is not None:
            return torch.isin(layout.class_ids, _tensor(self.classes, layout.class_ids)), layout
        assert self.instances is not None and layout.instance_ids is not None
        wanted = _tensor(self.instances, layout.instance_ids)
        if absent := wanted[~torch.isin(wanted, layout.instance_ids)].tolist():
            raise InputError(f"no picture of the layout has the instances {absent}.")
        return torch.isin(layout.instance_ids, wanted), layout


def _tensor(ids: Iterable[int], like: Tensor) -> Tensor:
    return torch.tensor(list(ids), dtype=torch.int64, device=like.device)


def _check_rows(name: str, ids: Iterable[int], codes: Codes, whose: str) -> None:
    count = codes.table.shape[1]
    if missing := sorted(i for i in ids if not 0 <= i < count):
        raise InputError(f"{whose} style has codes {name!r} for {codes.per} ids 0 to {count - 1}, not for {missing}.")


@register_record
@dataclass(eq=False, repr=False, kw_only=True)
class Gaussian(Record):
    """What an encoder says of one kind of codes.

    Attributes:
        mu, logvar: mean and log-variance, n r ..., as the table of the `Codes`.
        per: what has a code of its own.
        valid: n r, bool: rows that the picture shows; the others have mu = logvar = 0, the prior. None: all of them.
        seen: n r l, bool: the levels (places on the first axis of a code) at which it shows a row; a row that is too
            small for one has mu = logvar = 0 there. None: all levels of the valid rows.
    """

    mu: Tensor
    logvar: Tensor
    per: Per = "image"
    valid: Tensor | None = None
    seen: Tensor | None = None

    def apply(self, codes: Codes, *, spread: float = 1.0) -> Codes:
        """mu + spread · exp(logvar / 2) · draw; rows that the layout has and the picture lacks keep their draw."""
        draw = codes.table
        mu, logvar = self.mu.to(draw), self.logvar.to(draw)
        known = min(draw.shape[1], mu.shape[1])
        encoded = mu[:, :known] + (logvar[:, :known] / 2).exp() * draw[:, :known] * spread
        if self.valid is not None and spread != 1:
            shown = self.valid[:, :known].view(len(self.valid), known, *[1] * (encoded.ndim - 2))
            encoded = encoded.where(shown, draw[:, :known])
        return replace(codes, table=torch.cat([encoded, draw[:, known:]], dim=1))

    def transfer(self, pairs: Mapping[int, int], rows: int, levels: Sequence[int] | None = None) -> "Gaussian":
        """That of a target with so many rows, some of which look like those of this one; see `Posterior.transfer`."""
        for whose, ids, count in (("target", pairs, rows), ("reference", pairs.values(), self.mu.shape[1])):
            if missing := sorted(i for i in ids if not 0 <= i < count):
                raise InputError(f"the {whose} has {self.per} ids 0 to {count - 1}, not {missing}.")
        targets, sources = list(pairs), list(pairs.values())

        def move(t: Tensor) -> Tensor:
            moved = t.new_zeros(len(t), rows, *t.shape[2:])
            source = t[:, sources]
            moved[:, targets] = source if levels is None else source[:, :, list(levels)]
            return moved

        valid = torch.zeros(len(self.mu), rows, dtype=torch.bool, device=self.mu.device)
        valid[:, targets] = True
        seen = None if self.seen is None else move(self.seen)
        return replace(self, mu=move(self.mu), logvar=move(self.logvar), valid=valid, seen=seen)


@register_record
@dataclass(frozen=True, eq=False, repr=False)
class Posterior(Record, Mapping[str, Gaussian]):
    """What an encoder returns: Gaussians of codes, by their names: ``posterior["start"].mu``.

    Attributes:
        gaussians: the same, as a mapping.
    """

    gaussians: Mapping[str, Gaussian]

    def __getitem__(self, name: str) -> Gaussian:
        return self.gaussians[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.gaussians)

    def __len__(self) -> int:
        return len(self.gaussians)

    def apply(self, style: Style, *, spread: float = 1.0) -> Style:
        """Turn prior draws into draws of this posterior; codes that it says nothing of stay, and what the picture does
        not show.

        Args:
            style: the draws.
            spread: factor of the posterior's deviation: 0 gives its means.

        Raises:
            InputError: if the style lacks codes that it describes.
        """
        if missing := [name for name in self if name not in style]:
            raise InputError(f"the posterior describes codes {missing}, which this style does not have.")
        return Style({**style.codes, **{name: self[name].apply(style[name], spread=spread) for name in self}})

    def transfer(
        self, pairs: Mapping[int, int], num_instances: int, *, levels: Sequence[int] | None = None
    ) -> "Posterior":
        """Exemplar transfer: the posterior of a target picture some of whose instances look like those of this one.

        Args:
            pairs: {target instance id: instance id here}; all other instances of the target get the prior.
            num_instances: i of the target.
            levels: for each place on the first axis of a code, the place here that its statistics come from; None: its
                own.

        Returns:
            what it says of codes per instance, for the target; ``valid`` marks the transferred instances.

        Raises:
            InputError: if it says nothing of instances, or an id is out of range on either side.
        """
        found = {name: g.transfer(pairs, num_instances, levels) for name, g in self.items() if g.per == "instance"}
        if not found:
            raise InputError("only posteriors of codes per instance can be transferred per instance.")
        return Posterior(found)
