from collections import deque

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional import connected_components, dense_ids, edges, region_offsets, resize_ids

SIZES = [(1, 1), (1, 7), (7, 1), (3, 5), (8, 8), (13, 31), (50, 31), (64, 40), (97, 100)]


def random_ids(n: int, h: int, w: int, count: int = 6, seed: int = 0) -> Tensor:
    """Blocks with noise on them, so that there are large regions and single pixels."""
    rng = torch.Generator().manual_seed(seed)
    blocks = torch.randint(count, (n, h // 4 + 1, w // 4 + 1), generator=rng)
    ids = blocks.repeat_interleave(4, 1).repeat_interleave(4, 2)[:, :h, :w]
    noise = torch.randint(count, (n, h, w), generator=rng)
    return torch.where(torch.rand(n, h, w, generator=rng) < 0.2, noise, ids)


@pytest.mark.parametrize("old", SIZES, ids=str)
@pytest.mark.parametrize("new", SIZES, ids=str)
def test_floor_rule_is_torchs_nearest_and_centre_rule_is_pillows(old: tuple[int, int], new: tuple[int, int]) -> None:
    ids = torch.arange(old[0] * old[1]).reshape(1, *old)  # every pixel has its own id
    expected = F.interpolate(ids[:, None].double(), new)[:, 0].long()
    assert torch.equal(resize_ids(ids, new), expected)
    picture = Image.fromarray(ids[0].numpy().astype(np.int32)).resize(new[::-1], Image.Resampling.NEAREST)
    assert torch.equal(resize_ids(ids, new, rule="centre")[0], torch.from_numpy(np.array(picture)).long())


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float32])
def test_resizing_keeps_type_and_leading_axes(dtype: torch.dtype) -> None:
    t = (torch.arange(2 * 3 * 4 * 6) % 2).reshape(2, 3, 4, 6).to(dtype)
    small = resize_ids(t, (2, 3))
    assert small.shape == (2, 3, 2, 3) and small.dtype == dtype
    assert torch.equal(small, t[..., ::2, ::2])
    assert torch.equal(resize_ids(t[0, 0], (2, 3)), small[0, 0])


@pytest.mark.parametrize("size", [(0, 4), (4, 0)])
def test_an_empty_side_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=f"from 3 x 5 to {size[0]} x {size[1]}"):
        resize_ids(torch.zeros(1, 3, 5), size)
    with pytest.raises(InputError, match="a side is empty"):
        resize_ids(torch.zeros(1, 3, 0), (2, 2))


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (6, 1), (9, 7)])
def test_edges_mark_both_sides_of_every_border(size: tuple[int, int]) -> None:
    ids = random_ids(3, *size)
    expected = torch.zeros(3, *size, dtype=torch.bool)
    h, w = size
    for i in range(3):
        for p in range(h):
            for q in range(w):
                for dp, dq in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                    if 0 <= p + dp < h and 0 <= q + dq < w and ids[i, p, q] != ids[i, p + dp, q + dq]:
                        expected[i, p, q] = True
    found = edges(ids)
    assert found.dtype == torch.bool
    assert torch.equal(found, expected)


def test_dense_ids_are_ranks_within_each_image() -> None:
    ids = torch.tensor([[[24001, 7], [7, 24002]], [[-1, -1], [300, -1]]])
    assert dense_ids(ids).tolist() == [[[1, 0], [0, 2]], [[0, 0], [1, 0]]]


def flooded(ids: Tensor) -> Tensor:
    """8-connected components, by breadth-first search from each pixel that has none yet."""
    found = torch.full_like(ids, -1)
    n, h, w = ids.shape
    count = 0
    for i in range(n):
        for p in range(h):
            for q in range(w):
                if found[i, p, q] >= 0:
                    continue
                found[i, p, q] = count
                queue = deque([(p, q)])
                while queue:
                    a, b = queue.popleft()
                    for c in range(max(0, a - 1), min(h, a + 2)):
                        for d in range(max(0, b - 1), min(w, b + 2)):
                            if found[i, c, d] < 0 and ids[i, c, d] == ids[i, p, q]:
                                found[i, c, d] = count
                                queue.append((c, d))
                count += 1
    return found


