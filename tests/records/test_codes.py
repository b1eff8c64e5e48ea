import pytest
import torch

from semsyn import Codes, CodeSpec, Layout
from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.records.codes import draw_codes


def make(n: int = 2, r: int = 3, d: int = 4, size: tuple[int, int] = (6, 5), seed: int = 0) -> Codes:
    rng = torch.Generator().manual_seed(seed)
    ids = torch.randint(r, (n, *size), generator=rng)
    return Codes(table=torch.randn(n, r, d, generator=rng), per="region", ids=ids)


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
    pixels = Codes(table=codes.dense(), per="pixel")
    assert torch.equal(pixels.dense(size), codes.dense(size)) and pixels.dense() is pixels.table


def test_codes_of_more_than_one_axis_are_dense_too() -> None:
    codes = make()
    levels = Codes(table=torch.stack([codes.table, codes.table + 1], dim=2), per="region", ids=codes.ids)
    assert torch.equal(levels.dense((3, 5)), torch.stack([codes.dense((3, 5)), codes.dense((3, 5)) + 1], dim=1))


def test_codes_of_a_picture_are_its_own_at_any_size() -> None:
    codes = Codes(table=torch.randn(2, 1, 4))
    assert torch.equal(codes.dense((3, 2)), codes.table[:, 0, :, None, None].expand(2, 4, 3, 2))
    with pytest.raises(InputError, match="codes per image know no pixels: give them the layout's"):
        codes.dense()


LAYOUT = Layout(
    class_ids=torch.tensor([[[0, 2, 2]], [[2, 0, 1]]]), instance_ids=torch.tensor([[[0, 1, 3]], [[0, 1, 2]]])
)


@pytest.mark.parametrize(("per", "rows"), [("image", 1), ("class", 3), ("instance", 4)])
def test_a_layout_tells_the_pixels(per: str, rows: int) -> None:
    codes = Codes(table=torch.randn(2, rows, 5), per=per)
    assert not codes.has_pixels
    placed = codes.on(LAYOUT)
    ids = {"image": torch.zeros(2, 1, 3, dtype=torch.int64), "class": LAYOUT.class_ids, "instance": LAYOUT.instance_ids}
    assert placed.has_pixels and placed.size == (1, 3) and placed.per == per
    assert torch.equal(
        placed.dense(), torch.stack([t[i] for t, i in zip(codes.table, ids[per], strict=True)]).movedim(-1, 1)
    )
    assert placed.on(Layout(class_ids=LAYOUT.class_ids)) is placed, "what knows its pixels keeps them"
    dense = Codes(table=placed.dense(), per="pixel")
    assert dense.on(LAYOUT) is dense and dense.size == (1, 3)


def test_instances_need_a_layout_that_has_some() -> None:
    with pytest.raises(InputError, match='layout with instance_ids: requires=\\("instance_ids",\\)'):
        Codes(table=torch.zeros(2, 4, 5), per="instance").on(Layout(class_ids=LAYOUT.class_ids))


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


def test_some_pictures_of_a_batch() -> None:
    codes = make()
    assert len(codes) == 2 and len(codes[1:]) == 1
    assert torch.equal(codes[1:].dense(), codes.dense()[1:])
    assert torch.equal(codes[torch.tensor([1, 0, 1])].dense(), codes.dense()[[1, 0, 1]])


def test_codes_scale_and_move() -> None:
    codes = make()
    assert torch.equal((codes * 0.5).table, codes.table * 0.5)
    half = codes.to(dtype=torch.float16)
    assert half.table.dtype == torch.float16 and half.ids.dtype == torch.int64


def test_shapes_must_fit() -> None:
    with pytest.raises(InputError, match=r"ids must be n h w = \(1 h w\), found shape \(2, 5, 5\)"):
        Codes(table=torch.zeros(1, 3, 4), per="region", ids=torch.zeros(2, 5, 5, dtype=torch.int64))
    with pytest.raises(InputError, match="ids must be n h w"):
        Codes(table=torch.zeros(1, 3, 4), per="region", ids=torch.zeros(5, 5, dtype=torch.int64))
    with pytest.raises(InputError, match="codes of regions need ids"):
        Codes(table=torch.zeros(1, 3, 4), per="region")
    with pytest.raises(InputError, match=r"maps of \(6, 5\) and \(4, 4\)"):
        make().replaced(torch.ones(2, 6, 5, dtype=torch.bool), make(size=(4, 4)))


