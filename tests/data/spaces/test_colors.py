import pytest
import torch

from semsyn.data.spaces.colors import draw_labels, label_colors, to_uint8
from semsyn.errors import InputError, InputTypeError


def test_bits_are_interleaved():
    colors = label_colors(200).tolist()
    assert colors[0] == [128, 0, 0]  # 1: bit 0
    assert colors[1] == [0, 128, 0]  # 2: bit 1
    assert colors[3] == [0, 0, 128]  # 4: bit 2
    assert colors[7] == [64, 0, 0]  # 8: bit 3
    assert colors[150] == [128, 128 | 64 | 32, 128]  # 151: bits 0; 1, 4, 7; 2
    assert len({tuple(c) for c in colors}) == 200


def test_two_counts_have_colors_of_their_own():
    generic = label_colors(200)
    assert label_colors(35)[7].tolist() == [128, 64, 128]
    assert torch.equal(label_colors(36), generic[:36])
    changed = (label_colors(182) != generic[:182]).any(-1).nonzero().flatten().tolist()
    assert changed == [105, 123, 154, 156, 168]


def test_no_labels_have_no_colors():
    with pytest.raises(InputError, match="num_colors must be from 1"):
        label_colors(0)


def test_labels_are_drawn_and_strangers_black():
    label_map = torch.tensor([[0, 2], [3, -1]])
    colors = label_colors(3)
    drawn = draw_labels(label_map, 3)
    assert torch.equal(drawn[0], colors[[0, 2]])
    assert drawn[1].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_only_ids_are_drawn():
    with pytest.raises(InputTypeError, match="found torch.float32"):
        draw_labels(torch.zeros(2, 2), 3)


def test_levels_are_truncated_or_rounded():
    image = (torch.tensor([-2.0, 9.9, 10.4, 10.6, 254.7, 300.0]) / 255 * 2 - 1).expand(1, 3, 1, 6)
    assert to_uint8(image)[0, 0, :, 0].tolist() == [0, 9, 10, 10, 254, 255]
    assert to_uint8(image, rounding="nearest")[0, 0, :, 0].tolist() == [0, 10, 10, 11, 255, 255]


def test_channels_come_last():
    image = torch.stack([torch.full((2, 3), v) for v in (-1.0, 0.0, 1.0)])[None]
    assert to_uint8(image).shape == (1, 2, 3, 3)
    assert to_uint8(image)[0, 0, 0].tolist() == [0, 127, 255]


def test_other_shapes_are_refused():
    with pytest.raises(InputError, match="images must be n c h w"):
        to_uint8(torch.zeros(3, 4, 4))
