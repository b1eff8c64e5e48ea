"""What is free: codes that are drawn, or encoded from a picture; always explicit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.records.codes import RegionCodes
from semsyn.records.layout import Layout

_MASK = (1 << 64) - 1


@dataclass(frozen=True, kw_only=True)
class Style:
    """The codes of a batch of pictures.

    Where a network takes noise (OASIS), it is one of ``code``, ``region_codes`` and ``code_map``.

    Attributes:
        code: n d, one code per picture; or None.
        region_codes: a code per region of each picture; or None.
        code_map: n d h w, a code per pixel, resized like the label map; or None.
        instance_codes: n i 2 d, one pair (scale, shift) per instance id; or None.
        part_code: n d h w, noise at the size of the first features, for where no part is known (iPOSE); or None.
    """

    code: Tensor | None = None
    region_codes: RegionCodes | None = None
    code_map: Tensor | None = None
    instance_codes: Tensor | None = None
    part_code: Tensor | None = None

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "Style":
        """The same codes on another device or in another dtype."""
        present = {f.name: t for f in fields(self) if (t := getattr(self, f.name)) is not None}
        return replace(self, **{name: t.to(device=device, dtype=dtype) for name, t in present.items()})

    def mix(
        self,
        other: "Style",
        *,
        classes: Iterable[int] | None = None,
        instances: Iterable[int] | Mapping[int, int] | None = None,
        layout: Layout | None = None,
    ) -> "Style":
        """Take the codes of some objects from another style; everything else stays.

        Where instances have codes of their own, those of the chosen ones change. Where the codes are noise, the noise
        in the chosen pixels does: the result has `region_codes`, or a ``code_map`` if one of the two has.

        Args:
            other: where the codes come from.
            classes: take all that is of these classes (needs ``layout``).
            instances: instance ids to take; with instance codes also {id here: id in other}.
            layout: the layout of this style; with instance codes and ``instances`` it may be left out.

        Raises:
            InputError: if nothing is selected, an id has no code in one of the styles, a layout is missing, or noise
                was drawn for maps of another size.
        """
        if (classes is None) == (instances is None):
            raise InputError("mix takes either classes= or instances=.")
        if self.instance_codes is None and other.instance_codes is None:
            return self._mix_noise(other, _find_pixels(layout, classes, instances))
        if self.instance_codes is None or other.instance_codes is None:
            raise InputError("both styles need instance codes to be mixed by class or instance.")
        if classes is not None:
            if layout is None or layout.instance_ids is None:
                raise InputError(
                    "mixing by class needs the layout (with instance_ids), to find the instances of a class."
                )
            return replace(self, instance_codes=self._mix_classes(other.instance_codes, list(classes), layout))
        assert instances is not None
        pairs = dict(instances) if isinstance(instances, Mapping) else {i: i for i in instances}
        _check_instances(pairs, self.instance_codes, "this")
        _check_instances(pairs.values(), other.instance_codes, "the other")
        mixed = self.instance_codes.clone()
        mixed[:, list(pairs)] = other.instance_codes[:, list(pairs.values())].to(mixed)
        return replace(self, instance_codes=mixed)

    def _mix_noise(self, other: "Style", pixels: Tensor) -> "Style":
        n, size = len(pixels), (pixels.shape[1], pixels.shape[2])
        if self.code_map is None and other.code_map is None:
            mine, theirs = (style._regions(n, size) for style in (self, other))
            return replace(self, code=None, region_codes=mine.replaced(pixels, theirs))
        dense, theirs_dense = (style._dense(n, size) for style in (self, other))
        mixed = torch.where(pixels[:, None], theirs_dense.to(dense), dense)
        return replace(self, code=None, region_codes=None, code_map=mixed)

    def _regions(self, images: int, size: tuple[int, int]) -> RegionCodes:
        if self.region_codes is not None:
            return self.region_codes.expand(images)
        if self.code is None:
            raise InputError("a style without codes cannot be mixed: use sample_style(layout).")
        ids = torch.zeros(images, *size, dtype=torch.int64, device=self.code.device)
        return RegionCodes(table=self.code[:, None].expand(images, -1, -1), ids=ids)

    def _dense(self, images: int, size: tuple[int, int]) -> Tensor:
        dense = self._regions(images, size).dense() if self.code_map is None else self.code_map
        if dense.shape[2:] != size:
            raise InputError(
                f"the noise is a map of {tuple(dense.shape[2:])}, the layout of {size}: resize one of them."
            )
        return dense.expand(images, -1, -1, -1)

    def _mix_classes(self, codes: Tensor, classes: list[int], layout: Layout) -> Tensor:
        """Image by image: an id may belong to another class in the next image of the batch."""
        assert self.instance_codes is not None and layout.instance_ids is not None
        wanted = torch.isin(layout.class_ids, torch.tensor(classes, device=layout.class_ids.device))
        image, instance = wanted.nonzero()[:, 0], layout.instance_ids[wanted]
        for those, whose in ((self.instance_codes, "this"), (codes, "the other")):
            _check_instances(instance.unique().tolist(), those, whose)
        mixed, codes = self.instance_codes.clone(), codes.expand(len(self.instance_codes), -1, -1, -1)
        mixed[image, instance] = codes[image, instance].to(mixed)
        return mixed


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """What an encoder returns: a Gaussian for one of the codes.

    Attributes:
        mu, logvar: mean and log-variance, n d (of `Style.code`) or n i 2 d (of `Style.instance_codes`).
        valid: n i, bool: instances that the picture shows; the others have mu = logvar = 0, the prior. None for n d.
    """

    mu: Tensor
    logvar: Tensor
    valid: Tensor | None = None

    @property
    def field(self) -> str:
        """The field of `Style` that it describes."""
        return "code" if self.mu.ndim == 2 else "instance_codes"

    def apply(self, style: Style) -> Style:
        """Turn prior draws into draws of this posterior: mu + exp(logvar / 2) · draw.

        Instances that the layout has and the picture lacks keep their prior draw.
        """
        draw = getattr(style, self.field)
        if draw is None:
            raise InputError(f"the posterior describes {self.field}, which this style does not have.")
        mu, logvar = self.mu.to(draw), self.logvar.to(draw)
        if self.field == "code":
            return replace(style, code=mu + (logvar / 2).exp() * draw)
        known = min(draw.shape[1], mu.shape[1])
        encoded = mu[:, :known] + (logvar[:, :known] / 2).exp() * draw[:, :known]
        return replace(style, instance_codes=torch.cat([encoded, draw[:, known:]], dim=1))

    def transfer(self, pairs: Mapping[int, int], num_instances: int, *, as_released: bool = False) -> "Posterior":
        """Exemplar transfer: the posterior of a target picture some of whose instances look like those of this one.

        Args:
            pairs: {target instance id: instance id here}; all other instances of the target get the prior.
            num_instances: i of the target.
            as_released: use the statistics of the shift for the scale too, as INADE's released demo does by an aliasing
                error.

        Returns:
            A posterior n i 2 d for the target; ``valid`` marks the transferred instances.

        Raises:
            InputError: if an id is out of range on either side.
        """
        if self.mu.ndim != 4:
            raise InputError("only posteriors of instance codes can be transferred per instance.")
        if missing := sorted(i for i in pairs if not 0 <= i < num_instances):
            raise InputError(f"the target has instances 0 to {num_instances - 1}, not {missing}.")
        if missing := sorted(i for i in pairs.values() if not 0 <= i < self.mu.shape[1]):
            raise InputError(f"the reference has instances 0 to {self.mu.shape[1] - 1}, not {missing}.")
        targets, sources = list(pairs), list(pairs.values())
        n, _, levels, d = self.mu.shape
        source_levels = [1, 1] if as_released else list(range(levels))
        mu, logvar = (t.new_zeros(n, num_instances, levels, d) for t in (self.mu, self.logvar))
        mu[:, targets] = self.mu[:, sources][:, :, source_levels]
        logvar[:, targets] = self.logvar[:, sources][:, :, source_levels]
        valid = torch.zeros(n, num_instances, dtype=torch.bool, device=mu.device)
        valid[:, targets] = True
        return Posterior(mu=mu, logvar=logvar, valid=valid)


def _find_pixels(
    layout: Layout | None, classes: Iterable[int] | None, instances: Iterable[int] | Mapping[int, int] | None
) -> Tensor:
    """Where the chosen classes or instances are, n h w."""
    if layout is None or (classes is None and layout.instance_ids is None):
        raise InputError(
            "mixing noise needs the layout (with instance_ids for instances=), to find the pixels: give layout=."
        )
    if classes is not None:
        wanted = torch.tensor(list(classes), dtype=torch.int64, device=layout.class_ids.device)
        return torch.isin(layout.class_ids, wanted)
    if isinstance(instances, Mapping):
        raise InputError("noise belongs to pixels: instances= takes ids here, not {id here: id in other}.")
    assert instances is not None and layout.instance_ids is not None
    wanted = torch.tensor(list(instances), dtype=torch.int64, device=layout.instance_ids.device)
    if absent := wanted[~torch.isin(wanted, layout.instance_ids)].tolist():
        raise InputError(f"no picture of the layout has the instances {absent}.")
    return torch.isin(layout.instance_ids, wanted)


def _check_instances(ids: Iterable[int], codes: Tensor, whose: str) -> None:
    if missing := sorted(i for i in ids if not 0 <= i < codes.shape[1]):
        raise InputError(f"{whose} style has codes for instances 0 to {codes.shape[1] - 1}, not for {missing}.")


def draw_codes(
    seeds: Sequence[int], shape: tuple[int, ...], *, stream: int = 0, indices: Sequence[int] | None = None
) -> Tensor:
    """Standard normal codes that depend on nothing but their seed and index.

    Args:
        seeds: one per image.
        shape: of one code.
        stream: tells codes of different meaning apart.
        indices: ids (instances) that each get a code of their own; None: one code per image.

    Returns:
        n ... , or n i ... with indices; float32 on CPU.
    """
    if indices is None:
        return torch.stack([torch.randn(shape, generator=_generator(seed, stream, -1)) for seed in seeds])
    codes = [torch.randn(shape, generator=_generator(seed, stream, i)) for seed in seeds for i in indices]
    return torch.stack(codes).view(len(seeds), len(indices), *shape) if codes else torch.empty(len(seeds), 0, *shape)


def _generator(seed: int, stream: int, index: int) -> torch.Generator:
    state = int(seed) & _MASK
    for word in (stream, index):  # splitmix64 steps: neighbouring seeds and ids must not give related draws
        state = (state + 0x9E3779B97F4A7C15 * (2 + word)) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return torch.Generator().manual_seed(state - (1 << 63))
