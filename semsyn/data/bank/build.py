"""Banks built from scenes, by several processes; they grow by parts and can be put together."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from semsyn.data.bank.groups import class_groups
from semsyn.data.bank.manifest import MANIFEST, PREVIOUS, BankConfig, Manifest, PartEntry
from semsyn.data.bank.part import NAMES
from semsyn.data.bank.scene_pieces import cut_scene
from semsyn.data.bank.scenes import Pairs, Scenes, as_scenes
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.data.bank.write_part import write_chunk, write_part
from semsyn.data.io.whole_file import whole_folder, write_text
from semsyn.data.scenes.scene_folder import SceneFolder
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError
from semsyn.labels import LabelSpace
from semsyn.nn.compose.cutouts import Size

SIZE: Size = (256, 512)  # published
CHUNK = 32  # scenes that a process cuts in a row, and that are lost if it is killed
PLAN = "plan.json"
BUILDING = ".building"

Track = Callable[[Iterable[Any], int], Iterable[Any]]


def build_bank(
    folder: str | PathLike[str],
    scenes: Scenes | SceneFolder | Pairs,
    config: BankConfig | LabelSpace | str,
    *,
    size: Size | None = None,
    scale: int | None = None,
    quality: int | None = None,
    workers: int | None = None,
    track: Track | None = None,
) -> SegmentBank:
    """Build a bank; what a killed build has done so far is used by the next one.

    Until it is whole the work lies in a folder beside, ``<folder>.building``, which is gone in the end.

    Args:
        folder: of the bank; not there yet, or empty.
        scenes: what to cut: photographs with their label maps, as pairs of paths; or a `SceneFolder`.
        config: what the ids of the maps mean, a `LabelSpace` or its name; or all at once.
        size, scale, quality: h w of the maps that segments are compared in, by which whole factor photographs are
            larger, and of JPEG, 1 to 95. None: 256 x 512, 1, PNG without loss; or what the config says.
        workers: processes; None: one for each core, 0: this one alone.
        track: wraps the chunks of scenes as they get done, with their number: a progress bar.

    Raises:
        InputError: if the folder holds something, a scene cannot be read, none has a segment that is large enough, or
            the folder beside is of another build.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} exists and is not empty; give another folder, or append to the bank in it.")
    if not isinstance(config, BankConfig):
        space = label_space(config) if isinstance(config, str) else config
        config = BankConfig(space=space, groups=class_groups(space), size=SIZE)
    changes = {"size": size, "scale": scale, "quality": quality}
    config = replace(config, **{name: value for name, value in changes.items() if value is not None})  # type: ignore[arg-type]
    work = target.with_name(target.name + BUILDING)
    chunks = _cut(work, as_scenes(scenes), config, (), workers, track)
    with _finishing(work), whole_folder(target) as new:
        Manifest(config=config).with_parts(_write(new / "part-0001", chunks, config)).write(new)
    return SegmentBank(target)


def append_scenes(
    bank: SegmentBank,
    scenes: Scenes | SceneFolder | Pairs,
    *,
    workers: int | None = None,
    track: Track | None = None,
) -> SegmentBank:
    """Add scenes to a bank, as another part; those that it has already are left out.

    The bank can be used meanwhile, and stays as it is if this is killed or fails. Arguments as of `build_bank`.

    Returns:
        the bank, opened again.

    Raises:
        InputError: as `build_bank`; also if there is nothing new.
    """
    known = tuple(d.tobytes() for part in bank.parts for d in part["digests"])
    work = bank.folder.with_name(bank.folder.name + BUILDING)
    chunks = _cut(work, as_scenes(scenes), bank.config, known, workers, track)
    free = _free_part(bank)
    with _finishing(work):
        with whole_folder(free) as new:
            entry = _write(new, chunks, bank.config)
        state = Manifest(config=bank.config, parts=tuple(part.entry for part in bank.parts))
        state.with_parts(replace(entry, name=free.name)).write(bank.folder, before=state)
    return SegmentBank(bank.folder)


def merge_banks(folder: str | PathLike[str], banks: Sequence[SegmentBank]) -> SegmentBank:
    """Put banks together in a new one; they stay as they are.

    Args:
        folder: of the new bank; not there yet, or empty.
        banks: at least one; images are numbered in their order.

    Raises:
        InputError: if they are cut in different ways, share scenes, or the folder holds something.
    """
    if not banks:
        raise InputError("there is no bank to put together.")
    _check_alike(banks)
    parts = [part for bank in banks for part in bank.parts]
    manifest = Manifest(config=banks[0].config)
    with whole_folder(Path(folder)) as new:
        for number, part in enumerate(parts, start=1):
            name = f"part-{number:04d}"
            shutil.copytree(part.folder, new / name)
            _sync(new / name)
            manifest = manifest.with_parts(replace(part.entry, name=name))
        manifest.write(new)
    return SegmentBank(folder)