NOISE = CodeSpec(
    name="noise", shape=(5,), per="image", stream=0, also={"class": 2, "instance": 3, "region": None, "pixel": 5}
)
INSTANCES = CodeSpec(name="instances", shape=(2, 5), per="instance", stream=1)
PLACES = CodeSpec(name="parts", shape=(3,), per="pixel", stream=4, stage=1)
PICTURE = CodeSpec(name="start", shape=(3,), per="pixel", law="given")

BARE = {
    "image": (NOISE, (2, 5), "image", (2, 1, 5)),
    "class or instance": (NOISE, (2, 7, 5), "class", (2, 7, 5)),
    "pixel": (NOISE, (2, 5, 4, 6), "pixel", (2, 5, 4, 6)),
    "instance": (INSTANCES, (2, 7, 2, 5), "instance", (2, 7, 2, 5)),
    "picture": (PICTURE, (2, 3, 8, 8), "pixel", (2, 3, 8, 8)),
}


@pytest.mark.parametrize("case", BARE)
def test_a_bare_tensor_becomes_codes_by_its_shape(case: str) -> None:
    spec, shape, per, table = BARE[case]
    given = torch.randn(shape)
    codes = spec.codes(given)
    assert codes.per == per and codes.ids is None and codes.table.shape == table
    assert torch.equal(codes.table.flatten(), given.flatten())
    assert codes.is_divisible == (spec is NOISE)


WRONG_BARE = {
    "too short": (NOISE, (2, 4), r"'noise' must be n 5 or n k 5 or n i 5 or n 5 h w, found shape \(2, 4\)"),
    "one axis": (NOISE, (5,), r"found shape \(5,\)"),
    "too many axes": (NOISE, (2, 5, 4, 6, 1), r"found shape \(2, 5, 4, 6, 1\)"),
    "no rows": (INSTANCES, (2, 2, 5), r"'instances' must be n i 2 5, found shape \(2, 2, 5\)"),
    "two planes": (PICTURE, (1, 2, 8, 8), r"'start' must be n 3 h w, found shape \(1, 2, 8, 8\)"),
}


@pytest.mark.parametrize("case", WRONG_BARE)
def test_bare_tensors_of_no_shape_that_fits(case: str) -> None:
    spec, shape, message = WRONG_BARE[case]
    with pytest.raises(InputError, match=message):
        spec.codes(torch.zeros(shape))


def test_codes_are_checked_as_they_are() -> None:
    codes = Codes(table=torch.zeros(2, 4, 5), per="instance")
    assert NOISE.codes(codes) is codes
    NOISE.check(codes, images=2)
    with pytest.raises(InputError, match=r"'noise' of 3 pictures must be n i 5, found a table of shape \(2, 4, 5\)"):
        NOISE.check(codes, images=3)
    with pytest.raises(InputError, match="'instances' may be given per instance, not per class"):
        INSTANCES.check(Codes(table=torch.zeros(2, 4, 2, 5), per="class"))
    with pytest.raises(InputError, match=r"'parts' must be n 3 h w, found a table of shape \(2, 4, 8, 8\)"):
        PLACES.check(Codes(table=torch.zeros(2, 4, 8, 8), per="pixel"))
    with pytest.raises(InputError, match="must be n r 5"):
        NOISE.codes(Codes(table=torch.zeros(2, 3, 4), per="region", ids=torch.zeros(2, 8, 8, dtype=torch.int64)))


def draw(spec: CodeSpec, layout: Layout = LAYOUT, *, seeds: tuple[int, ...] = (3, 8), **options: str) -> Codes:
    return spec.draw(layout, seeds, num_classes=3, sizes=[(2, 2), (4, 6)], **options)


@pytest.mark.parametrize(
    ("per", "shape", "stream"),
    [("image", (2, 1, 5), 0), ("class", (2, 4, 5), 2), ("instance", (2, 4, 5), 3), ("pixel", (2, 5, 1, 3), 5)],
)
def test_drawn_per_anything_that_the_spec_allows(per: str, shape: tuple[int, ...], stream: int) -> None:
    codes = draw(NOISE, per=per)
    assert codes.per == per and codes.table.shape == shape and codes.is_divisible
    size = (1, 3) if per == "pixel" else ()
    expected = draw_codes([3, 8], (5, *size), stream=stream, rows=None if per in ("image", "pixel") else 4)
    assert torch.equal(codes.table, expected.view(shape))
    assert codes.has_pixels == (per != "image"), "noise of another grain than its own knows its pixels"
    assert torch.equal(draw(NOISE, LAYOUT[1:], seeds=(8,), per=per).table[0, :1], codes.table[1, :1])


