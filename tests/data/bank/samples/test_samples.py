"""What the samples promise beside the published numbers, which the golden files hold."""

import pytest
import torch

from semsyn.data.bank.build import build_bank
from semsyn.data.bank.groups import class_groups
from semsyn.data.bank.manifest import BankConfig
from semsyn.data.bank.samples.draw import draw_below, uniform
from semsyn.data.bank.samples.order_sample import count_behind, make_order_sample
from semsyn.data.bank.samples.synthesis_sample import make_synthesis_sample
from semsyn.data.bank.samples.transform_sample import make_transform_sample
from semsyn.data.bank.scenes import ToyBankScenes
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes.scene import draw_scene
from semsyn.errors import InputError
from semsyn.nn.compose.class_groups import ClassGroups, order_by_depth
from semsyn.nn.compose.elision import noise_keys
from semsyn.nn.compose.segments import find_segments

SPACE = label_space("toyscenes")
CONFIG = BankConfig(space=SPACE, groups=class_groups(SPACE), size=(48, 96), scale=2)


@pytest.fixture(scope="module")
def scenes():
    return [ToyBankScenes(6).read(i, CONFIG) for i in range(6)]


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    return build_bank(tmp_path_factory.mktemp("b") / "bank", ToyBankScenes(6), CONFIG, workers=0)


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_whole_numbers_come_evenly_from_one_draw():
    draw = uniform(rng(0))
    counts = torch.tensor([draw_below(draw, 5) for _ in range(500)]).bincount()
    assert len(counts) == 5 and counts.min() > 60
    assert draw_below(lambda: 0.9999999999999999, 7) == 6


def test_segments_are_deformed_a_little_and_stay_in_the_frame(scenes):
    photo, ids = scenes[0]
    segments = find_segments(ids, CONFIG.groups)
    segments = segments.select(segments.areas > CONFIG.least_area).enlarge(2)
    sample = make_transform_sample(photo, segments, uniform(rng(1)))
    assert len(sample.pictures) == len(segments) and sample.class_ids.tolist() == sorted(segments.class_ids.tolist())
    contents = sample.pictures.contents()
    for row in range(len(segments)):
        one, two = contents.frame(row), sample.masks.frame(row)
        assert 0.7 * int(two.sum()) < int(one.sum()) < 1.6 * int(two.sum())
        assert int((one & two).sum()) > 0.5 * int(two.sum())
    again = make_transform_sample(photo, segments, uniform(rng(1)))
    assert torch.equal(again.pictures.frames(), sample.pictures.frames())
    other = make_transform_sample(photo, segments, uniform(rng(2)))
    assert not torch.equal(other.pictures.frames(), sample.pictures.frames())


def test_as_released_wide_segments_are_put_elsewhere(scenes):
    photo, ids = scenes[0]
    segments = find_segments(ids, CONFIG.groups)
    segments = segments.select(segments.areas > CONFIG.least_area).enlarge(2)
    right, released = (
        make_transform_sample(photo, segments, uniform(rng(1)), as_released=flag).pictures for flag in (False, True)
    )
    assert not torch.equal(right.frames(), released.frames())


def test_the_nearer_of_two_neighbours_is_in_front():
    ids = torch.full((64, 64), 0)
    ids[10:40, 10:40] = 1
    ids[10:40, 44:60] = 2  # does not touch class 1
    groups = ClassGroups(num_classes=3)
    segments = find_segments(ids, groups)
    for near, winner in ((9.0, 1), (0.5, 0)):
        depth = torch.full((64, 64), 1.0)
        depth[ids == 1] = near
        sample = make_order_sample(segments, depth, groups)
        classes = [tuple(pair) for pair in segments.class_ids[sample.pairs].tolist()]
        rows = dict(zip(classes, sample.winners.tolist(), strict=True))
        assert rows == {(0, 1): winner, (0, 2): 2}, "as far as each other: the later class"
    planar = ClassGroups(num_classes=3, planar=(0,), objects=(1,))
    assert make_order_sample(segments, depth, planar).winners.tolist() == [1, 2], "it stands on it"
    depth[ids == 1] = 0
    assert (1, 1) not in make_order_sample(segments, depth, groups).pairs.tolist()
    assert len(make_order_sample(segments, torch.zeros(64, 64), groups).pairs) == 0, "nothing is known"
    assert count_behind([(segments, sample)], 3).tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0]], "rows are behind"


def test_toyscenes_depth_gives_an_order_of_their_classes():
    samples = []
    for index in range(6):
        scene = draw_scene(index, size=(64, 128))
        segments = find_segments(torch.from_numpy(scene.class_ids), CONFIG.groups)
        segments = segments.select(segments.areas > 40)
        samples.append((segments, make_order_sample(segments, torch.from_numpy(scene.depth_order) + 1, CONFIG.groups)))
    order = order_by_depth(count_behind(samples, 15).tolist())
    places = {SPACE.classes[c]: place for place, c in enumerate(order)}
    assert sorted(order) == list(range(15)) and places["sky"] < places["meadow"] < places["person"]


def test_simulated_canvases_are_the_photograph_with_gaps(bank, scenes):
    photo, ids = scenes[2]
    draw, keys = uniform(rng(0)), noise_keys(torch.rand(96, 192))
    sample = make_synthesis_sample(
        photo, ids, bank, lambda i: scenes[i][0], lambda: min(draw(), 0.79), keys, image=2
    )  # no colours of others
    assert sample.canvas.shape == photo.shape and sample.class_ids.shape == (96, 192)
    shown = (sample.canvas.int() - photo.int()).abs().amax(dim=0) <= 1
    white = (sample.canvas == 255).all(dim=0)
    bare = (sample.canvas == 0).all(dim=0)
    assert (shown | white | bare).all() and shown.float().mean() > 0.2 and white.any() and bare.any()
    full = ids.repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert ((sample.class_ids == full) | (sample.class_ids == 15)).all()
    assert (sample.class_ids == full).float().mean() > 0.5


def test_a_scene_is_no_partner_of_itself_and_numbers_repeat(bank, scenes):
    photo, ids = scenes[2]
    keys = noise_keys(torch.rand(96, 192))
    read: list[int] = []
    for seed in range(4):
        make_synthesis_sample(
            photo, ids, bank, lambda i: read.append(i) or scenes[i][0], uniform(rng(seed)), keys, image=2
        )
    assert read and 2 not in read
    one, two = (
        make_synthesis_sample(photo, ids, bank, lambda i: scenes[i][0], uniform(rng(5)), keys, image=2) for _ in "ab"
    )
    assert torch.equal(one.canvas, two.canvas) and torch.equal(one.class_ids, two.class_ids)
    own = make_synthesis_sample(photo, ids, bank, lambda i: scenes[i][0], uniform(rng(5)), keys)
    assert (own.canvas == 0).all(dim=0).float().mean() < (one.canvas == 0).all(dim=0).float().mean()


def test_a_bank_of_the_scene_alone_will_not_do(tmp_path, scenes):
    single = build_bank(tmp_path / "bank", ToyBankScenes(1), CONFIG, workers=0)
    with pytest.raises(InputError, match="no image beside this one"):
        make_synthesis_sample(
            *scenes[0], single, lambda i: scenes[0][0], uniform(), noise_keys(torch.rand(96, 192)), image=0
        )