SPIRAL = torch.tensor(
    [
        [1, 1, 1, 1, 1, 1, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [1, 1, 1, 1, 1, 0, 1],
        [1, 0, 0, 0, 1, 0, 1],
        [1, 0, 1, 1, 1, 0, 1],
        [1, 0, 0, 0, 0, 0, 1],
        [1, 1, 1, 1, 1, 1, 1],
    ]
)[None]


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (11, 8), (16, 17)])
@pytest.mark.parametrize("count", [2, 5])
def test_components_are_those_of_a_flood_fill(size: tuple[int, int], count: int) -> None:
    for seed in range(3):
        ids = random_ids(2, *size, count=count, seed=seed)
        assert torch.equal(connected_components(ids), flooded(ids))


def test_components_of_long_winding_regions_and_of_corners() -> None:
    assert torch.equal(connected_components(SPIRAL), flooded(SPIRAL))
    comb = torch.zeros(1, 9, 41, dtype=torch.int64)
    comb[:, :-1, ::2] = 1  # teeth that meet nowhere, between teeth that meet in the last row
    assert torch.equal(connected_components(comb), flooded(comb))
    diagonal = torch.eye(5, dtype=torch.int64)[None]
    assert connected_components(diagonal).unique().tolist() == [0, 1], "corners join: the diagonal, and both its sides"


def test_components_count_on_over_the_batch() -> None:
    ids = torch.tensor([[[3, 3], [3, 3]], [[3, 4], [4, 3]]])
    assert connected_components(ids).tolist() == [[[0, 0], [0, 0]], [[1, 2], [2, 1]]]


def offsets_by_component(label_map: Tensor, ignore: int | None, normalize: bool) -> Tensor:
    components = flooded(label_map)
    result = torch.zeros(len(label_map), 2, *label_map.shape[1:], dtype=torch.float64)
    for component in components.unique():
        image, *place = (components == component).nonzero().double().unbind(1)
        i, rows, columns = int(image[0]), place[0].long(), place[1].long()
        if ignore is not None and label_map[i, rows[0], columns[0]] == ignore:
            continue
        for axis, position in enumerate(place):
            offset = position - position.mean()
            if normalize:
                offset = offset / (offset.abs() + 1e-5).max()
            result[i, axis, rows, columns] = offset
    return result.float()


@pytest.mark.parametrize("ignore", [0, 2, None])
@pytest.mark.parametrize("normalize", [True, False])
def test_offsets_are_measured_from_each_components_centroid(ignore: int | None, normalize: bool) -> None:
    label_map = random_ids(2, 15, 10, count=4)
    found = region_offsets(label_map, ignore=ignore, normalize=normalize)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, offsets_by_component(label_map, ignore, normalize), rtol=0, atol=1e-6)


def test_offsets_of_the_worked_example() -> None:
    found = region_offsets(torch.tensor([[[5, 5, 5, 0]]]))
    assert found[0, 0].tolist() == [[0, 0, 0, 0]]
    torch.testing.assert_close(found[0, 1, 0], torch.tensor([-0.99999, 0, 0.99999, 0]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("function", [edges, dense_ids, connected_components, region_offsets])
def test_a_map_without_the_image_axis_is_refused(function) -> None:
    with pytest.raises(InputError, match=r"must be n h w.*\(4, 4\)"):
        function(torch.zeros(4, 4, dtype=torch.int64))


COMPILED = {
    "resize_ids": lambda ids: (resize_ids(ids, (5, 4)), resize_ids(ids, (17, 30), rule="centre")),
    "edges": lambda ids: (edges(ids),),
    "connected_components": lambda ids: (connected_components(ids),),
    "region_offsets": lambda ids: (region_offsets(ids), region_offsets(ids, ignore=None, normalize=False)),
}


@pytest.mark.parametrize("name", COMPILED)
def test_compiles_in_one_graph(name: str) -> None:
    function, ids = COMPILED[name], random_ids(2, 9, 13)
    for eager, compiled in zip(function(ids), torch.compile(function, fullgraph=True)(ids), strict=True):
        assert torch.equal(compiled, eager)
