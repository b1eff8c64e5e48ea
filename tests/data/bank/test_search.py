"""Searches against brute force over full frames, on banks of random shapes that overlap in all ways."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from semsyn.data.bank.build import append_scenes, build_bank
from semsyn.data.bank.manifest import BankConfig
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.labels import LabelSpace
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.segments import Segments

SPACE = LabelSpace(name="four", classes=("a", "b", "c", "d"), void_ids=(), void=4)


class RandomScenes:
    """Rectangles and discs of four classes and of none, the same shapes again and again."""

    def __init__(self, count: int, size: tuple[int, int], seed: int) -> None:
        self.count, self.size, self.seed = count, size, seed

    @property
    def names(self) -> list[str]:
        return [f"{self.seed}-{i}" for i in range(self.count)]

    def read(self, index: int, config: BankConfig) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng((self.seed, index))
        h, w = self.size
        ids = np.full((h, w), rng.integers(5))
        y, x = np.mgrid[:h, :w]
        for _ in range(rng.integers(2, 7)):
            cy, cx, r, kind = rng.integers(0, h, 1)[0], rng.integers(0, w), rng.integers(3, h // 2), rng.integers(2)
            inside = (y - cy) ** 2 + (x - cx) ** 2 < r * r if kind else (abs(y - cy) < r / 2) & (abs(x - cx) < r)
            ids[inside] = rng.integers(5)
        photo = torch.from_numpy(rng.integers(0, 256, (3, h, w), dtype=np.uint8))
        return photo, torch.from_numpy(ids)


def config_of(size: tuple[int, int], kept: float = 0) -> BankConfig:
    groups = ClassGroups(num_classes=4, thin=(3,))
    return BankConfig(space=SPACE, groups=groups, size=size, smallest=0.002, kept=kept)


@pytest.fixture(scope="module", params=[(40, 83), (64, 128)], ids=["odd", "even"])
def scenes_bank(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SegmentBank:
    """Two parts, so that searches go on from one to the next."""
    size = request.param
    bank = build_bank(tmp_path_factory.mktemp("b") / "bank", RandomScenes(40, size, 1), config_of(size), workers=0)
    return append_scenes(bank, RandomScenes(25, size, 2), workers=0)


Rows = dict[int, list[tuple[int, float, float]]]


def brute(bank: SegmentBank, segments: Segments, row: int, ids: Tensor | None) -> Rows:
    """For each image its segments of the class that overlap, by number: (segment, overlap, context)."""
    mask, found = segments.masks.frame(row), {}
    box = segments.masks.boxes[row].tolist()
    down, across = round((box[2] - box[0]) / 4), round((box[3] - box[1]) / 4)
    around = (
        slice(max(0, box[0] - down), box[2] + down),
        slice(max(0, box[1] - across), box[3] + across),
    )
    for part in bank.parts:
        for at in part.rows(int(segments.class_ids[row])):
            segment, image = at + part.first_segment, int(part["images"][at]) + part.first_image
            other = bank.mask(segment).frame(0)
            common = int((mask & other).sum())
            if not common:
                continue
            context = 0.0
            if ids is not None:
                maps = (ids[around], bank.layout(image)[around])
                one, two = (torch.nn.functional.one_hot(m, 5)[..., :4].bool() for m in maps)
                context = float((one & two).sum() / (one | two).sum())
            rank = (int(part["numbers"][at]), segment, common / int((mask | other).sum()), context)
            found.setdefault(image, []).append(rank)
    return {image: [r[1:] for r in sorted(rows)] for image, rows in sorted(found.items())}


@pytest.mark.parametrize("score", ["mask", "mask+context"])
@pytest.mark.parametrize("count", [1, 3, 10, 100])
def test_the_best_of_each_image_are_found_exactly(scenes_bank, score, count):
    for seed in range(3):
        _, ids = RandomScenes(9, scenes_bank.config.size, 3).read(seed, scenes_bank.config)
        segments = scenes_bank.find_segments(ids)
        matches = scenes_bank.retrieve(segments, ids, count=count, score=score)
        for row in range(len(segments)):
            found = brute(scenes_bank, segments, row, ids if score != "mask" else None)
            best = sorted((-max(o + c for _, o, c in rows), image) for image, rows in found.items())[:count]
            if int(segments.areas[row]) <= scenes_bank.config.least_area:
                best = []
            got = matches.segments[row] >= 0
            assert got.sum() == len(best) and got[: len(best)].all()
            np.testing.assert_allclose(matches.scores[row, : len(best)], [-s for s, _ in best], rtol=1e-6)
            sure = matches.images[row, : len(best)].tolist()
            assert [(-s, i) for s, i in zip(matches.scores[row].tolist(), sure, strict=False)] == sorted(
                (-s, i) for s, i in zip(matches.scores[row].tolist(), sure, strict=False)
            ), "of equal ones the first image comes first"
            by_segment = {s: o for rows in found.values() for s, o, _ in rows}
            for segment, overlap in zip(matches.segments[row][got].tolist(), matches.overlaps[row][got], strict=True):
                assert by_segment[segment] == pytest.approx(float(overlap), rel=1e-12)


@pytest.mark.parametrize("count", [1, 4, 10])
def test_published_slots_are_filled_as_published(scenes_bank, count):
    for seed in range(3):
        _, ids = RandomScenes(9, scenes_bank.config.size, 4).read(seed, scenes_bank.config)
        segments = scenes_bank.find_segments(ids)
        matches = scenes_bank.retrieve(segments, count=count, as_released=True)
        for row in range(len(segments)):
            slots = [(0.0, -1)] * count
            if int(segments.areas[row]) > scenes_bank.config.least_area:
                for _, rows in brute(scenes_bank, segments, row, None).items():
                    at = min(range(count), key=lambda i: slots[i][0])
                    level = slots[at][0]
                    for segment, overlap, _ in rows:
                        if overlap > level:
                            slots[at] = (overlap, segment)
            assert matches.segments[row].tolist() == [segment for _, segment in slots]
            np.testing.assert_allclose(matches.scores[row], [overlap for overlap, _ in slots])


def test_several_threads_find_the_same(scenes_bank):
    _, ids = RandomScenes(9, scenes_bank.config.size, 3).read(1, scenes_bank.config)
    segments = scenes_bank.find_segments(ids)
    one, two = (scenes_bank.retrieve(segments, ids, score="mask+context", threads=n) for n in (1, 3))
    assert torch.equal(one.segments, two.segments) and torch.equal(one.scores, two.scores)


def test_a_query_that_is_in_the_bank_finds_itself(scenes_bank):
    _, ids = RandomScenes(40, scenes_bank.config.size, 1).read(7, scenes_bank.config)
    segments = scenes_bank.find_segments(ids)
    matches = scenes_bank.retrieve(segments, count=1)
    large = segments.areas > scenes_bank.config.least_area
    assert (matches.scores[large, 0] == 1).all() and not matches.is_found[~large].any()


def test_few_segments_are_compared_bit_by_bit(scenes_bank, monkeypatch):
    """The bounds do their work: without them every segment of the class would be compared."""
    from semsyn.data.bank.class_table import ClassTable

    compared, intersect = [], ClassTable.intersect
    monkeypatch.setattr(ClassTable, "intersect", lambda s, q, rows: compared.append(len(rows)) or intersect(s, q, rows))
    monkeypatch.setattr("semsyn.data.bank.search.PIECE", 4)
    _, ids = RandomScenes(40, scenes_bank.config.size, 1).read(7, scenes_bank.config)
    segments = scenes_bank.find_segments(ids)
    scenes_bank.retrieve(segments, count=1)
    large = segments.class_ids[segments.areas > scenes_bank.config.least_area].tolist()
    assert sum(compared) < sum(scenes_bank.class_counts[c] for c in large) / 2


def test_what_overlaps_with_nothing_finds_nothing(tmp_path: Path):
    class Halves:
        names = ("left",)

        def read(self, index: int, config: BankConfig) -> tuple[Tensor, Tensor]:
            ids = torch.full(config.size, 4)
            ids[:, :20] = 0
            return torch.zeros(3, *config.size, dtype=torch.uint8), ids

    bank = build_bank(tmp_path / "bank", Halves(), config_of((40, 83)), workers=0)
    ids = torch.full((40, 83), 4)
    ids[:20, 20:] = 0
    ids[20:] = 1
    for score in ("mask", "mask+context"):
        matches = bank.retrieve(bank.find_segments(ids), ids, score=score)
        assert not matches.is_found.any(), "beside each other, and a class that the bank does not hold"
