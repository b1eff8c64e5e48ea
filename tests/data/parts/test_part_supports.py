from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.data.parts.part_supports import read_supports, support_folder, write_supports
from semsyn.errors import InputError
from semsyn.nn import PartSupports


def save(path: Path, ids: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ids.astype(np.uint8)).save(path)


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Folders 7, 24, 26 and 36 with three maps each; the one in the middle of a corner names folder and map."""
    for folder in (7, 24, 26, 36):
        for index in range(4):
            ids = np.zeros((40, 52))
            ids[:20, :13], ids[:20, 13:26], ids[:20, 26:39] = 1, 2, 3
            ids[20:] = (folder + index) % 9
            save(tmp_path / "support_shape" / "3" / str(folder) / f"{index:03d}_part.png", ids)
        save(tmp_path / "support_shape" / "3" / str(folder) / "000_label.png", np.full((40, 52), 255))
    return tmp_path


def marks(supports: PartSupports) -> dict[int, list[int]]:
    rows = zip(supports.categories.tolist(), supports.part_ids[:, :, -1, 0].tolist(), strict=True)
    return dict(rows)


def test_the_released_layout(released: Path) -> None:
    found = marks(read_supports(released))
    seven, persons, cars = [7, 8, 0], [6, 7, 8], [8, 0, 1]
    merged = [0, 1, 1]  # folder 36: parts 2 and 3 become 1
    assert found == {7: cars, 15: persons, 24: persons, 25: persons, 26: cars, 35: cars, 36: merged, 39: seven}


def test_as_trained(released: Path) -> None:
    found = marks(read_supports(released, [39, 36], as_trained=True))
    assert found == {39: [8, 0, 1], 36: [0, 1, 2]}


def test_only_categories_in_use_are_required(released: Path) -> None:
    assert read_supports(released, [24, 7]).categories.tolist() == [24, 7]
    with pytest.raises(InputError, match=r"no support maps for category 14 \(motorbike\): folder 14 is not there"):
        read_supports(released, [24, 14])
    with pytest.raises(InputError, match=r"category 40 \(zebra\): folder 13 is not there"):
        read_supports(released, [40])


def test_maps_are_resized(released: Path) -> None:
    part_ids = read_supports(released, [24]).part_ids
    assert part_ids.shape == (1, 3, 64, 64) and part_ids.dtype == torch.uint8
    assert part_ids[0, 0, 0].tolist() == [1] * 16 + [2] * 16 + [3] * 16 + [0] * 16


def test_a_plain_folder_comes_back_as_written(tmp_path: Path) -> None:
    maps = torch.randint(0, 9, (2, 4, 64, 64), generator=torch.Generator().manual_seed(0))
    supports = PartSupports.of(maps, [12, 3])
    write_supports(tmp_path, supports)
    (tmp_path / "notes").mkdir()
    again = read_supports(tmp_path, count=4)
    assert again.categories.tolist() == [3, 12]
    assert torch.equal(again.select([12, 3]).part_ids, supports.part_ids)
    assert torch.equal(read_supports(tmp_path, [12], count=2).part_ids[0], supports.part_ids[0, :2])


def test_borrowed_folders() -> None:
    assert [support_folder(c) for c in (1, 6, 15, 39, 49)] == [1, 28, 24, 7, 49]
    assert support_folder(39, as_trained=True) == 26


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there"):
        read_supports(tmp_path / "none")
    with pytest.raises(InputError, match="no folder has the number of a category"):
        read_supports(tmp_path)


def test_too_few_maps(released: Path) -> None:
    (released / "support_shape" / "3" / "7" / "001_part.png").unlink()
    (released / "support_shape" / "3" / "7" / "002_part.png").unlink()
    with pytest.raises(InputError, match="7 holds 2 maps .*, 3 are needed"):
        read_supports(released, [39])
    with pytest.raises(InputError, match="support_shape.5 is not there"):
        read_supports(released, count=5)


def test_ids_that_are_no_parts(tmp_path: Path) -> None:
    for index in range(3):
        save(tmp_path / "4" / f"{index}.png", np.full((8, 8), 9 * (index == 1)))
    with pytest.raises(InputError, match="1.png holds ids up to 9; parts are 0"):
        read_supports(tmp_path)
