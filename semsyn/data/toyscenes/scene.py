"""Draw scenes: pictures with exact maps and the factors they were drawn with."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from einops import rearrange
from numpy.typing import NDArray

from semsyn.data.toyscenes.backdrop import paint_backdrop
from semsyn.data.toyscenes.buildings import paint_fence, paint_house
from semsyn.data.toyscenes.canvas import LAYER_DTYPE, Canvas
from semsyn.data.toyscenes.composition import Plan, draw_plan
from semsyn.data.toyscenes.light import Light, draw_light
from semsyn.data.toyscenes.noise import Dice, clip
from semsyn.data.toyscenes.people import paint_person
from semsyn.data.toyscenes.plants import paint_bush, paint_tree
from semsyn.data.toyscenes.vehicles import paint_boat, paint_car
from semsyn.errors import InputError

Split = Literal["train", "val"]
_SPLITS = {"train": 0, "val": 1}

SCENE_DTYPE = np.dtype(
    [
        ("kind", np.int64),
        ("mood", np.int64),
        ("horizon", np.float32),
        ("camera", np.float32),
        ("light_direction", np.float32, 2),
        ("key", np.float32, 3),
        ("ambient", np.float32, 3),
        ("zenith", np.float32, 3),
        ("haze_color", np.float32, 3),
        ("haze", np.float32),
    ]
)
"""Factors of a scene. kind and mood index KINDS and MOODS; directions point to the light, x right, y up."""

INSTANCE_DTYPE = np.dtype(
    [
        ("image", np.int64),
        ("instance_id", np.int64),
        ("class_id", np.int64),
        ("color", np.float32, 3),
        ("accent", np.float32, 3),
        ("distance", np.float32),
        ("pixels", np.int64),
    ]
)
"""Factors of an instance.

