"""How long a search in a bank takes, against brute force: ``python -m semsyn.testing.retrieval FOLDER``.

Shapes are those of toyscenes at 256 × 512, each map turned into many by mirroring, shifting and stretching. All
segments are put into one class, so that a query has every one of them for a candidate. Queries are segments of scenes
that the bank has not seen. Brute force compares the bits of full frames, 16 KiB each.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semsyn.data.bank.class_table import ClassTable
from semsyn.data.bank.groups import class_groups
from semsyn.data.bank.manifest import BankConfig, Manifest
from semsyn.data.bank.packing import Grid, pack_masks
from semsyn.data.bank.scene_pieces import ScenePieces
from semsyn.data.bank.search import Found
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.data.bank.write_part import write_chunk, write_part
from semsyn.data.io.whole_file import whole_folder
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes.scene import draw_scene
from semsyn.nn.compose.cutouts import Cutouts
from semsyn.nn.compose.segments import find_segments, measure_segments, smallest_area

SIZE = (256, 512)
SPACE = label_space("toyscenes")
CONFIG = BankConfig(space=SPACE, groups=class_groups(SPACE), size=SIZE)
CHUNK = 500
COUNT = 10  # matches that are looked for


def draw_maps(count: int, split: str) -> list[Tensor]:
    """Maps of toyscenes."""
    return [torch.from_numpy(draw_scene(i, size=SIZE, split=split).class_ids) for i in range(count)]  # type: ignore[arg-type]


def number_segments(class_ids: Tensor) -> Tensor:
    """Which segment each pixel belongs to, from 1; 0: to none."""
    segments = find_segments(class_ids, CONFIG.groups)
    owners = torch.zeros(SIZE, dtype=torch.int64)
    for number, ((top, left, bottom, right), mask) in enumerate(
        zip(segments.masks.boxes.tolist(), segments.masks.windows, strict=True), start=1
    ):
        owners[top:bottom, left:right][mask] = number
    return owners


def draw_variation(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Rows and columns of a map that is mirrored, shifted by up to a tenth, and stretched by up to a fifth."""
    scale, moves = rng.uniform(0.8, 1.2, 2), rng.uniform(-0.1, 0.1, 2) * SIZE
    rows, columns = (
        torch.from_numpy((np.arange(side) - side / 2) / s + side / 2 + m).round().long().clamp(0, side - 1)
        for side, s, m in zip(SIZE, scale, moves, strict=True)
    )
    return rows, columns.flip(0) if rng.random() < 0.5 else columns


def cut(class_ids: Tensor, owners: Tensor, name: int) -> ScenePieces:
    """A map without its photograph, all segments in class 0."""
    count = int(owners.max())
    areas, boxes = measure_segments((owners - 1) % (count + 1), count)
    kept = (areas > smallest_area(SIZE, CONFIG.kept)).nonzero()[:, 0]
    windows = tuple(owners[t:b, l:r] == n + 1 for n, (t, l, b, r) in zip(kept, boxes[kept].tolist(), strict=True))
    return ScenePieces(
        np.zeros(len(kept), np.int64),
        np.arange(1, len(kept) + 1),
        areas[kept].numpy(),
        boxes[kept].numpy(),
        pack_masks(Cutouts(SIZE, boxes[kept], windows), Grid.of(SIZE)),
        ((b"", b""),) * len(kept),
        class_ids.numpy().astype(np.uint8),
        name.to_bytes(32, "big"),
    )


def build(folder: Path, count: int, scenes: int) -> SegmentBank:
    """A bank of about ``count`` segments; one that is there is used."""
    if folder.is_dir():
        return SegmentBank(folder)
    rng, maps = np.random.default_rng(0), draw_maps(scenes, "train")
    owners = list(map(number_segments, maps))
    with whole_folder(folder) as new:
        chunks: list[Path] = []
        total = number = 0
        while total < count:
            pieces = []
            for i in range(number, number + CHUNK):
                rows, columns = draw_variation(rng)
                one, two = (m[i % scenes][rows][:, columns] for m in (maps, owners))
                pieces.append(cut(one, two, i))
            number, total = number + CHUNK, total + sum(len(piece.areas) for piece in pieces)
            chunks.append(new / f"chunk-{len(chunks)}")
            chunks[-1].mkdir()
            write_chunk(chunks[-1], pieces, CONFIG)
        (new / "part-0001").mkdir()
        entry = write_part(new / "part-0001", chunks, [str(i) for i in range(number)], CONFIG)
        Manifest(config=CONFIG).with_parts(entry).write(new)
        for chunk in chunks:
            for file in chunk.iterdir():
                file.unlink()
            chunk.rmdir()
    return SegmentBank(folder)


