"""Files as the published scripts write them, made here of known segments."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from semsyn.data.bank.groups import class_groups
from semsyn.data.bank.released_fields import pairs_from_fields, proposals_from_fields
from semsyn.data.bank.released_files import read_composition, read_matches, read_segments, read_vgg
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError
from semsyn.nn.compose.segments import Segments, find_segments

GROUPS = class_groups(label_space("cityscapes-used"))


def scene() -> tuple[torch.Tensor, Segments]:
    ids = torch.full((12, 20), 2)
    ids[8:] = 0
    ids[3:9, 5] = 5  # a pole
    ids[6:10, 12:17] = 13
    return ids, find_segments(ids, GROUPS)


def write_segments(folder: Path, segments: Segments, photo: np.ndarray | None) -> None:
    for class_id in range(19):
        rows = (segments.class_ids == class_id).nonzero()[:, 0]
        count = max([int(class_id in GROUPS.thin), *segments.numbers[rows].tolist()])
        masks, joined = np.zeros((2, 12, 20, count), np.uint8)
        for row in rows.tolist():
            at = int(segments.numbers[row]) - 1
            masks[..., at], joined[..., at] = segments.masks.frame(row), segments.joined.frame(row)
        fields = {"library_mask": masks, "library_mask_pole": joined}
        if photo is not None:
            fields["library_img"] = photo[..., None] * masks[:, :, None]
        if count == 1:  # MATLAB drops the last axis
            fields = {name: value[..., 0] for name, value in fields.items()}
        path = folder / f"{class_id + 1:02d}" / "00000001.mat"
        path.parent.mkdir(parents=True)
        savemat(path, fields)


def test_segments_come_back(tmp_path):
    _, segments = scene()
    photo = np.random.default_rng(0).integers(1, 256, (12, 20, 3), dtype=np.uint8)
    write_segments(tmp_path, segments, photo)
    found, pictures = read_segments(tmp_path, "00000001", GROUPS)
    for name in ("class_ids", "numbers", "areas"):
        assert torch.equal(getattr(found, name), getattr(segments, name)), name
    assert torch.equal(found.masks.frames(), segments.masks.frames())
    assert torch.equal(found.joined.frames(), segments.joined.frames())
    expected = torch.from_numpy(photo).movedim(2, 0) / 255 * segments.masks.frames()[:, None]
    torch.testing.assert_close(pictures.frames(), expected)


def test_masks_alone_and_missing_files(tmp_path):
    _, segments = scene()
    write_segments(tmp_path, segments, None)
    found, pictures = read_segments(tmp_path, "00000001", GROUPS)
    assert len(found) == len(segments) and pictures is None
    with pytest.raises(InputError, match=r"11/00000002\.mat cannot be read"):
        read_segments(tmp_path, "00000002", GROUPS)
    savemat(tmp_path / "11" / "00000001.mat", {"other": np.ones(3)})
    with pytest.raises(InputError, match="has no library_mask; it holds other"):
        read_segments(tmp_path, "00000001", GROUPS)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", ["proposal_iou", "proposal_iou_all"])
def test_matches_stand_by_segment_and_slot(tmp_path, count, name):
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, (4, 6, 3, 10, count), dtype=np.uint8)
    joined = rng.integers(0, 2, (4, 6, 10, count), dtype=np.uint8)
    overlaps, images = rng.random((10, count)), rng.integers(0, 9, (10, count))
    fields = {"proposal": pictures, "proposal_pole_mask": joined, name: overlaps, "response_index": images}
    savemat(tmp_path / "a.mat", {n: v[..., 0] if count == 1 and v.ndim > 2 else v for n, v in fields.items()})
    found = read_matches(tmp_path / "a.mat")
    np.testing.assert_array_equal(found.overlaps, overlaps.T)
    np.testing.assert_array_equal(found.images, images.T - 1)
    for segment in range(count):
        for slot in range(10):
            at = segment * 10 + slot
            picture = torch.from_numpy(pictures[..., slot, segment]).movedim(2, 0) / 255
            torch.testing.assert_close(found.pictures.frame(at), picture)
            assert torch.equal(found.joined.frame(at), torch.from_numpy(joined[..., slot, segment]) > 0)


def test_a_class_without_segments_has_no_matches(tmp_path):
    empty = {n: np.zeros((0, 0)) for n in ("proposal", "proposal_iou", "proposal_pole_mask", "response_index")}
    savemat(tmp_path / "a.mat", empty)
    assert read_matches(tmp_path / "a.mat") is None
    savemat(tmp_path / "b.mat", {n: v for n, v in empty.items() if n != "proposal_iou"})
    with pytest.raises(InputError, match="neither proposal_iou nor proposal_iou_all"):
        read_matches(tmp_path / "b.mat")


def composition() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    found = rng.integers(0, 2, (2, 6, 8), dtype=np.uint8)
    return {
        "all_class_flag": np.array([[2, 1], [1, 1], [1, 2]]),
        "class": np.array([[3], [14]]),
        "original_index": np.array([[1], [2]]),
        "response_index": np.array([[7], [9]]),
        "mask": found,
        "proposal": rng.integers(0, 256, (2, 6, 8, 3), dtype=np.uint8),
        "proposal_pole_mask": found,
        "proposal_iou": np.array([[0.5], [0.25]]),
        "class_remained": np.array([[1]]),
        "mask_remained": rng.integers(0, 2, (6, 8), dtype=np.uint8),  # a single one has lost its axis
        "original_index_remained": np.array([[1]]),
    }


def test_compositions_are_proposals_in_their_order(tmp_path):
    fields = composition()
    savemat(tmp_path / "a.mat", fields)
    savemat(tmp_path / "b.mat", {"transferred": fields["proposal"] // 2})
    proposals, moved = proposals_from_fields(read_composition(tmp_path / "a.mat", tmp_path / "b.mat"))
    assert proposals.class_ids.tolist() == [0, 2, 13] and proposals.numbers.tolist() == [1, 1, 2]
    assert proposals.images.tolist() == [-1, 6, 8] and proposals.overlaps.tolist() == [0, 0.5, 0.25]
    assert proposals.is_found.tolist() == [False, True, True]
    assert torch.equal(proposals.masks.frame(0), torch.from_numpy(fields["mask_remained"]) > 0)
    assert torch.equal(proposals.joined.frame(2), torch.from_numpy(fields["mask"][1]) > 0)
    torch.testing.assert_close(proposals.pictures.frame(1), torch.from_numpy(fields["proposal"][0]).movedim(2, 0) / 255)
    assert moved is not None and float(moved.frame(1).max()) <= 0.5
    index = torch.tensor([[1, 2, 3, 14], [1, 1, 1, 3], [5, 1, 3, 14]])
    pairs, is_known = pairs_from_fields(index, proposals)
    assert pairs.tolist() == [[1, 2], [0, 1]] and is_known.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": None}, "mask is missing"),
        ({"all_class_flag": np.array([[1, 3]])}, r"names row 3 of response_index, of which there are 2"),
        ({"all_class_flag": np.zeros((0, 2))}, "all_class_flag is empty"),
        ({"proposal": np.zeros((2, 6), np.uint8)}, "proposal must have 4 axes"),
    ],
)
def test_compositions_that_do_not_fit_are_told(change, message):
    fields = {n: torch.from_numpy(v) for n, v in {**composition(), **change}.items() if v is not None}
    with pytest.raises(InputError, match=message):
        proposals_from_fields(fields)


def vgg(key: str) -> np.ndarray:
    layers = np.empty((1, 43), object)
    layers[0, :] = [{"type": "relu"} for _ in range(43)]
    for stage, places in enumerate(((0, 2), (5, 7), (10, 12, 14, 16), (19, 21, 23, 25), (28, 30, 32, 34)), start=1):
        for place in places:
            weights, biases = np.full((3, 3, 2, 4), stage, np.float32), np.full((1, 4), place, np.float32)
            pair = np.empty((1, 2), object)
            pair[0, 0], pair[0, 1] = weights, biases
            layers[0, place] = {"weights": pair} if key == "weights" else {"filters": weights, "biases": biases}
    return layers


@pytest.mark.parametrize("key", ["weights", "filters"])
def test_vgg19_is_read_from_both_kinds_of_files(tmp_path, key):
    savemat(tmp_path / "vgg.mat", {"layers": vgg(key)})
    found = read_vgg(tmp_path / "vgg.mat")
    assert len(found) == 32 and found["conv5_4/weights"].shape == (3, 3, 2, 4)
    assert found["conv4_1/biases"].tolist() == [19] * 4 and float(found["conv3_2/weights"].mean()) == 3
    savemat(tmp_path / "other.mat", {"layers": np.zeros(3)})
    with pytest.raises(InputError, match="not MatConvNet's VGG19"):
        read_vgg(tmp_path / "other.mat")
