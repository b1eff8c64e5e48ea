"""What SIMS' networks learn from on toyscenes: scenes of one mood, a bank of them, and simulated canvases."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from itertools import count as count_up
from itertools import islice
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from semsyn.data.bank.build import build_bank
from semsyn.data.bank.groups import class_groups
from semsyn.data.bank.manifest import BankConfig
from semsyn.data.bank.samples.draw import uniform
from semsyn.data.bank.samples.synthesis_sample import make_synthesis_sample
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.data.io.whole_file import whole_file
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes.light import MOODS
from semsyn.data.toyscenes.scene import Scene, Split, draw_scene
from semsyn.labels import LabelSpace
from semsyn.models.sims.samples import Simulated
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.elision import noise_keys

MOOD = "noon"  # pieces of different hours do not go together
SMALLEST = 0.002  # share of the frame; published for photographs of streets: 0.0076
QUALITY = 85


@dataclass(frozen=True)
class MoodScenes:
    """Toyscenes of one mood, as a bank is built from them.

    Args:
        indices: of the scenes.
        split: ``train`` or ``val``.
    """

    indices: tuple[int, ...]
    split: Split = "train"

    @classmethod
    def first(cls, count: int, split: Split, size: tuple[int, int]) -> "MoodScenes":
        """So many, the first ones."""
        mood = MOODS.index(MOOD)
        found = (i for i in count_up() if draw_scene(i, size=size, split=split).factors["mood"] == mood)
        return cls(tuple(islice(found, count)), split)

    @property
    def names(self) -> Sequence[str]:
        """``train-0-00000`` and so on."""
        return [f"{self.split}-0-{index:05d}" for index in self.indices]

    def scene(self, number: int, size: tuple[int, int]) -> Scene:
        """The scene of that number among them."""
        return draw_scene(self.indices[number], size=size, split=self.split)

    def read(self, index: int, config: BankConfig) -> tuple[Tensor, Tensor]:
        """Photograph and class ids."""
        scene = self.scene(index, config.photo_size)
        return _picture(scene), torch.from_numpy(scene.class_ids)


@dataclass(frozen=True)
class ToySamples:
    """Scenes, each with a simulated canvas.

    Attributes:
        photos, canvases: n 3 h w, uint8.
        class_ids, noisy_ids: n h w, uint8: the true layout, and that of the canvas.
        depths: n h w, uint8, larger is nearer, from 1.
    """

    photos: Tensor
    canvases: Tensor
    class_ids: Tensor
    noisy_ids: Tensor
    depths: Tensor
    scale: ClassVar[int] = 1
    smallest: ClassVar[float] = SMALLEST

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def space(self) -> LabelSpace:
        """That of toyscenes."""
        return label_space("toyscenes")

    @property
    def groups(self) -> ClassGroups:
        """Those of toyscenes."""
        return class_groups(self.space)

    def photo(self, number: int) -> Tensor:
        """3 h w, uint8."""
        return self.photos[number]

    def layout(self, number: int) -> Tensor:
        """h w, int64."""
        return self.class_ids[number].long()

    def depth(self, number: int) -> Tensor:
        """h w, uint8."""
        return self.depths[number]

    def simulate(self, number: int, rng: torch.Generator) -> Simulated:
        """The canvas that was simulated once and for all."""
        return Simulated(self.canvases[number], self.noisy_ids[number].long())


def bank_config(size: tuple[int, int]) -> BankConfig:
    """How toyscenes are cut."""
    space = label_space("toyscenes")
    return BankConfig(space=space, groups=class_groups(space), size=size, smallest=SMALLEST, quality=QUALITY)


def load_samples(folder: Path, split: Split, count: int, size: tuple[int, int]) -> ToySamples:
    """The samples of the first scenes of a split, made where the folder does not have them yet.

    Args:
        folder: is made; the bank that silhouettes come from is kept in it.
        split: ``train`` or ``val``.
        count: how many.
        size: h w.
    """
    name = f"{split}-{MOOD}-{count}-{size[0]}x{size[1]}"
    file = folder / f"samples-{name}.pt"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        scenes = MoodScenes.first(count, split, size)
        bank = folder / f"bank-{name}"
        if not bank.exists():
            build_bank(bank, scenes, bank_config(size))
        with ProcessPoolExecutor(initializer=torch.set_num_threads, initargs=(1,)) as pool:
            made = list(pool.map(_make, ((bank, scenes, index) for index in range(count)), chunksize=8))
        whole = {f.name: torch.stack([getattr(s, f.name) for s in made]) for f in fields(ToySamples)}
        with whole_file(file) as part:
            torch.save(whole, part)
    return ToySamples(**torch.load(file, weights_only=True))


def _make(job: tuple[Path, MoodScenes, int]) -> ToySamples:
    """The sample of one scene, without an axis of samples."""
    folder, scenes, index = job
    bank = SegmentBank(folder)
    size = bank.config.photo_size
    scene = scenes.scene(index, size)
    rng = torch.Generator().manual_seed(index)
    class_ids = torch.from_numpy(scene.class_ids)
    photos: Callable[[int], Tensor] = lambda number: _picture(scenes.scene(number, size))  # noqa: E731
    keys = noise_keys(torch.rand(size, generator=rng))
    made = make_synthesis_sample(_picture(scene), class_ids, bank, photos, uniform(rng), keys, image=index)
    depth = torch.from_numpy(scene.depth_order) + 1
    maps = (class_ids, made.class_ids, depth.clamp(max=255))
    return ToySamples(_picture(scene), made.canvas, *(t.to(torch.uint8) for t in maps))


def _picture(scene: Scene) -> Tensor:
    return torch.from_numpy(scene.image).movedim(2, 0).contiguous()