@dataclass(frozen=True)
class Times:
    """Of one way to search: seconds of each query, on the clock and of the processor."""

    wall: NDArray[np.float64]
    cpu: NDArray[np.float64]

    def __str__(self) -> str:
        rows = [f"{np.median(t) * 1e3:.1f} (90 %: {np.quantile(t, 0.9) * 1e3:.1f})" for t in (self.wall, self.cpu)]
        return f"{rows[0]} ms on the clock, {rows[1]} ms of the processor"


def queries(scenes: int) -> Iterator[tuple[Tensor, int]]:
    """Maps with the numbers of their large segments."""
    for class_ids in draw_maps(scenes, "val"):
        segments = find_segments(class_ids, CONFIG.groups)
        yield from ((class_ids, i) for i in range(len(segments)) if segments.areas[i] > CONFIG.least_area)


def measure(bank: SegmentBank, asked: list[tuple[Tensor, int]], score: str) -> tuple[Times, list[Tensor]]:
    """Search for every query alone."""
    wall, cpu, scores = [], [], []
    for class_ids, index in asked:
        one = find_segments(class_ids, CONFIG.groups).select([index])
        one.class_ids.zero_()
        start = time.perf_counter(), time.process_time()
        matches = bank.retrieve(one, class_ids, count=COUNT, score=score)  # type: ignore[arg-type]
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
        scores.append(matches.scores[0])
    return Times(np.array(wall), np.array(cpu)), scores


def full_frames(bank: SegmentBank, rows: range) -> NDArray[np.uint64]:
    """Bits of full frames."""
    frames = np.stack([bank.mask(row).frame(0).numpy() for row in rows])
    return np.packbits(frames.reshape(len(rows), -1), axis=1).view(np.uint64)


def brute(bank: SegmentBank, asked: list[tuple[Tensor, int]]) -> tuple[float, list[Tensor]]:
    """Seconds of the processor for each query, and the scores; making the frames is not counted."""
    masks = [find_segments(ids, CONFIG.groups).masks.frame(i).numpy() for ids, i in asked]
    bits = [np.packbits(mask.reshape(-1)).view(np.uint64) for mask in masks]
    best, spent = [Found.none()] * len(asked), 0.0
    table = ClassTable(bank.parts[0], 0)
    for first in range(0, len(bank), 1000):
        rows = range(first, min(first + 1000, len(bank)))
        frames = full_frames(bank, rows)
        areas, images = table.areas[rows.start : rows.stop].astype(np.int64), table.images[rows.start : rows.stop]
        for number, query in enumerate(bits):
            start = time.process_time()
            common = np.bitwise_count(frames & query).sum(axis=1, dtype=np.int64)
            overlaps = common / (areas + int(masks[number].sum()) - common)
            spent += time.process_time() - start
            found = Found(np.array(rows), images.astype(np.int64), overlaps, overlaps)
            best[number] = best[number].best(found, COUNT)
    return spent / len(asked), [torch.from_numpy(found.scores) for found in best]


def main() -> None:
    """Build, measure, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the bank")
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--scenes", type=int, default=200, help="from which maps are made")
    parser.add_argument("--queries", type=int, default=10, help="scenes that are asked for")
    parser.add_argument("--brute", type=int, default=20, help="queries of brute force")
    args = parser.parse_args()
    torch.set_num_threads(1)
    start = time.perf_counter()
    bank = build(args.folder, args.segments, args.scenes)
    print(f"built or found in {time.perf_counter() - start:.0f} s")
    start = time.perf_counter()
    bank = SegmentBank(args.folder)
    print(f"opened in {(time.perf_counter() - start) * 1e3:.1f} ms: {bank}")
    asked = list(queries(args.queries))
    for score in ("mask", "mask+context"):
        measure(bank, asked[:5], score)
        times, scores = measure(bank, asked, score)
        print(f"{score}, {len(asked)} queries: {times}")
        if score == "mask":
            found = scores
    seconds, exact = brute(bank, asked[: args.brute])
    same = all(torch.equal(a, b) for a, b in zip(found, exact, strict=False))
    print(f"brute force, {len(exact)} queries: {seconds * 1e3:.0f} ms of the processor; same scores: {same}")


if __name__ == "__main__":
    main()
