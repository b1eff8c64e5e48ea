import pytest
import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.nn.compose.canvas import CanvasRules, compose_canvas
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.cutouts import Cutouts
from semsyn.nn.compose.elision import noise_keys
from semsyn.nn.compose.proposals import Proposals, no_windows

SIZE = (24, 32)
GROUPS = ClassGroups(num_classes=4, casters=(3,), shaded=(0,), leaking=(1,), filling=(0, 1), outlined=(3,), ground=(0,))
PLAIN = CanvasRules(inner=0, shaded=0, leaking=0, outer=0)
KEYS = noise_keys(torch.arange(SIZE[0] * SIZE[1]).view(SIZE))
Box = tuple[int, int, int, int]


def rectangle(box: Box | None) -> Tensor:
    mask = torch.zeros(SIZE, dtype=torch.bool)
    if box is not None:
        mask[box[0] : box[2], box[1] : box[3]] = True
    return mask


def propose(*rows: tuple[int, Box, Box | None, float], casters: Tensor | None = None) -> Proposals:
    """Rows of class, box of the segment, box of what was found, and its grey level."""
    masks = torch.stack([rectangle(row[1]) for row in rows])
    found = torch.stack([rectangle(row[2]) for row in rows])
    pictures = found[:, None] * torch.tensor([row[3] for row in rows])[:, None, None, None].expand(-1, 3, 1, 1)
    count = len(rows)
    shown = no_windows(count, SIZE) if casters is None else Cutouts.of(casters.expand(count, *SIZE))
    return Proposals(
        torch.tensor([row[0] for row in rows]), torch.arange(1, count + 1), Cutouts.of(masks), Cutouts.of(pictures),
        Cutouts.of(found), shown, torch.arange(count), torch.zeros(count).double(), torch.arange(count),
    )  # fmt: skip


def layout(*rows: tuple[int, Box]) -> Tensor:
    ids = torch.full(SIZE, 4)
    for class_id, box in rows:
        ids[box[0] : box[2], box[1] : box[3]] = class_id
    return ids


A, B = (4, 4, 16, 20), (10, 12, 20, 28)


def test_later_pieces_cover_earlier_ones_and_the_layout_follows():
    canvas = compose_canvas(layout((2, A), (3, B)), propose((2, A, A, 0.3), (3, B, B, 0.7)), GROUPS, PLAIN, keys=KEYS)
    expected = torch.where(rectangle(B), 0.7, torch.where(rectangle(A), 0.3, 0.0)).expand(3, *SIZE)
    torch.testing.assert_close(canvas.picture, expected)
    assert torch.equal(canvas.class_ids, layout((2, A), (3, B)))
    assert torch.equal(canvas.owners, torch.where(rectangle(B), 1, torch.where(rectangle(A), 0, -1)))
    assert torch.equal(canvas.is_filled, rectangle(A) | rectangle(B))


def test_what_is_in_front_keeps_its_pixels():
    keeps = torch.tensor([[False, True], [False, False]])
    proposals = propose((2, A, A, 0.3), (3, B, B, 0.7))
    canvas = compose_canvas(layout((2, A), (3, B)), proposals, GROUPS, PLAIN, keys=KEYS, keeps=keeps)
    assert torch.equal(canvas.owners, torch.where(rectangle(A), 0, torch.where(rectangle(B), 1, -1)))
    torch.testing.assert_close(canvas.picture[0][rectangle(A)], torch.full((12 * 16,), 0.3))


def test_as_released_the_pixels_of_the_others_are_kept_and_summed_up():
    """Two owners that win against a third piece: all that both own stays, and brightens where it is counted twice."""
    c = (8, 8, 18, 24)
    keeps = torch.zeros(3, 3, dtype=torch.bool)
    keeps[0, 2] = keeps[1, 2] = True
    proposals = propose((2, A, A, 0.3), (3, B, B, 0.4), (1, c, c, 0.9))
    rules = {"keys": KEYS, "keeps": keeps}
    right = compose_canvas(layout((2, A)), proposals, GROUPS, PLAIN, **rules)
    assert right.owners[9, 9] == 0 and right.owners[15, 22] == 1 and right.owners[17, 9] == 2
    released = compose_canvas(layout((2, A)), proposals, GROUPS, PLAIN, **rules, as_released=True)
    assert released.owners[9, 9] == 0 and released.owners[15, 22] == 1, "each is kept once, by the other's win"
    assert released.owners[17, 9] == 2, "what nobody owned is the newcomer's"
    keeps[1, 2] = False
    alone = compose_canvas(layout((2, A)), proposals, GROUPS, PLAIN, **rules, as_released=True)
    assert alone.owners[9, 9] == 2, "the winner's own pixels are lost"
    assert alone.owners[15, 22] == 1, "the loser's are kept"
    four = (0, 0, 24, 32)
    keeps = torch.zeros(4, 4, dtype=torch.bool)
    keeps[:3, 3] = True
    proposals = propose((2, A, A, 0.3), (3, B, B, 0.4), (1, (0, 0, 2, 2), (0, 0, 2, 2), 0.2), (0, four, four, 0.9))
    thrice = compose_canvas(layout((2, A)), proposals, GROUPS, PLAIN, keys=KEYS, keeps=keeps, as_released=True)
    torch.testing.assert_close(thrice.picture[:, 5, 5], torch.full((3,), 0.6))  # 0.3 · (1 - (1 - 2))


