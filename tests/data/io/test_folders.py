import pytest

from semsyn.data.io.folders import cityscapes_frame, list_pictures, natural_key, pair_pictures
from semsyn.errors import InputError


def test_digits_sort_as_numbers():
    names = ["a10b2.png", "a2b10.png", "a2b9.png", "b1.png", "10.png", "9.png"]
    expected = ["9.png", "10.png", "a2b9.png", "a2b10.png", "a10b2.png", "b1.png"]
    assert sorted(sorted(names), key=natural_key) == expected


def test_folders_are_scanned_for_pictures(tmp_path):
    names = ("10.png", "9.JPG", "x/1.webp", "notes.txt", ".hidden.png", "z.Png", "scan.TIFF", "scan2.tif", "m.npy")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()

    def found(**options):
        return [p.relative_to(tmp_path).as_posix() for p in list_pictures(tmp_path, **options)]

    assert found() == ["9.JPG", "10.png", "scan2.tif", "scan.TIFF", "x/1.webp", "z.Png"]
    assert found(suffixes=(".npy",)) == ["m.npy"]
    (tmp_path / ".semsyn-abcd1234.part").mkdir()
    (tmp_path / ".semsyn-abcd1234.part" / "half.png").touch()
    assert "half.png" not in str(found()), "what a killed process left is no picture"
    assert found(as_released=True) == ["9.JPG", "10.png", "x/1.webp"]
    with pytest.raises(InputError, match="holds no picture"):
        list_pictures(tmp_path / "folder.png")
    with pytest.raises(
        InputError, match=r"holds no picture \(.gif\); it holds 2 .png, 1 .jpg, 1 .npy, 1 .tif, as 1.webp"
    ):
        list_pictures(tmp_path, suffixes=(".gif",))
    with pytest.raises(InputError, match="is not there"):
        list_pictures(tmp_path / "gone")
    with pytest.raises(InputError, match="a file, not a folder"):
        list_pictures(tmp_path / "9.JPG")


def test_files_are_paired_by_index(tmp_path):
    labels, photos = ([tmp_path / f"{i}.{kind}" for i in range(3)] for kind in ("png", "jpg"))
    assert pair_pictures(labels, photos) == list(zip(labels, photos, strict=True))
    with pytest.raises(InputError, match=r"2\.png and .*1\.jpg do not belong together"):
        pair_pictures(labels[2:], photos[1:2])
    assert pair_pictures(labels[2:], photos[1:2], key=None) == [(labels[2], photos[1])]
    with pytest.raises(InputError, match="hold 3 and 2 files"):
        pair_pictures(labels, photos[:2])


def test_cityscapes_pairs_by_frame(tmp_path):
    label = tmp_path / "ulm_000001_000019_gtFine_labelIds.png"
    photo = tmp_path / "ulm_000001_000019_leftImg8bit.png"
    assert pair_pictures([label], [photo], key=cityscapes_frame) == [(label, photo)]
    with pytest.raises(InputError, match="do not belong together"):
        pair_pictures([label], [photo])
