"""A trained generator for other classes: what it knows of painting stays, and of the classes those it has in common."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from semsyn.errors import InputError, UnknownNameError
from semsyn.generator.config import Config
from semsyn.generator.generator import Generator
from semsyn.labels import LabelSpace


def adapt_classes(generator: Generator, space: LabelSpace, *, same: Mapping[str, str] | None = None) -> Generator:
    """A copy of a trained generator whose classes are those of another label space; it is there to be trained on.

    Everything that does not know the classes is copied. Rows of tables and columns of convolutions that belong to a
    class are those of the class of that name, whatever its id; those of classes that the trained one did not have are
    drawn as in a new generator. (iPOSE's parts belong to the ids of its convention, which do not move along.)

    Args:
        generator: trained, with a label space.
        space: of the new classes.
        same: name of a new class → name of the trained class that it starts from, where names differ.

    Returns:
        a generator in training mode, on the CPU. Its card is that of the trained one, whose licence holds for it.

    Raises:
        InputError: if the generator has no label space, or its config no number of classes.
        UnknownNameError: if ``same`` names a class that is not there.
    """
    if generator.label_space is None:
        raise InputError("the generator does not know what its classes are called: set generator.label_space first.")
    old, config = generator.label_space, generator.config
    if getattr(config, "num_classes", None) != old.num_classes:
        raise InputError(f"the generator's config does not have the {old.num_classes} classes of its label space.")
    pairs = _pair(old, space, same or {})
    adapted: Generator = replace(config, num_classes=space.num_classes).build()
    starts = {f"{name}.": m.class_start for name, m in adapted.named_modules() if hasattr(m, "class_start")}
    axes, theirs = _find_class_axes(config), generator.state_dict()
    state: dict[str, Tensor] = {}
    for key, new in adapted.state_dict().items():
        state[key] = theirs[key].to(new)
        if key in axes:
            start = next((int(first) for name, first in starts.items() if key.startswith(name)), 0)
            state[key] = _move(state[key], new, *axes[key], start, pairs, old.num_classes, space.num_classes)
    adapted.load_state_dict(state)
    adapted.label_space, adapted.card = space, generator.card
    return adapted.train()


def _pair(old: LabelSpace, new: LabelSpace, same: Mapping[str, str]) -> list[tuple[int, int]]:
    """Ids of classes, the trained one's and the new one's, that are the same."""
    for names, space in ((same, new), (same.values(), old)):
        for name in names:
            if name not in space.classes:
                raise UnknownNameError(f"class of {space.name}", name, space.classes)
    known = {name.casefold(): index for index, name in enumerate(old.classes)}
    named = [(known.get(same.get(name, name).casefold()), index) for index, name in enumerate(new.classes)]
    return [(theirs, ours) for theirs, ours in named if theirs is not None]


def _find_class_axes(config: Config) -> dict[str, tuple[int, int]]:
    """The axis of each entry of the state that counts classes, and how many numbers of it a class has."""
    with torch.device("meta"):
        more = replace(config, num_classes=config.num_classes + 1)
        here, there = (c.build().state_dict() for c in (config, more))
    axes: dict[str, tuple[int, int]] = {}
    for key, t in here.items():
        growth = [b - a for a, b in zip(t.shape, there[key].shape, strict=True)]
        for axis, count in enumerate(growth):
            if count:
                axes[key] = axis, count
    return axes


def _move(
    trained: Tensor,
    new: Tensor,
    axis: int,
    count: int,
    start: int,
    pairs: list[tuple[int, int]],
    k_old: int,
    k_new: int,
) -> Tensor:
    """What stands before and behind the classes is taken over, and the classes in their new places.

    Where a class has several numbers (the vectors of spectral norms run over the kernel, too) they stand together.
    """
    trained, moved = (t.transpose(0, axis).unflatten(0, (-1, count)) for t in (trained, new.clone()))
    moved[:start] = trained[:start]
    moved[start + k_new :] = trained[start + k_old :]
    for theirs, ours in pairs:
        moved[start + ours] = trained[start + theirs]
    return moved.flatten(0, 1).transpose(0, axis).contiguous()