def test_what_was_not_found_is_bare_and_keeps_its_class():
    canvas = compose_canvas(layout((2, A), (3, B)), propose((2, A, A, 0.3), (3, B, None, 0)), GROUPS, PLAIN, keys=KEYS)
    assert not canvas.is_filled[rectangle(B)].any() and (canvas.class_ids[rectangle(B)] == 3).all()


def test_a_displaced_piece_leaves_no_class_which_filling_classes_fill():
    shifted = (4, 8, 16, 24)
    ids = layout((2, A))
    canvas = compose_canvas(ids, propose((2, A, shifted, 0.3)), GROUPS, PLAIN, keys=KEYS)
    assert (canvas.class_ids[4:16, 4:8] == 4).all() and (canvas.class_ids[4:16, 8:24] == 2).all()
    ids = layout((0, (0, 0, 24, 32)))
    canvas = compose_canvas(ids, propose((0, A, shifted, 0.3)), GROUPS, PLAIN, keys=KEYS)
    assert (canvas.class_ids == 0).all()


def test_a_moved_picture_is_used_only_where_it_covers_more_of_its_mask():
    proposals = propose((2, A, (4, 8, 16, 24), 0.3))
    for box, level in ((A, 0.6), ((4, 10, 16, 26), 0.3), ((4, 8, 16, 24), 0.3), (None, 0.3)):
        moved = Cutouts.of((rectangle(box) * 0.6).expand(1, 3, *SIZE))
        canvas = compose_canvas(layout((2, A)), proposals, GROUPS, PLAIN, keys=KEYS, moved=moved)
        assert canvas.picture.max() == pytest.approx(level)


def test_half_of_the_inner_band_is_white_and_counts_as_filled():
    rules = CanvasRules(inner=4, shaded=0, leaking=0, outer=0)
    canvas = compose_canvas(layout((2, A)), propose((2, A, A, 0.3)), GROUPS, rules, keys=KEYS)
    white = (canvas.picture == 1).all(dim=0)
    assert white.any() and not (white & ~rectangle(A)).any() and not white[8:12, 8:16].any()
    assert torch.equal(canvas.is_filled, rectangle(A))
    other = compose_canvas(layout((2, A)), propose((2, A, A, 0.3)), GROUPS, rules, keys=noise_keys(torch.rand(SIZE)))
    assert not torch.equal(canvas.picture, other.picture)


def test_shadows_around_casters_go_from_shaded_classes_alone():
    rules = CanvasRules(inner=0, shaded=6, leaking=0, outer=0)
    box, casters = (2, 2, 22, 30), rectangle((10, 10, 14, 16))
    for class_id, is_bare in ((0, True), (2, False)):
        proposals = propose((class_id, box, box, 0.5), casters=casters)
        canvas = compose_canvas(layout((class_id, box)), proposals, GROUPS, rules, keys=KEYS)
        assert bool((canvas.picture[0, 9:15, 10:17] == 0).any()) == is_bare
        assert (canvas.class_ids[9:15, 10:17] == class_id).all() and canvas.is_filled[3, 3]


def test_leaking_classes_lose_their_outline():
    rules = CanvasRules(inner=0, shaded=0, leaking=4, outer=0)
    canvas = compose_canvas(layout((1, A)), propose((1, A, A, 0.5)), GROUPS, rules, keys=KEYS)
    assert not canvas.is_filled[4, 4:20].any() and canvas.is_filled[10, 12] and canvas.owners[4, 10] == 0


def test_the_ground_around_outlined_regions_is_bare():
    rules = CanvasRules(inner=0, shaded=0, leaking=0, outer=6)
    frame = (0, 0, 24, 32)
    proposals = propose((0, frame, frame, 0.5), (3, A, A, 0.8))
    canvas = compose_canvas(layout((0, frame), (3, A)), proposals, GROUPS, rules, keys=KEYS)
    assert not canvas.is_filled[10, 20] and canvas.is_filled[10, 10] and canvas.is_filled[0, 10]


def test_rules_follow_the_height_and_bad_ones_are_told():
    assert CanvasRules.of(512) == CanvasRules(inner=17, shaded=30, leaking=20, outer=40)
    with pytest.raises(InputError, match="widths must be 0 or more"):
        CanvasRules(inner=-1, shaded=0, leaking=0, outer=0)
    with pytest.raises(InputError, match="ratio lies in"):
        CanvasRules(inner=1, shaded=0, leaking=0, outer=0, ratio=1.5)


def test_what_does_not_fit_is_told_and_inputs_stay():
    proposals, ids = propose((2, A, A, 0.3)), layout((2, A))
    before = ids.clone()
    compose_canvas(ids, proposals, GROUPS, CanvasRules.of(24), keys=KEYS)
    assert torch.equal(ids, before) and proposals.pictures.windows[0].max() == pytest.approx(0.3)
    with pytest.raises(InputError, match="class_ids must be h w"):
        compose_canvas(ids[:-1], proposals, GROUPS, PLAIN, keys=KEYS)
    with pytest.raises(InputError, match="keeps must be r r"):
        compose_canvas(ids, proposals, GROUPS, PLAIN, keys=KEYS, keeps=torch.zeros(2, 2, dtype=torch.bool))
    with pytest.raises(InputError, match="moved must be 1 pictures"):
        compose_canvas(ids, proposals, GROUPS, PLAIN, keys=KEYS, moved=no_windows(2, SIZE, 3))
    with pytest.raises(InputError, match="num_classes is 4"):
        compose_canvas(ids + 9, proposals, GROUPS, PLAIN, keys=KEYS)
