from pathlib import Path

import pytest

from semsyn.cli.jobs import check_free, name_sheets, plan_jobs
from semsyn.errors import InputError
from tests.cli.conftest import write_map


def test_files_and_folders_keep_their_names(tmp_path: Path) -> None:
    single = write_map(tmp_path / "a" / "one.png")
    for name in ("x/10.png", "x/2.png", "y/2.png"):
        write_map(tmp_path / "b" / name)
    jobs = plan_jobs([single, tmp_path / "b"], tmp_path / "out")
    made = [job.pictures[0].relative_to(tmp_path / "out").as_posix() for job in jobs]
    assert made == ["one.png", "x/2.png", "x/10.png", "y/2.png"]
    assert [job.instance_map for job in jobs] == [None] * 4


def test_subfolders_beside_maps_hold_other_things(tmp_path: Path, maps: Path) -> None:
    instances = [write_map(maps / "instances" / f"scene{i}.png") for i in range(3)]
    jobs = plan_jobs([maps], tmp_path / "out", given={"instances": maps / "instances"})
    assert [job.label_map.parent for job in jobs] == [maps] * 3
    assert [job.instance_map for job in jobs] == instances


def test_samples_are_numbered(tmp_path: Path) -> None:
    (job,) = plan_jobs([write_map(tmp_path / "a.b.png")], tmp_path, samples=2)
    assert [path.name for path in job.pictures] == ["a.b_0.png", "a.b_1.png"]


def test_pictures_inside_a_folder_of_maps_are_no_maps(tmp_path: Path) -> None:
    write_map(tmp_path / "x" / "a.png")
    write_map(tmp_path / "out" / "b.png")
    assert [job.label_map.name for job in plan_jobs([tmp_path], tmp_path / "out")] == ["a.png"]
    with pytest.raises(InputError, match="holds no label map besides"):
        plan_jobs([tmp_path / "out"], tmp_path)


@pytest.mark.parametrize("ids", ["labelIds", "labelTrainIds"])
def test_cityscapes_keeps_all_maps_in_one_folder(ids: str, tmp_path: Path) -> None:
    for kind in (ids, "instanceIds", "color"):
        write_map(tmp_path / "val" / f"bonn_1_gtFine_{kind}.png")
    (job,) = plan_jobs([tmp_path], tmp_path / "out", given={"instances": tmp_path})
    assert job.label_map.name == f"bonn_1_gtFine_{ids}.png"
    assert job.instance_map == tmp_path / "val" / "bonn_1_gtFine_instanceIds.png"


def test_instances_by_name_or_alone(tmp_path: Path, maps: Path) -> None:
    alone = write_map(tmp_path / "any.png")
    (job,) = plan_jobs([maps / "scene0.png"], tmp_path / "out", given={"instances": alone})
    assert job.instance_map == alone
    with pytest.raises(InputError, match="one file for 3 label maps"):
        plan_jobs([maps], tmp_path / "out", given={"instances": alone})
    folder = write_map(tmp_path / "instances" / "scene0.png").parent
    with pytest.raises(InputError, match=r"holds no scene1\.\* \(and 1 more\)"):
        plan_jobs([maps], tmp_path / "out", given={"instances": folder})
    with pytest.raises(InputError, match="is not there"):
        plan_jobs([maps / "scene0.png"], tmp_path / "out", given={"instances": tmp_path / "absent"})


def test_two_maps_of_one_name(tmp_path: Path) -> None:
    paths = [write_map(tmp_path / folder / "a.png") for folder in "xy"]
    with pytest.raises(InputError, match=r"x/a\.png and .*y/a\.png would become .*out/a\.png"):
        plan_jobs(paths, tmp_path / "out")


def test_missing_maps(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.png is not there"):
        plan_jobs([tmp_path / "nothing.png"], tmp_path / "out")
    with pytest.raises(InputError, match="holds no picture"):
        plan_jobs([tmp_path], tmp_path / "out")


def test_nothing_is_lost(tmp_path: Path) -> None:
    a, b = write_map(tmp_path / "a.png"), write_map(tmp_path / "b.png")
    check_free([tmp_path / "new.png"], [a], overwrite=False)
    with pytest.raises(InputError, match=r"a\.png \(and 1 more\) exists and was kept; pass --overwrite"):
        check_free([a, b, tmp_path / "new.png"], [], overwrite=False)
    check_free([a, b], [], overwrite=True)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="is one of the inputs"):
        check_free([tmp_path / "link" / "a.png"], [a], overwrite=True)
    with pytest.raises(InputError, match="is a folder"):
        check_free([tmp_path], [], overwrite=True)
    with pytest.raises(InputError, match="written twice"):
        check_free([tmp_path / "sheet.png", *name_sheets(tmp_path, 1)], [], overwrite=True)


def test_sheets_are_numbered_in_order(tmp_path: Path) -> None:
    assert [path.name for path in name_sheets(tmp_path, 1)] == ["sheet.png"]
    names = [path.name for path in name_sheets(tmp_path, 11)]
    assert names[0] == "sheet_01.png"
    assert names == sorted(names)


def test_nothing_in_a_folder_that_is_read_is_replaced(tmp_path: Path) -> None:
    picture = write_map(tmp_path / "supports" / "7" / "000.png")
    with pytest.raises(InputError, match="is one of the inputs and would be replaced"):
        check_free([picture], [tmp_path / "supports"], overwrite=True)
    check_free([picture], [tmp_path / "other"], overwrite=True)
    check_free([tmp_path / "supports" / "new.png"], [tmp_path / "supports"], overwrite=True)


def test_links_in_circles_are_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    path = write_map(tmp_path / "a.png")
    (job,) = plan_jobs([path], tmp_path / "loop")
    check_free(job.pictures, job.inputs, overwrite=True)
