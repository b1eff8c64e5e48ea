"""Banks come about whole or not at all, whoever is killed, and lose nothing when a file is spoiled."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from torch import Tensor

from semsyn.data.bank import build
from semsyn.data.bank.build import append_scenes, build_bank, merge_banks
from semsyn.data.bank.manifest import MANIFEST, PREVIOUS, BankConfig
from semsyn.data.bank.part import FILES
from semsyn.data.bank.scenes import ToyBankScenes
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.errors import InputError


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_several_processes_build_the_same_files(config, bank_folder, tmp_path):
    build_bank(tmp_path / "bank", ToyBankScenes(12), config, workers=2)
    assert contents(tmp_path / "bank") == contents(bank_folder)
    assert [p.name for p in tmp_path.iterdir()] == ["bank"]


def test_segments_are_those_of_the_scenes(bank, config):
    found = []
    for image in range(12):
        photo, ids = ToyBankScenes(12).read(image, config)
        assert torch.equal(bank.layout(image), ids) and bank.name(image) == f"train-0-{image:05d}"
        segments = bank.find_segments(ids)
        for row in (segments.areas > config.size[0] * config.size[1] * config.kept).nonzero()[:, 0].tolist():
            key = (int(segments.class_ids[row]), int(segments.areas[row]), image, int(segments.numbers[row]))
            mask = segments.masks.frame(row).repeat_interleave(2, 0).repeat_interleave(2, 1)
            found.append((key, segments.masks.frame(row), segments.joined.frame(row), photo.float() / 255 * mask))
    found.sort(key=lambda item: item[0])
    assert len(bank) == len(found) == sum(bank.class_counts)
    for segment, (_, mask, joined, picture) in enumerate(found):
        assert torch.equal(bank.mask(segment).frame(0), mask)
        assert torch.equal(bank.joined(segment).frame(0)[::2, ::2], joined)
        assert torch.equal(bank.picture(segment).frame(0), picture)


def test_jpeg_is_smaller_and_near(config, bank, tmp_path):
    small = build_bank(tmp_path / "bank", ToyBankScenes(12), replace(config, quality=90), workers=0)
    assert len(small.parts[0]["crops"]) < len(bank.parts[0]["crops"])
    errors = [(small.picture(i).frame(0) - bank.picture(i).frame(0)).abs().mean() for i in range(0, len(bank), 7)]
    assert float(torch.stack(errors).max()) < 0.05


class Slow:
    """Scenes of which the fifth waits until it is killed, as long as a file is there."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag
        self.names = ToyBankScenes(6).names

    def read(self, index: int, config: BankConfig) -> tuple[Tensor, Tensor]:
        if index == 4 and self.flag.exists():
            self.flag.write_text("waiting")
            time.sleep(60)
        return ToyBankScenes(6).read(index, config)


def work(flag: Path, out: Path, config: BankConfig, mode: str) -> None:
    torch.set_num_threads(1)  # a forked process does not have the threads that torch started before
    if mode == "build":
        build_bank(out, Slow(flag), config, workers=0)
    else:
        append_scenes(SegmentBank(out), Slow(flag), workers=0)


def kill_while_it_works(tmp_path: Path, out: Path, config: BankConfig, mode: str) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    process = get_context("fork").Process(target=work, args=(flag, out, config, mode))
    process.start()
    for _ in range(600):
        if flag.read_text() or not process.is_alive():
            break
        time.sleep(0.05)
    assert process.is_alive(), "it ended before it could be killed"
    process.kill()
    process.join()
    flag.unlink()


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "CHUNK", 2)


def test_a_killed_build_leaves_nothing_under_the_name_and_goes_on(config, tmp_path, monkeypatch):
    out = tmp_path / "bank"
    kill_while_it_works(tmp_path, out, config, "build")
    assert not out.exists() and (tmp_path / "bank.building").is_dir()
    with pytest.raises(InputError, match="is not there"):
        SegmentBank(out)
    read, cut = [], ToyBankScenes.read
    monkeypatch.setattr(ToyBankScenes, "read", lambda s, i, c: read.append(i) or cut(s, i, c))
    bank = build_bank(out, Slow(tmp_path / "flag"), config, workers=0)
    assert read == [4, 5], "only what was not there is cut"
    whole = build_bank(tmp_path / "whole", ToyBankScenes(6), config, workers=0)
    assert contents(bank.folder) == contents(whole.folder)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bank", "whole"]