def test_drawn_per_what_the_codes_belong_to() -> None:
    assert torch.equal(draw(NOISE).table, draw(NOISE, per="image").table)
    instances = draw(INSTANCES)
    assert instances.per == "instance" and instances.ids is None and instances.table.shape == (2, 4, 2, 5)
    assert draw(PLACES).table.shape == (2, 3, 4, 6), "the size of their stage"
    law = draw(CodeSpec(name="picks", shape=(64,), per="class", stream=9, law="uniform")).table
    assert law.shape == (2, 4, 64) and 0 <= law.min() < 0.1 and 0.9 < law.max() < 1


def test_draws_that_cannot_be() -> None:
    with pytest.raises(InputError, match="'noise' cannot be drawn per region"):
        draw(NOISE, per="region")
    with pytest.raises(InputError, match="'instances' cannot be drawn per class"):
        draw(INSTANCES, per="class")
    with pytest.raises(InputError, match="'start' cannot be drawn per pixel"):
        draw(PICTURE)
    for spec, options in ((INSTANCES, {}), (NOISE, {"per": "instance"})):
        with pytest.raises(InputError, match="drawing per instance needs instance ids"):
            draw(spec, Layout(class_ids=LAYOUT.class_ids), **options)


def test_a_spec_tells_shapes_and_whether_parts_can_differ() -> None:
    assert [NOISE.axes(per) for per in (None, "class", "instance", "region", "pixel")] == [
        "n 5",
        "n k 5",
        "n i 5",
        "n r 5",
        "n 5 h w",
    ]
    assert INSTANCES.axes() == "n i 2 5" and PLACES.axes() == "n 3 h w"
    assert NOISE.is_local and INSTANCES.is_local and PLACES.is_local
    assert not CodeSpec(name="start", shape=(6,), per="image").is_local


def test_a_draw_depends_on_its_seed_and_row_alone() -> None:
    codes = draw_codes([3, 8], (2, 5), stream=1, rows=6)
    assert codes.shape == (2, 6, 2, 5)
    assert torch.equal(draw_codes([8], (2, 5), stream=1, rows=2)[0], codes[1, :2])
    assert torch.equal(draw_codes([1, 3], (2, 5), stream=1, rows=2)[1], codes[0, :2])
    assert draw_codes([3], (2, 5), rows=0).shape == (1, 0, 2, 5)


def test_other_seeds_streams_and_rows_give_other_draws() -> None:
    draws = torch.stack(
        [
            *draw_codes(range(-2, 3), (64,), stream=0),
            *draw_codes([0, 1], (64,), stream=1),
            *draw_codes([0, 1], (64,), stream=1, rows=3).flatten(0, 1),
            *draw_codes([2**63, 2**70 + 5], (64,), stream=0),
        ]
    )
    correlation = torch.corrcoef(draws) - torch.eye(len(draws))
    assert correlation.abs().max() < 0.6, "64 numbers each: unrelated draws correlate by 0.125 or so"


def test_draws_are_standard_normal() -> None:
    codes = draw_codes(range(50), (2, 64), stream=1, rows=8)
    assert abs(float(codes.mean())) < 0.02 and abs(float(codes.std()) - 1) < 0.02


def test_seeds_of_known_pictures_keep_their_draws() -> None:
    known = [
        draw_codes([7], (1,)),
        draw_codes([7], (1,), stream=1, rows=3)[:, 2],
        draw_codes([7], (1,), law="uniform"),
    ]
    torch.testing.assert_close(torch.cat(known).flatten(), torch.tensor([1.4979839, 1.3471062, 0.9935711]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_a_seed_gives_the_same_codes_under_any_default_dtype(dtype: torch.dtype) -> None:
    expected = [draw_codes([3], (5,), rows=2), draw_codes([3], (5,), law="uniform")]
    torch.set_default_dtype(dtype)
    try:
        found = [draw_codes([3], (5,), rows=2), draw_codes([3], (5,), law="uniform")]
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(a.dtype == torch.float32 and torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_seed_gives_the_same_codes_under_any_default_device() -> None:
    expected = draw_codes([3], (5,), rows=2)
    with torch.device("meta"):  # stands for an accelerator
        found, none = draw_codes([3], (5,), rows=2), draw_codes([3], (5,), rows=0)
    assert found.device.type == none.device.type == "cpu" and torch.equal(found, expected)
