import pytest
import torch

from semsyn import RegionCodes
from semsyn.errors import InputError
from semsyn.functional import resize_ids


def make(n: int = 2, r: int = 3, d: int = 4, size: tuple[int, int] = (6, 5), seed: int = 0) -> RegionCodes:
    rng = torch.Generator().manual_seed(seed)
    return RegionCodes(table=torch.randn(n, r, d, generator=rng), ids=torch.randint(r, (n, *size), generator=rng))


def test_each_pixel_has_the_code_of_its_region() -> None:
    codes = make()
    dense = codes.dense()
    assert dense.shape == (2, 4, 6, 5)
    for n in range(2):
        for y in range(6):
            for x in range(5):
                assert torch.equal(dense[n, :, y, x], codes.table[n, codes.ids[n, y, x]])


@pytest.mark.parametrize("size", [(3, 5), (12, 10), (1, 1), (7, 4)])
def test_other_sizes_follow_the_label_map(size: tuple[int, int]) -> None:
    codes = make()
    assert torch.equal(codes.dense(size), resize_ids(codes.dense(), size))


def test_replaced_pixels_change_and_no_others() -> None:
    here, there = make(seed=1), make(r=5, seed=2)
    pixels = torch.rand(2, 6, 5, generator=torch.Generator().manual_seed(3)) > 0.6
    mixed = here.replaced(pixels, there)
    assert torch.equal(mixed.dense(), torch.where(pixels[:, None], there.dense(), here.dense()))


def test_rows_without_pixels_are_dropped() -> None:
    here, there = make(seed=1), make(seed=2)
    everywhere = torch.ones(2, 6, 5, dtype=torch.bool)
    assert here.replaced(everywhere, there).table.shape == (2, 3, 4)
    mixed = here
    for seed in range(5):
        mixed = mixed.replaced(everywhere, make(seed=seed))
    assert mixed.table.shape[1] <= 3, "drawing again and again must not make the table grow"


def test_batches_of_one_are_for_every_picture() -> None:
    one = make(n=1)
    assert torch.equal(one.expand(3).dense(), one.dense().expand(3, -1, -1, -1))


def test_codes_scale_and_move() -> None:
    codes = make()
    assert torch.equal((codes * 0.5).table, codes.table * 0.5)
    half = codes.to(dtype=torch.float16)
    assert half.table.dtype == torch.float16 and half.ids.dtype == torch.int64


def test_shapes_must_fit() -> None:
    with pytest.raises(InputError, match="table must be n r d = \\(2 r d\\), found shape \\(1, 3, 4\\)"):
        RegionCodes(table=torch.zeros(1, 3, 4), ids=torch.zeros(2, 5, 5, dtype=torch.int64))
    with pytest.raises(InputError, match="ids must be n h w"):
        RegionCodes(table=torch.zeros(1, 3, 4), ids=torch.zeros(5, 5, dtype=torch.int64))
    with pytest.raises(InputError, match=r"maps of \(6, 5\) and \(4, 4\)"):
        make().replaced(torch.ones(2, 6, 5, dtype=torch.bool), make(size=(4, 4)))
