"""Contact sheets: each label map in colours, and beside it the pictures that were made of it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from semsyn.cli.jobs import Job
from semsyn.data.io.label_maps import read_label_map
from semsyn.data.io.pictures import open_image
from semsyn.data.io.whole_file import write_picture
from semsyn.evaluate.sheet import color_ids
from semsyn.functional.maps import resize_ids
from semsyn.labels import LabelSpace

__all__ = ["MAX_SAMPLES", "count_pages", "draw_map", "write_sheets"]

Size = tuple[int, int]

ROWS = 16  # of a page, which bounds the memory
MAX_SAMPLES = 8
MAX_SIDE = 256  # of a cell; larger pictures are shown smaller
GAP = 4


def count_pages(jobs: int) -> int:
    """How many sheets that many label maps take."""
    return -(-jobs // ROWS)


def write_sheets(
    paths: Sequence[Path],
    jobs: Sequence[Job],
    *,
    space: LabelSpace | int,
    size: Size | None,
    read: Callable[[Path], Tensor] | None = None,
) -> None:
    """Write one page after the other, from the files of finished jobs.

    Args:
        paths: `count_pages` of them.
        jobs: a row each; at most `MAX_SAMPLES` pictures of each are shown.
        space: for the colours of the maps, or just k.
        size: (h, w) of the pictures; None: they differ, and each is shown inside a square.
        read: gives the stored ids of a map; None: `read_label_map`.
    """
    for page, path in enumerate(paths):
        write_picture(_draw_page(jobs[page * ROWS : (page + 1) * ROWS], space, size, read), path)


def draw_map(
    label_map: Path, space: LabelSpace | int, size: Size, *, read: Callable[[Path], Tensor] | None = None
) -> Image.Image:
    """A label map as the network sees it: resized by its rule, in the space's palette or else the released colours."""
    known = space if isinstance(space, LabelSpace) else None
    stored = read_label_map(label_map, space=known) if read is None else read(label_map)
    class_ids = resize_ids((stored if known is None else known.map_ids(stored))[None], size, rule="centre")[0]
    return Image.fromarray(color_ids(class_ids, space).numpy())


def _draw_page(
    jobs: Sequence[Job],
    space: LabelSpace | int,
    size: Size | None,
    read: Callable[[Path], Tensor] | None,
) -> Image.Image:
    h, w = _shrink(size or (MAX_SIDE, MAX_SIDE))
    columns = 1 + min(MAX_SAMPLES, len(jobs[0].pictures))
    page = Image.new("RGB", (GAP + columns * (w + GAP), GAP + len(jobs) * (h + GAP)), "white")
    for row, job in enumerate(jobs):
        pictures = [open_image(path) for path in job.pictures[:MAX_SAMPLES]]
        inside = (h, w) if size else _shrink((pictures[0].height, pictures[0].width))
        cells = [draw_map(job.label_map, space, inside, read=read)]
        cells += [picture.resize((inside[1], inside[0]), Image.Resampling.LANCZOS) for picture in pictures]
        for column, cell in enumerate(cells):
            page.paste(cell, (GAP + column * (w + GAP), GAP + row * (h + GAP)))
    return page


def _shrink(size: Size) -> Size:
    shrink = min(1.0, MAX_SIDE / max(size))
    h, w = (max(1, round(side * shrink)) for side in size)
    return h, w