def _check_alike(banks: Sequence[SegmentBank]) -> None:
    first = banks[0]
    seen: dict[bytes, str] = {}
    for bank in banks:
        own, other = first.config.to_dict(), bank.config.to_dict()
        if differ := [name for name in own if own[name] != other[name] and name != "quality"]:
            raise InputError(f"{first.folder} and {bank.folder} are cut in different ways: {', '.join(differ)}.")
        digests = [d.tobytes() for part in bank.parts for d in part["digests"]]
        if both := [number for number, digest in enumerate(digests) if digest in seen]:
            name = bank.name(both[0])
            raise InputError(
                f"{bank.folder} and {seen[digests[both[0]]]} share {len(both)} scenes, as {name}: a bank has each once."
            )
        seen |= dict.fromkeys(digests, str(bank.folder))


def _cut(
    work: Path, scenes: Scenes, config: BankConfig, known: tuple[bytes, ...], workers: int | None, track: Track | None
) -> list[Path]:
    """The chunks of all scenes; those that are there are kept."""
    names = list(scenes.names)
    if not names:
        raise InputError("there is no scene to build a bank of.")
    if len(set(names)) < len(names):
        raise InputError("two scenes have the same name.")
    _check_plan(work, names, config, known)
    starts = range(0, len(names), CHUNK)
    folders = [work / f"chunk-{number:06d}" for number in range(len(starts))]
    missing = [(start, folder) for start, folder in zip(starts, folders, strict=True) if not folder.is_dir()]
    jobs = [(folder, scenes, range(s, min(s + CHUNK, len(names))), config, known) for s, folder in missing]
    done = _run(jobs, os.cpu_count() or 1 if workers is None else workers)
    for _ in done if track is None else track(done, len(jobs)):
        pass
    return folders


def _run(jobs: Sequence[tuple[Any, ...]], workers: int) -> Iterable[Path]:
    if workers < 2:  # in this process
        for job in jobs:
            yield _cut_chunk(*job)
        return
    # One thread each, as in torch's DataLoader: forked processes do not have the threads that torch started before.
    with ProcessPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            yield from pool.map(_cut_chunk, *zip(*jobs, strict=True)) if jobs else ()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _cut_chunk(folder: Path, scenes: Scenes, indices: range, config: BankConfig, known: tuple[bytes, ...]) -> Path:
    """Cut some scenes and write their chunk: its folder."""
    seen, names, pieces = set(known), [], []
    for index in indices:
        scene = cut_scene(*scenes.read(index, config), config)
        if scene.digest not in seen:
            names.append(scenes.names[index])
            pieces.append(scene)
    with whole_folder(folder) as new:
        write_chunk(new, pieces, config)
        (new / NAMES).write_text(json.dumps(names), encoding="utf-8")
    return folder


def _check_plan(work: Path, names: Sequence[str], config: BankConfig, known: Sequence[bytes]) -> None:
    """Chunks that are there must be those of this build."""
    digest = hashlib.sha256(json.dumps([config.to_dict(), list(names), CHUNK]).encode() + b"".join(known)).hexdigest()
    plan = json.dumps({"what": "a bank of segments that is being built", "scenes": len(names), "digest": digest})
    path = work / PLAN
    if path.is_file() and path.read_text(encoding="utf-8") != plan:
        raise InputError(f"{work} is of a build from other scenes or with other options; remove it to start anew.")
    kept = [entry for entry in work.iterdir() if not entry.name.startswith(".")] if work.exists() else []
    if kept and not path.is_file():  # what is hidden are remains of a killed process
        raise InputError(f"{work} is needed for the work, but holds something else; give another folder.")
    write_text(path, plan)


@contextmanager
def _finishing(work: Path) -> Iterator[None]:
    """The work is over when its result is there, or cannot be: no scene is new, or has segments."""
    try:
        yield
    except _NothingToWrite:
        _remove(work)
        raise
    _remove(work)


def _remove(work: Path) -> None:
    """The plan last, which says whose the rest is."""
    for entry in work.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
    shutil.rmtree(work)


class _NothingToWrite(InputError):
    """All scenes are cut, and there is no segment."""


def _write(folder: Path, chunks: Sequence[Path], config: BankConfig) -> PartEntry:
    folder.mkdir(exist_ok=True)
    names = [name for chunk in chunks for name in json.loads((chunk / NAMES).read_bytes())]
    if not names:
        raise _NothingToWrite("there is nothing new: the bank has all of these scenes.")
    entry = write_part(folder, chunks, names, config)
    if not entry.segments:
        share = config.kept
        raise _NothingToWrite(f"no segment is larger than {share:.2%} of its map; lower `kept`.")
    _sync(folder)
    return entry


def _free_part(bank: SegmentBank) -> Path:
    """A part's folder that no state of the bank names; what a killed process left there is removed."""
    states = "".join(p.read_text("utf-8", "replace") for n in (MANIFEST, PREVIOUS) if (p := bank.folder / n).is_file())
    free = next(p for n in count(len(bank.parts) + 1) if (p := bank.folder / f"part-{n:04d}").name not in states)
    if free.exists():
        shutil.rmtree(free)
    return free


def _sync(folder: Path) -> None:
    """Wait until all files are on the disk: a state names only what is."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