def test_what_a_killed_process_left_hidden_is_in_nobodys_way(config, bank_folder, tmp_path):
    (tmp_path / "bank.building" / ".semsyn-abcdefgh.part").mkdir(parents=True)
    build_bank(tmp_path / "bank", ToyBankScenes(12), config, workers=0)
    assert contents(tmp_path / "bank") == contents(bank_folder)
    assert not (tmp_path / "bank.building").exists()


def test_a_killed_append_leaves_the_bank_as_it_was_and_goes_on(config, tmp_path):
    out = tmp_path / "bank"
    before = build_bank(out, ToyBankScenes(3, seed=1), config, workers=0)
    files = contents(out)
    kill_while_it_works(tmp_path, out, config, "append")
    assert contents(out) == files
    SegmentBank(out).verify()
    after = append_scenes(SegmentBank(out), Slow(tmp_path / "flag"), workers=0)
    assert after.num_images == 9 and len(after) > len(before)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bank"]


def test_work_of_another_build_is_not_taken_for_ones_own(config, tmp_path):
    out = tmp_path / "bank"
    kill_while_it_works(tmp_path, out, config, "build")
    with pytest.raises(InputError, match=r"bank\.building is of a build from other scenes.*remove it"):
        build_bank(out, ToyBankScenes(4), config, workers=0)
    (tmp_path / "other.building").mkdir()
    (tmp_path / "other.building" / "mine.txt").touch()
    with pytest.raises(InputError, match="holds something else"):
        build_bank(tmp_path / "other", ToyBankScenes(4), config, workers=0)


def test_a_bank_grows_by_what_is_new(copy_bank: Callable[[], Path], config):
    bank = SegmentBank(copy_bank())
    after = append_scenes(bank, ToyBankScenes(15), workers=0)
    assert after.num_images == 15 and [after.name(i)[-2:] for i in (0, 11, 12, 14)] == ["00", "11", "12", "14"]
    assert len(bank) == sum(part.entry.segments for part in after.parts[:1])
    after.verify()
    with pytest.raises(InputError, match="nothing new"):
        append_scenes(after, ToyBankScenes(15), workers=0)
    again = append_scenes(after, ToyBankScenes(2, seed=5), workers=0)
    assert again.num_images == 17 and [p.entry.name for p in again.parts] == ["part-0001", "part-0002", "part-0003"]


def test_banks_put_together_search_as_one(config, bank, tmp_path):
    other = build_bank(tmp_path / "other", ToyBankScenes(5, seed=3), config, workers=0)
    both = merge_banks(tmp_path / "both", [bank, other])
    both.verify()
    assert both.num_images == 17 and len(both) == len(bank) + len(other)
    _, ids = ToyBankScenes(1, seed=9).read(0, config)
    segments = bank.find_segments(ids)
    one, two, all_ = (b.retrieve(segments, count=40).scores for b in (bank, other, both))
    expected = torch.cat([one, two], dim=1).sort(dim=1, descending=True).values[:, :40]
    torch.testing.assert_close(all_, expected)
    with pytest.raises(InputError, match="share 12 scenes, as train-0-00000"):
        merge_banks(tmp_path / "twice", [bank, bank])
    with pytest.raises(InputError, match="no bank"):
        merge_banks(tmp_path / "none", [])


def test_banks_that_are_cut_in_another_way_are_not_put_together(config, bank, tmp_path):
    other = build_bank(tmp_path / "other", ToyBankScenes(2, seed=3), replace(config, scale=1), workers=0)
    with pytest.raises(InputError, match="cut in different ways: scale"):
        merge_banks(tmp_path / "both", [bank, other])
    assert not (tmp_path / "both").exists()


class Given:
    def __init__(self, *scenes: tuple[Tensor, Tensor], names: tuple[str, ...] | None = None) -> None:
        self.scenes, self.names = scenes, names or tuple(map(str, range(len(scenes))))

    def read(self, index: int, config: BankConfig) -> tuple[Tensor, Tensor]:
        return self.scenes[index]


def test_what_cannot_be_built_is_told_and_leaves_nothing(config, bank_folder, tmp_path):
    photo, ids = torch.zeros(3, 96, 128, dtype=torch.uint8), torch.zeros(48, 64, dtype=torch.int64)
    cases = {
        "exists and is not empty": (bank_folder, Given((photo, ids))),
        "no scene": (tmp_path / "a", Given()),
        "two scenes have the same name": (tmp_path / "b", Given((photo, ids), (photo, ids), names=("x", "x"))),
        "no segment is larger": (tmp_path / "c", Given((photo, ids + 15))),
        "class_ids must be h w": (tmp_path / "d", Given((photo, ids[:-1]))),
        "photo must be c h w": (tmp_path / "e", Given((photo[:, 1:], ids))),
        "photo must be uint8": (tmp_path / "f", Given((photo.float(), ids))),
        "num_classes is 15": (tmp_path / "g", Given((photo, ids + 16))),
    }
    for message, (folder, scenes) in cases.items():
        with pytest.raises(InputError, match=message):
            build_bank(folder, scenes, config, workers=0)
        assert folder == bank_folder or not folder.exists()


