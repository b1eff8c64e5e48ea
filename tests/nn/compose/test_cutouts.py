import pytest
import torch

from semsyn.errors import InputError
from semsyn.nn.compose.cutouts import Cutouts, find_boxes, widen


def frames() -> torch.Tensor:
    masks = torch.zeros(4, 6, 9, dtype=torch.bool)
    masks[0, 2:4, 3:8] = True
    masks[0, 2, 3] = False
    masks[1, 0, 0] = masks[1, 5, 8] = True
    masks[3, :, 4] = True
    return masks


def test_a_cutout_is_its_frame_without_the_empty_borders():
    cut = Cutouts.of(frames())
    assert cut.boxes.tolist() == [[2, 3, 4, 8], [0, 0, 6, 9], [0, 0, 0, 0], [0, 4, 6, 5]]
    assert torch.equal(cut.frames(), frames()) and torch.equal(cut.frame(2), frames()[2])


def test_pictures_are_cut_where_any_channel_shows_something():
    pictures = torch.zeros(2, 3, 5, 5)
    pictures[0, 2, 1, 3] = 0.5
    cut = Cutouts.of(pictures)
    assert cut.boxes.tolist() == [[1, 3, 2, 4], [0, 0, 0, 0]]
    assert torch.equal(cut.frames(), pictures)
    assert [w.tolist() for w in cut.contents().windows] == [[[True]], []]


@pytest.mark.parametrize("box", [(0, 0, 6, 9), (3, 5, 6, 9), (0, 0, 1, 1), (2, 2, 5, 4), (4, 0, 6, 3)])
def test_a_view_is_a_part_of_the_frame(box):
    cut = Cutouts.of(frames())
    for i in range(len(cut)):
        assert torch.equal(cut.view(i, box), frames()[i, box[0] : box[2], box[1] : box[3]])


def test_select_cat_and_enlarge():
    cut = Cutouts.of(frames())
    both = Cutouts.cat([cut.select([3, 0]), cut.select(torch.tensor([1]))])
    assert torch.equal(both.frames(), frames()[[3, 0, 1]])
    large = cut.enlarge(2)
    assert torch.equal(large.frames(), frames().repeat_interleave(2, 1).repeat_interleave(2, 2))


def test_what_does_not_fit_is_told():
    with pytest.raises(InputError, match="a window is"):
        Cutouts((4, 4), torch.tensor([[0, 0, 2, 2]]), (torch.ones(2, 3),))
    with pytest.raises(InputError, match="need boxes r 4"):
        Cutouts((4, 4), torch.zeros(2, 4), (torch.ones(2, 3),))
    with pytest.raises(InputError, match="of one frame"):
        Cutouts.cat([Cutouts.of(torch.ones(1, 2, 2)), Cutouts.of(torch.ones(1, 2, 3))])


def test_boxes_grow_as_far_as_the_frame_goes():
    assert widen((2, 0, 3, 5), 2, (4, 9)) == (0, 0, 4, 7)
    assert find_boxes(torch.zeros(0, 3, 3, dtype=torch.bool)).shape == (0, 4)
