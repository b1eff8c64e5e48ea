"""Results as files: figures as JSON, and contact sheets."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from PIL import Image

from semsyn.data.io.whole_file import write_text
from semsyn.data.spaces.colors import to_uint8
from semsyn.data.toyscenes.cache import Scenes
from semsyn.evaluate.agreement import draw_pictures
from semsyn.evaluate.instance_colors import OTHER_DRAW
from semsyn.generator.generator import Generator
from semsyn.labels import LabelSpace


def to_json(results: Mapping[str, Any]) -> str:
    """Figures as JSON, indented; what cannot be told (NaN) is null, since JSON has no such number."""
    return json.dumps(_without_nan(results), indent=2, allow_nan=False)


def write_json(results: Mapping[str, Any], path: Path) -> None:
    """Write `to_json`, whole or not at all."""
    write_text(path, to_json(results) + "\n")


@torch.inference_mode()
def draw_sheet(generator: Generator, scenes: Scenes, space: LabelSpace, *, count: int = 8) -> Image.Image:
    """Rows: label maps in colours, true pictures, then generated ones; with an encoder those of encoded codes first and
    two draws, else one.

    Args:
        generator: makes them; the number of a scene is its seed.
        scenes: the first ones are shown.
        space: for the colours; it has a palette.
        count: how many, at most: columns.
    """
    scenes = scenes.requiring(generator.requires)
    seeds = list(range(min(count, len(scenes))))
    layout, real = scenes.batch(seeds)
    pictures = [real]
    if generator.encoder is not None:
        pictures.append(draw_pictures(generator, layout, seeds, real))
        pictures.append(draw_pictures(generator, layout, [seed + OTHER_DRAW for seed in seeds]))
    pictures.append(draw_pictures(generator, layout, seeds))
    rows = [space.to_colors(layout.class_ids), *(to_uint8(row, rounding="nearest") for row in pictures)]
    return Image.fromarray(rearrange(rows, "r n h w c -> (r h) (n w) c").contiguous().numpy())


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and value != value else value