def test_a_scene_that_fails_in_a_process_is_told_there_too(config, tmp_path):
    photo, ids = torch.zeros(3, 96, 128, dtype=torch.uint8), torch.zeros(48, 64, dtype=torch.int64)
    with pytest.raises(InputError, match="num_classes is 15"):
        build_bank(tmp_path / "bank", Given((photo, ids), (photo, ids + 16)), config, workers=2)
    assert not (tmp_path / "bank").exists()


@pytest.fixture(scope="module")
def grown(bank_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of two parts."""
    folder = copytree(bank_folder, tmp_path_factory.mktemp("grown") / "bank")
    append_scenes(SegmentBank(folder), ToyBankScenes(2, seed=4), workers=0)
    return folder


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["gone", "cut off"])
def test_a_spoiled_file_is_named_and_the_state_before_opens(grown, tmp_path, name, how):
    folder = copytree(grown, tmp_path / "bank")
    path = folder / "part-0002" / name
    path.unlink() if how == "gone" else path.write_bytes(path.read_bytes()[:-3])
    with pytest.warns(UserWarning, match=f"part-0002/{name}.*The state before it is used: 12 images"):
        bank = SegmentBank(folder)
    assert bank.num_images == 12
    (folder / "part-0001" / name).unlink()
    with pytest.raises(InputError, match=f"part-0001/{name} cannot be read|part-0002/{name} is damaged"):
        SegmentBank(folder)


def test_a_spoiled_bank_grows_again(grown, tmp_path):
    folder = copytree(grown, tmp_path / "bank")
    (folder / "part-0002" / "areas.npy").unlink()
    with pytest.warns(UserWarning):
        repaired = append_scenes(SegmentBank(folder), ToyBankScenes(2, seed=4), workers=0)
    assert repaired.num_images == 14
    SegmentBank(folder).verify()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": "other"}', "\xff\xfe"])
def test_a_damaged_manifest_is_named(copy_bank, text):
    folder = copy_bank()
    (folder / MANIFEST).write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"bank\.json is (damaged|of no bank)"):
        SegmentBank(folder)


def test_a_manifest_that_somebody_changed_is_refused(copy_bank):
    folder = copy_bank()
    body = json.loads((folder / MANIFEST).read_text())
    for change, message in (
        ({"version": 2}, "has version 2"),
        ({"parts": []}, "its checksum is another one"),
    ):
        (folder / MANIFEST).write_text(json.dumps({**body, **change}))
        with pytest.raises(InputError, match=message):
            SegmentBank(folder)
    (folder / MANIFEST).write_text(json.dumps(body))
    (folder / PREVIOUS).write_text("{")
    assert len(SegmentBank(folder)), "the state before is not asked for"


def test_parts_that_lie_elsewhere_are_refused(copy_bank):
    from semsyn.data.bank.manifest import _checksum

    folder = copy_bank()
    body = json.loads((folder / MANIFEST).read_text())
    body.pop("checksum")
    body["parts"][0]["name"] = "../toy/part-0001"
    (folder / MANIFEST).write_text(json.dumps({**body, "checksum": _checksum(body)}))
    with pytest.raises(InputError, match="lies elsewhere"):
        SegmentBank(folder)


@pytest.mark.parametrize("name", [n for n in FILES if n != "names.json"])
def test_verify_names_a_file_with_one_changed_byte(copy_bank, name):
    folder = copy_bank()
    path = folder / "part-0001" / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"{name} is damaged"):
        SegmentBank(folder).verify()


def test_a_damaged_picture_is_told_when_it_is_used(copy_bank):
    folder = copy_bank()
    path = folder / "part-0001" / "crops.npy"
    data = np.load(path)
    data[:] = 0
    np.save(path, data)
    with pytest.raises(InputError, match=r"crops\.npy is damaged: a picture in it cannot be decoded"):
        SegmentBank(folder).picture(0)


def test_a_bank_may_move_and_be_read_only(copy_bank, tmp_path):
    moved = copytree(copy_bank(), tmp_path / "moved")
    for path in [*moved.rglob("*"), moved]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    SegmentBank(moved).verify()
    for path in [moved, *moved.rglob("*")]:
        path.chmod(0o755)
