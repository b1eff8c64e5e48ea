"""Key maps: original parameter names to ours and back, as tables."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from semsyn.errors import CheckpointError, list_some

State = Mapping[str, Tensor]
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class KeyMap:
    """A table of key patterns, strict on both sides, that runs both ways.

    Attributes:
        rename: original pattern to our pattern. ``{name}`` stands for one dotted part, or a piece of one, without dots.
        words: for some names, the words they may be and what each becomes; other names are copied.
        dropped: original patterns that have no counterpart here.
        added: our patterns that have no counterpart there.
        rolled: original patterns whose tensors have their channels (axis 1) in another order: so many of the first come
            last here.
        permuted: original patterns whose tensors have their axes in another order: for each of ours its place there.
    """

    rename: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    rolled: Mapping[str, int] = field(default_factory=dict)
    permuted: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def _pattern(self, template: str, words: Mapping[str, Mapping[str, str]]) -> re.Pattern[str]:
        parts = _PLACE.split(template)
        pieces = []
        for i, part in enumerate(parts):
            if i % 2 == 0:
                pieces.append(re.escape(part))
            elif part in parts[1:i:2]:
                pieces.append(f"(?P={part})")
            else:
                choices = (
                    "|".join(map(re.escape, sorted(words[part], key=len, reverse=True))) if part in words else r"[^.]+?"
                )
                pieces.append(f"(?P<{part}>{choices})")
        return re.compile("".join(pieces))

    @cached_property
    def _forward(self) -> list[tuple[re.Pattern[str], str, Mapping[str, Mapping[str, str]]]]:
        return [(self._pattern(source, self.words), target, self.words) for source, target in self.rename.items()]

    @cached_property
    def _backward(self) -> list[tuple[re.Pattern[str], str, Mapping[str, Mapping[str, str]]]]:
        words = {name: {ours: theirs for theirs, ours in table.items()} for name, table in self.words.items()}
        return [(self._pattern(target, words), source, words) for source, target in self.rename.items()]

    @cached_property
    def _drops(self) -> list[re.Pattern[str]]:
        return [self._pattern(template, self.words) for template in self.dropped]

    @cached_property
    def _adds(self) -> list[re.Pattern[str]]:
        return [self._pattern(template, self.words) for template in self.added]

    @cached_property
    def _rolls(self) -> list[tuple[re.Pattern[str], int]]:
        return [(self._pattern(template, self.words), count) for template, count in self.rolled.items()]

    @cached_property
    def _permutations(self) -> list[tuple[re.Pattern[str], tuple[int, ...]]]:
        return [(self._pattern(template, self.words), axes) for template, axes in self.permuted.items()]

    def _roll(self, theirs: str, tensor: Tensor, sign: int) -> Tensor:
        count = next((count for pattern, count in self._rolls if pattern.fullmatch(theirs)), 0)
        return tensor.roll(sign * count, 1) if count else tensor

    def _permute(self, theirs: str, tensor: Tensor, *, backward: bool = False) -> Tensor:
        axes = next((axes for pattern, axes in self._permutations if pattern.fullmatch(theirs)), None)
        if axes is None:
            return tensor
        if tensor.ndim != len(axes):
            raise CheckpointError(f"{theirs!r} has shape {tuple(tensor.shape)}, {len(axes)} axes were expected.")
        order = sorted(range(len(axes)), key=axes.__getitem__) if backward else axes
        return tensor.permute(*order).contiguous()

    def rename_keys(self, keys: Iterable[str], *, backward: bool = False) -> dict[str, str]:
        """Each key and what it becomes (keys without a counterpart are left out).

        Raises:
            CheckpointError: if no rule takes a key, or two keys become one.
        """
        rules = self._backward if backward else self._forward
        renamed: dict[str, str] = {}
        strangers = []
        for key in keys:
            if any(p.fullmatch(key) for p in (self._adds if backward else self._drops)):
                continue
            for pattern, template, words in rules:
                if match := pattern.fullmatch(key):
                    parts = {n: words[n][v] if n in words else v for n, v in match.groupdict().items()}
                    renamed[key] = template.format(**parts)
                    break
            else:
                strangers.append(key)
        if strangers:
            raise CheckpointError(f"{len(strangers)} keys have no place in this network: {list_some(strangers)}.")
        if len(set(renamed.values())) < len(renamed):
            twice = sorted(name for name, count in Counter(renamed.values()).items() if count > 1)
            raise CheckpointError(f"several keys become one: {list_some(twice)}.")
        return renamed

    def convert(self, state: State) -> dict[str, Tensor]:
        """Original state dict to ours."""
        names = self.rename_keys(state)
        return {ours: self._roll(theirs, self._permute(theirs, state[theirs]), -1) for theirs, ours in names.items()}

    def invert(self, state: State) -> dict[str, Tensor]:
        """Our state dict to the original's."""
        names = self.rename_keys(state, backward=True)
        return {
            theirs: self._permute(theirs, self._roll(theirs, state[ours], 1), backward=True)
            for ours, theirs in names.items()
        }
