"""How the files of a part come about: scenes are cut in chunks, and chunks are put in the order of a search."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsyn.data.bank.manifest import BankConfig, PartEntry
from semsyn.data.bank.packing import Grid
from semsyn.data.bank.part import FILES, NAMES
from semsyn.data.bank.scene_pieces import ScenePieces, layout_dtype

ROWS = ("class_ids", "areas", "images", "numbers", "boxes", "counts", "lengths", "sizes")
SCENES = ("layouts", "digests")
STREAMS = ("bits", "crops")
PIECE = 1 << 22  # bytes that are read at a time


def write_chunk(folder: Path, scenes: Sequence[ScenePieces], config: BankConfig) -> None:
    """Write some scenes as they come, in the order of their segments.

    ``lengths`` are the mixed blocks of each segment, ``sizes`` the bytes of its pixels and its joining mask.
    """
    grid = Grid.of(config.size)
    counts = [len(scene.class_ids) for scene in scenes]
    crops = [crop for scene in scenes for crop in scene.crops]
    arrays: dict[str, NDArray[Any]] = {
        "class_ids": _join([s.class_ids for s in scenes], (), np.int32),
        "areas": _join([s.areas for s in scenes], (), np.uint32),
        "images": np.arange(len(scenes), dtype=np.uint32).repeat(counts),
        "numbers": _join([s.numbers for s in scenes], (), np.uint32),
        "boxes": _join([s.boxes for s in scenes], (4,), np.uint16),
        "counts": _join([s.masks.counts for s in scenes], (grid.blocks,), np.uint16),
        "lengths": _join([np.diff(s.masks.starts) for s in scenes], (), np.int64),
        "sizes": np.array([[len(a), len(b)] for a, b in crops], np.int64).reshape(-1, 2),
        "bits": _join([s.masks.bits for s in scenes], (grid.words,), np.uint64),
        "crops": np.frombuffer(b"".join(part for crop in crops for part in crop), np.uint8),
        "layouts": _join([s.layout[None] for s in scenes], config.size, layout_dtype(config.space.num_classes)),
        "digests": np.frombuffer(b"".join(s.digest for s in scenes), np.uint8).reshape(-1, 32),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def write_part(folder: Path, chunks: Sequence[Path], names: Sequence[str], config: BankConfig) -> PartEntry:
    """Write a part from its chunks, in their order; needs the memory of the short columns alone.

    Args:
        folder: is there, and empty.
        chunks: folders that `write_chunk` filled.
        names: of the images of all chunks.
        config: of the bank.

    Returns:
        the part's entry, named after the folder.
    """
    grid = Grid.of(config.size)
    opened = [{name: _open(chunk, name) for name in (*ROWS, *SCENES, *STREAMS)} for chunk in chunks]
    rows = {name: np.concatenate([chunk[name] for chunk in opened]) for name in ROWS if name != "counts"}
    firsts = np.cumsum([0, *(len(chunk["layouts"]) for chunk in opened)])
    segments = [len(chunk["areas"]) for chunk in opened]
    rows["images"] = rows["images"] + firsts[:-1].repeat(segments).astype(np.uint32)
    order = np.lexsort([rows[name] for name in ("numbers", "images", "areas", "class_ids")])
    classes = np.searchsorted(rows["class_ids"][order], np.arange(config.space.num_classes + 1))
    _save(folder, "classes", classes.astype(np.int64))
    for name in ("areas", "images", "numbers", "boxes"):
        _save(folder, name, rows[name][order])
    _save(folder, "starts", np.cumsum([0, *rows["lengths"][order]], dtype=np.int64))
    ends = np.cumsum(rows["sizes"].flatten())  # of the pixels and of the joining mask, by turns
    crops_at = np.stack([np.concatenate([[0], ends[1:-1:2]]), ends[::2], ends[1::2]], axis=1) if len(ends) else ends
    _save(folder, "crops_at", crops_at.reshape(-1, 3)[order].astype(np.int64))
    _write_sorted(folder, opened, order, classes, rows["lengths"], grid)
    _append(folder, "crops", [chunk["crops"] for chunk in opened], (int(ends[-1]) if len(ends) else 0,))
    _append(folder, "layouts", [chunk["layouts"] for chunk in opened], (int(firsts[-1]), *config.size))
    _save(folder, "digests", np.concatenate([chunk["digests"] for chunk in opened]))
    _write_histograms(folder, [chunk["layouts"] for chunk in opened], config)
    (folder / NAMES).write_text(json.dumps(list(names)), encoding="utf-8")
    return describe_part(folder, images=int(firsts[-1]), segments=len(order))


def _write_sorted(
    folder: Path,
    chunks: Sequence[dict[str, NDArray[Any]]],
    order: NDArray[np.int64],
    classes: NDArray[np.int64],
    lengths: NDArray[np.int64],
    grid: Grid,
) -> None:
    """Counts and bits: too many to be sorted in memory, so each segment's are copied to its place."""
    segments = np.cumsum([0, *(len(chunk["areas"]) for chunk in chunks)])
    starts = [np.cumsum([0, *chunk["lengths"]]) for chunk in chunks]
    counts = _create(folder, "counts", (len(order) * grid.blocks,), np.uint16)
    bits = _create(folder, "bits", (int(lengths.sum()), grid.words), np.uint64)
    at = 0
    for first, last in zip(classes[:-1].tolist(), classes[1:].tolist(), strict=True):
        section = np.empty((last - first, grid.blocks), np.uint16)
        for place, row in enumerate(order[first:last].tolist()):
            where = int(np.searchsorted(segments, row, side="right")) - 1
            local = row - int(segments[where])
            section[place] = chunks[where]["counts"][local]
            begin, end = starts[where][local : local + 2].tolist()
            bits[at : at + end - begin] = chunks[where]["bits"][begin:end]
            at += end - begin
        counts[first * grid.blocks : last * grid.blocks] = section.T.flatten()
    _close(counts, bits)


