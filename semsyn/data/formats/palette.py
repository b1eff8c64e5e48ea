"""Colour pictures in which each colour is a class."""

from functools import partial
from pathlib import Path

import numpy as np

from semsyn.data.formats.annotations import Annotations, Drawing, Request, Scene, SourceClass, name_scene
from semsyn.data.formats.map_files import (
    hex_color,
    list_map_files,
    pack_colors,
    rank_values,
    read_colors,
    root_of,
    unpack_color,
)
from semsyn.errors import InputError
from semsyn.labels import LabelSpace

MAX_COLORS = 512
BLACK, VOID_NAME = 0, "unlabelled"  # as label spaces draw no class


def open_palette(source: Path, request: Request) -> Annotations:
    """Collect the colours of all pictures.

    A colour that the wanted label space has in its palette has that class's name; others are named ``#rrggbb``.

    Raises:
        InputError: for files that cannot be read, or more colours than classes can be.
    """
    paths = list_map_files(source)
    colors: set[int] = set()
    for path in request.track(paths, "colours"):
        colors.update(np.unique(read_colors(path)).tolist())
        if len(colors) > MAX_COLORS:
            raise InputError(
                f"{path} brings the colours of {source} to {len(colors)}, more than {MAX_COLORS}: it is a photograph, "
                "or its edges are soft. Give maps without smoothing; soft edges: semsyn generate --nearest-color."
            )
    names = _name_colors(request.space)
    codes = sorted(colors)
    classes = tuple(SourceClass(names.get(c, hex_color(c)), i, unpack_color(c)) for i, c in enumerate(codes))
    root = root_of(source)
    scenes = tuple(Scene(name_scene(path, root), (path,), partial(_draw, path, codes)) for path in paths)
    return Annotations(classes=classes, scenes=scenes)


def _name_colors(space: LabelSpace | None) -> dict[int, str]:
    if space is None or not space.palette:
        return {}
    names = dict(zip(pack_colors(np.array(space.palette)).tolist(), space.classes, strict=True))
    return {BLACK: VOID_NAME} | names if space.void == space.num_classes else names


def _draw(path: Path, codes: list[int]) -> Drawing:
    advice = "It has changed since its colours were collected; run the command again."
    return Drawing(rank_values(read_colors(path), codes, path, what=f"colours of {path.parent}", advice=advice))
