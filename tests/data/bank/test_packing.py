import numpy as np
import pytest
import torch

from semsyn.data.bank.packing import Grid, is_mixed, pack_masks, unpack_mask
from semsyn.errors import InputError
from semsyn.nn.compose.cutouts import Cutouts


@pytest.mark.parametrize(
    ("size", "side", "shape"),
    [
        ((256, 512), 32, (8, 16)),
        ((128, 256), 16, (8, 16)),
        ((512, 1024), 64, (8, 16)),
        ((48, 64), 8, (6, 8)),
        ((1, 1), 8, (1, 1)),
        ((40, 83), 8, (5, 11)),
        ((1024, 2048), 64, (16, 32)),
    ],
)
def test_a_frame_has_about_8_by_16_blocks_of_whole_words(size, side, shape):
    grid = Grid.of(size)
    assert (grid.side, grid.shape) == (side, shape) and grid.words * 64 == side**2


def test_frames_that_boxes_cannot_tell_are_refused():
    with pytest.raises(InputError, match="sides from 1 to 32767"):
        Grid.of((256, 32768))
    with pytest.raises(InputError, match="do not fit a frame"):
        pack_masks(Cutouts.of(torch.ones(1, 8, 8, dtype=torch.bool)), Grid.of((8, 9)))


def masks_of(size: tuple[int, int]) -> torch.Tensor:
    h, w = size
    rng = torch.Generator().manual_seed(h + w)
    masks = torch.rand(6, h, w, generator=rng) > 0.5
    masks[1] = True
    masks[2] = False
    masks[3, h // 3 :, : w // 2] = True
    masks[4, :, : w // 4] = False
    masks[5] = False
    masks[5, h - 1, w - 1] = True
    return masks


@pytest.mark.parametrize("size", [(48, 64), (41, 83), (8, 8), (5, 7), (130, 270)])
def test_masks_come_back_and_blocks_are_counted(size):
    grid, masks = Grid.of(size), masks_of(size)
    cut = Cutouts.of(masks)
    packed = pack_masks(cut, grid)
    assert packed.counts.sum(axis=1).tolist() == masks.sum((1, 2)).tolist()
    for i, box in enumerate(cut.boxes.tolist()):
        first, last = packed.starts[i : i + 2]
        assert last - first == is_mixed(packed.counts[i], grid).sum()
        window = unpack_mask(packed.counts[i], packed.bits[first:last], box, grid)
        assert np.array_equal(window, cut.windows[i].numpy())


def test_full_and_empty_blocks_take_no_bits():
    mask = torch.zeros(1, 64, 128, dtype=torch.bool)
    mask[0, 8:24, 16:48] = True
    assert len(pack_masks(Cutouts.of(mask), Grid.of((64, 128))).bits) == 0