``color`` is the base RGB in [0, 1] of its main surface (see PARTS), before light and haze; ``accent`` that of the
second one (roof, trunk, trousers, hull, blossom, snow). ``distance`` is 1 at the lower edge of the picture and grows
with depth; ``pixels`` counts the visible ones; ``image`` is the place in the batch, 0 in a Scene.
"""

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Scene:
    """One scene.

    Attributes:
        image: h w 3 uint8.
        class_ids: h w int64, indices in CLASSES.
        instance_ids: h w int64, 0, 1, ... in order of class and then from back to front; a stuff class is one instance.
        part_ids: h w int64, indices in PART_NAMES; 0 is no part.
        depth_order: h w int64, dense from 0; where two things overlap the larger number hides the smaller.
        factors: SCENE_DTYPE record.
        instances: INSTANCE_DTYPE rows, one per instance id.
    """

    image: NDArray[np.uint8]
    class_ids: Ids
    instance_ids: Ids
    part_ids: Ids
    depth_order: Ids
    factors: NDArray[np.void]
    instances: NDArray[np.void]


@dataclass(frozen=True)
class SceneBatch:
    """Several scenes: the fields of Scene stacked (n h w ..., n), instances in one row after another by ``image``."""

    image: NDArray[np.uint8]
    class_ids: Ids
    instance_ids: Ids
    part_ids: Ids
    depth_order: Ids
    factors: NDArray[np.void]
    instances: NDArray[np.void]

    def __len__(self) -> int:
        return len(self.image)


_PAINTERS = {
    "tree": paint_tree,
    "bush": paint_bush,
    "house": paint_house,
    "fence": paint_fence,
    "car": paint_car,
    "boat": paint_boat,
    "person": paint_person,
}


def draw_scene(index: int, *, seed: int = 0, size: tuple[int, int] = (128, 128), split: Split = "train") -> Scene:
    """Draw one scene, which depends on these arguments alone.

    At another size of the same aspect ratio it keeps its composition, light and colours; only fine texture differs.

    Args:
        index: number of the scene, from 0.
        seed: number of the data set, from 0.
        size: height and width, at least 8 each.
        split: "train" or "val", two streams without a common scene, whatever the seed and the index.

    Raises:
        InputError: for a negative index or seed, a size under 8, or another split.
    """
    _check(index, seed, size, split)
    height, width = size
    dice = Dice.of(_SPLITS[split], seed, index)
    plan, light, canvas = draw_plan(dice, width / height), draw_light(dice), Canvas(height, width)
    paint_backdrop(canvas, dice, light, plan)
    for thing in plan.objects:
        if thing.kind in _PAINTERS:
            _PAINTERS[thing.kind](canvas, dice.fork(), light, plan, thing)
    return _finish(canvas, plan, light)


def draw_scenes(
    indices: int | Iterable[int], *, seed: int = 0, size: tuple[int, int] = (128, 128), split: Split = "train"
) -> SceneBatch:
    """Draw several scenes, each as ``draw_scene`` draws it alone.

    Args:
        indices: which scenes, at least one; a number n stands for the first n.
        seed, size, split: as for ``draw_scene``.

    Raises:
        InputError: as ``draw_scene`` does, or if no scene is asked for.
    """
    numbers = range(indices) if isinstance(indices, (int, np.integer)) else tuple(indices)
    if not numbers:
        raise InputError("no scene to draw: indices is empty. Give a positive number or at least one index.")
    scenes = [draw_scene(i, seed=seed, size=size, split=split) for i in numbers]
    for place, scene in enumerate(scenes):
        scene.instances["image"] = place
    return SceneBatch(
        image=np.stack([s.image for s in scenes]),
        class_ids=np.stack([s.class_ids for s in scenes]),
        instance_ids=np.stack([s.instance_ids for s in scenes]),
        part_ids=np.stack([s.part_ids for s in scenes]),
        depth_order=np.stack([s.depth_order for s in scenes]),
        factors=np.stack([s.factors for s in scenes]),
        instances=np.concatenate([s.instances for s in scenes]),
    )


def _check(index: int, seed: int, size: tuple[int, int], split: str) -> None:
    if index < 0 or seed < 0:
        raise InputError(f"index and seed must be 0 or more, found index {index} and seed {seed}.")
    if min(size) < 8:
        raise InputError(f"size must be (height, width) of 8 pixels or more, found {tuple(size)}.")
    if split not in _SPLITS:
        raise InputError(f"split must be one of {', '.join(_SPLITS)}, found {split!r}.")


def _finish(canvas: Canvas, plan: Plan, light: Light) -> Scene:
    layers = np.array(canvas.layers, LAYER_DTYPE)
    pixels = np.bincount(canvas.owner.ravel(), minlength=len(layers))
    seen = pixels > 0
    # per layer: its instance's place by class, then from back to front, among the instances that are seen
    order = np.lexsort((layers["instance"], layers["class_id"]))
    order = order[seen[order]]
    instance_of = np.zeros(len(layers), np.int64)
    instance_of[order] = np.cumsum(np.diff(layers["instance"][order], prepend=-1) != 0) - 1
    _, first = np.unique(instance_of[order], return_index=True)
    instances = np.zeros(len(first), INSTANCE_DTYPE)
    instances["instance_id"] = np.arange(len(first))
    for name in ("class_id", "color", "accent", "distance"):
        instances[name] = layers[name][order[first]]
    np.add.at(instances["pixels"], instance_of[order], pixels[order])
    factors = np.array(
        (
            plan.kind,
            light.mood,
            plan.horizon,
            plan.camera,
            light.direction,
            light.key,
            light.ambient,
            light.zenith,
            light.horizon,
            light.haze,
        ),
        SCENE_DTYPE,
    )
    return Scene(
        image=_develop(canvas.image),
        class_ids=layers["class_id"].take(canvas.owner),
        instance_ids=instance_of.take(canvas.owner),
        part_ids=canvas.parts.astype(np.int64),
        depth_order=(np.cumsum(seen) - 1).take(canvas.owner),
        factors=factors,
        instances=instances,
    )


def _develop(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Roll highlights off softly and quantise: 3 h w float32 to h w 3 uint8."""
    bright = np.maximum(image - np.float32(0.8), 0)
    bright /= 1 + bright * np.float32(3.0)
    levels = np.minimum(image, np.float32(0.8))
    levels += bright
    levels *= 255
    levels += np.float32(0.5)
    return np.ascontiguousarray(rearrange(clip(levels, 0, 255).astype(np.uint8), "c h w -> h w c"))
