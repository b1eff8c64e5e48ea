import pickle
import resource
from dataclasses import replace

import pytest
import torch

from semsyn.data.bank.build import build_bank
from semsyn.data.bank.manifest import BankConfig
from semsyn.data.bank.scenes import ToyBankScenes
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.errors import InputError, InputTypeError
from semsyn.labels import LabelSpace
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.segments import find_segments


@pytest.fixture(scope="module")
def query(config) -> torch.Tensor:
    return ToyBankScenes(1, seed=7).read(0, config)[1]


def test_proposals_are_what_was_found_at_the_size_of_the_photographs(bank, config, query):
    segments = bank.find_segments(query)
    matches = bank.retrieve(segments, count=3)
    proposals = bank.propose(segments, matches)
    assert proposals.size == config.photo_size and len(proposals) == len(segments)
    assert torch.equal(proposals.is_found, matches.is_found) and proposals.is_found.any()
    assert torch.equal(proposals.masks.frames()[:, ::2, ::2], segments.masks.frames())
    for row in proposals.is_found.nonzero()[:, 0].tolist():
        segment = int(proposals.segments[row])
        assert torch.equal(proposals.pictures.frame(row), bank.picture(segment).frame(0))
        assert torch.equal(proposals.joined.frame(row), bank.joined(segment).frame(0))
        mask, found = segments.masks.frame(row), bank.mask(segment).frame(0)
        assert float(proposals.overlaps[row]) == pytest.approx(int((mask & found).sum()) / int((mask | found).sum()))
        if int(proposals.class_ids[row]) in bank.groups.shaded:
            ids = bank.layout(int(proposals.images[row])).repeat_interleave(2, 0).repeat_interleave(2, 1)
            shown = proposals.casters.frame(row)
            assert torch.equal(shown, torch.isin(ids, torch.tensor(bank.groups.casters)))
        else:
            assert not proposals.casters.frame(row).any()


def test_picks_choose_other_segments(bank, query):
    segments = bank.find_segments(query)
    matches = bank.retrieve(segments, count=5)
    best = bank.propose(segments, matches).segments
    assert torch.equal(best, bank.propose(segments, matches, torch.zeros(len(segments))).segments)
    last = bank.propose(segments, matches, torch.full((len(segments),), 0.999)).segments
    many = (matches.segments >= 0).sum(dim=1) > 1
    assert many.any() and (best[many] != last[many]).all()


def test_context_can_change_what_is_found(bank, query):
    segments = bank.find_segments(query)
    one = bank.retrieve(segments, query)
    two = bank.retrieve(segments, query, score="mask+context")
    found = one.is_found
    assert torch.equal(found, two.is_found)
    assert (two.scores[found, 0] > two.overlaps[found, 0]).all() and (two.overlaps <= one.overlaps[:, :1] + 1e-9).all()


def test_what_does_not_fit_is_told(bank, config, query):
    segments = bank.find_segments(query)
    with pytest.raises(InputError, match="class_ids must be h w"):
        bank.find_segments(query[:-1])
    with pytest.raises(InputTypeError, match="integers"):
        bank.find_segments(query.float())
    with pytest.raises(InputError, match="num_classes is 15"):
        bank.find_segments(query + 15)
    other = find_segments(query[:24], bank.groups)
    cases = {
        "cannot be compared with a bank of 48 x 64": {"segments": other},
        "score is 'masks'; there are mask, mask": {"score": "masks"},
        "compares maps: give class_ids": {"score": "mask+context"},
        "needs as_released=False": {"score": "mask+context", "class_ids": query, "as_released": True},
        "count must be 1 or more": {"count": 0},
        "holds 30 in": {"score": "mask+context", "class_ids": torch.full_like(query, 30)},
    }
    for message, options in cases.items():
        with pytest.raises(InputError, match=message):
            bank.retrieve(**{"segments": segments, **options})
    for number in (-1, len(bank)):
        with pytest.raises(InputError, match="the bank has no segment"):
            bank.picture(number)
    with pytest.raises(InputError, match="the bank has no image 12"):
        bank.layout(12)


def test_a_map_without_large_segments_proposes_nothing(bank):
    empty = bank.find_segments(torch.full((48, 64), 15))
    assert len(bank.propose(empty, bank.retrieve(empty))) == 0
    ids = torch.full((48, 64), 15)
    ids[:3, :3] = 1
    small = bank.find_segments(ids)
    proposals = bank.propose(small, bank.retrieve(small))
    assert len(proposals) == 1 and not proposals.is_found.any()


def test_it_goes_to_other_processes_by_its_folder(bank, query):
    data = pickle.dumps(bank)
    assert len(data) < 1000
    again = pickle.loads(data)
    segments = again.find_segments(query)
    assert torch.equal(again.retrieve(segments).segments, bank.retrieve(segments).segments)
    assert f"{len(bank)} segments of 12 images, 48 x 64" in repr(again)


@pytest.mark.parametrize("path", ["nowhere", "file", "folder"])
def test_what_is_no_bank_is_told(tmp_path, path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="is not there|a file, not the folder|it has no bank.json"):
        SegmentBank(tmp_path / path)


def test_opening_touches_little(bank_folder):
    SegmentBank(bank_folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(5):
        SegmentBank(bank_folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096, "kB"


def test_more_than_255_classes_are_kept(tmp_path):
    space = LabelSpace(name="many", classes=tuple(f"c{i}" for i in range(300)), void_ids=(), void=300)
    config = BankConfig(space=space, groups=ClassGroups(num_classes=300), size=(16, 16))

    class One:
        names = ("one",)

        def read(self, index, config):
            ids = torch.full((16, 16), 299)
            ids[:8] = 300
            return torch.full((3, 16, 16), 9, dtype=torch.uint8), ids

    bank = build_bank(tmp_path / "bank", One(), config, workers=0)
    assert bank.class_counts[299] == 1 and torch.equal(bank.layout(0), One().read(0, config)[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": 0}, "scale is from 1"),
        ({"smallest": 0.1, "kept": 0.2}, "kept at most that"),
        ({"quality": 99}, "quality is from 1 to 95"),
        ({"size": (0, 4)}, "sides from 1"),
        ({"groups": ClassGroups(num_classes=3)}, "has 15 classes, the groups are of 3"),
    ],
)
def test_configs_that_do_not_fit_are_told(config, change, message):
    with pytest.raises(InputError, match=message):
        replace(config, **change)
