import pytest
import torch

from semsyn.errors import InputError
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.cutouts import Cutouts
from semsyn.nn.compose.proposals import Matches, Proposals, no_windows, nothing_found
from semsyn.nn.compose.segments import find_segments

MATCHES = Matches(
    torch.tensor([[5, 7, 9], [4, -1, -1], [-1, -1, -1]]),
    torch.tensor([[0, 1, 2], [0, -1, -1], [-1, -1, -1]]),
    torch.tensor([[0.3, 0.9, 0.5], [0.2, 0, 0], [0, 0, 0]]).double(),
    torch.zeros(3, 3).double(),
)


def test_the_best_is_picked_wherever_it_stands():
    assert MATCHES.pick().tolist()[:2] == [1, 0] and MATCHES.is_found.tolist() == [True, True, False]


@pytest.mark.parametrize(("pick", "place"), [(0.0, 1), (0.33, 1), (0.34, 2), (0.66, 2), (0.67, 0), (0.999, 0)])
def test_all_that_there_are_have_equal_shares(pick, place):
    assert MATCHES.pick(torch.full((3,), pick)).tolist()[:2] == [place, 0]


def test_picks_that_do_not_fit_are_told():
    with pytest.raises(InputError, match=r"picks lie in \[0, 1\)"):
        MATCHES.pick(torch.ones(3))
    with pytest.raises(InputError, match="picks must be r"):
        MATCHES.pick(torch.zeros(2))


def proposals() -> Proposals:
    ids = torch.tensor([[0, 0, 1, 1], [0, 0, 2, 2]])
    return nothing_found(find_segments(ids, ClassGroups(num_classes=3)))


def test_nothing_found_is_bare():
    bare = proposals()
    assert len(bare) == 3 and bare.size == (2, 4) and not bare.is_found.any()
    assert bare.pictures.frames().shape == (3, 3, 2, 4) and not bare.pictures.frames().any()


def test_proposals_change_their_order_and_their_pictures():
    frames = torch.rand(3, 3, 2, 4)
    given = proposals().with_pictures(Cutouts.of(frames))
    turned = given.in_order(torch.tensor([2, 0, 1]))
    assert turned.class_ids.tolist() == [2, 0, 1] and turned.is_found.all()
    assert torch.equal(turned.pictures.frames(), frames[[2, 0, 1]])
    assert torch.equal(turned.masks.frames(), given.masks.frames()[[2, 0, 1]])
    both = Proposals.cat([given, turned])
    assert both.class_ids.tolist() == [0, 1, 2, 2, 0, 1] and len(both.joined) == 6
    with pytest.raises(InputError, match="as many pictures"):
        given.with_pictures(no_windows(2, (2, 4), 3))