def _write_histograms(folder: Path, layouts: Sequence[NDArray[Any]], config: BankConfig) -> None:
    """How many pixels of each class, and of none, are in each block of each map."""
    grid, ids = Grid.of(config.size), config.space.num_classes + 1
    rows, columns = (np.arange(side) // grid.side for side in config.size)
    blocks = (rows[:, None] * grid.shape[1] + columns) * ids
    total = sum(map(len, layouts))
    found = _create(folder, "histograms", (grid.blocks, ids, total), np.uint16)
    at = 0
    for chunk in layouts:
        counted = [np.bincount((blocks + ids_of).ravel(), minlength=grid.blocks * ids) for ids_of in chunk]
        if counted:
            found[:, :, at : at + len(chunk)] = np.stack(counted, axis=1).reshape(grid.blocks, ids, -1)
        at += len(chunk)
    _close(found)


def describe_part(folder: Path, *, images: int, segments: int) -> PartEntry:
    """The entry of a part whose files are there: their lengths and checksums."""
    files = {name: ((folder / name).stat().st_size, checksum(folder / name)) for name in FILES}
    return PartEntry(name=folder.name, images=images, segments=segments, files=files)


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            found.update(piece)
    return found.hexdigest()


def _join(arrays: Sequence[NDArray[Any]], shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    return np.concatenate([np.zeros((0, *shape), dtype), *arrays]).astype(dtype)


def _open(folder: Path, name: str) -> NDArray[Any]:
    path = folder / f"{name}.npy"
    is_mapped = name in ("counts", *STREAMS, "layouts") and path.stat().st_size > 4096
    return np.load(path, mmap_mode="r" if is_mapped else None, allow_pickle=False)


def _save(folder: Path, name: str, array: NDArray[Any]) -> None:
    np.save(folder / f"{name}.npy", array)


def _create(folder: Path, name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    if 0 in shape:  # cannot be mapped
        _save(folder, name, np.zeros(shape, dtype))
        return np.zeros(shape, dtype)
    return np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, shape)


def _close(*arrays: NDArray[Any]) -> None:
    for array in arrays:
        if isinstance(array, np.memmap):
            array.flush()


def _append(folder: Path, name: str, arrays: Sequence[NDArray[Any]], shape: tuple[int, ...]) -> None:
    target = _create(folder, name, shape, arrays[0].dtype if arrays else np.uint8)
    at = 0
    for array in arrays:
        target[at : at + len(array)] = array
        at += len(array)
    _close(target)
