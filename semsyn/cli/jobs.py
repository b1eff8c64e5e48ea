"""What `semsyn generate` reads and writes, settled before any work is done."""

import hashlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from semsyn.data.formats.write import INSTANCES, RECORD, SPACE, check_complete
from semsyn.data.io.folders import ARRAYS, PICTURES, list_pictures, real_path
from semsyn.errors import InputError

__all__ = ["Job", "check_free", "check_writable", "list_maps", "list_passed", "name_sheets", "plan_jobs"]

# Cityscapes keeps the label, instance and colour map of a frame in one folder.
LABEL_IDS, INSTANCE_IDS = "labelIds", "instanceIds"
TRAIN_IDS = "labelTrainIds"
# Roboflow keeps a photograph and its mask in one folder.
ENDINGS = (LABEL_IDS, TRAIN_IDS, "_mask")
MAPS = (*PICTURES, *ARRAYS)
OF_ONE_SCENE = ("instances", "planes")  # which cannot serve several maps
MAX_PICTURES = 1_000_000  # whose names are all checked before the first one is made


@dataclass(frozen=True)
class Job:
    """One label map and the pictures to make of it.

    Attributes:
        name: of the map, with the subfolders that are kept, without a suffix.
        label_map: the map itself.
        pictures: to be written.
        given: other files of the scene, by option: ``instances``, ``reference``, …
    """

    name: str
    label_map: Path
    pictures: tuple[Path, ...]
    given: Mapping[str, Path] = field(default_factory=dict)

    @property
    def instance_map(self) -> Path | None:
        """Of ``--instances``."""
        return self.given.get("instances")

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Every file that is read."""
        return self.label_map, *self.given.values()

    def vary(self, seed: int) -> int:
        """A seed of the map's own: it depends on nothing but the given one and the map's name."""
        digest = hashlib.sha256(f"{seed}/{self.name}".encode()).digest()
        return int.from_bytes(digest[:6], "big")


def plan_jobs(
    sources: Sequence[Path],
    out: Path,
    *,
    samples: int = 1,
    given: Mapping[str, Path | None] | None = None,
    limit: int | None = None,
) -> list[Job]:
    """One job per label map, in the order given.

    A file ``a/b.png`` becomes ``out/b.png``, or ``out/b_0.png``, ``out/b_1.png``, … with several samples. Subfolders of
    a folder are kept: ``folder/c/d.png`` becomes ``out/c/d.png``.

    Args:
        sources: label maps, or folders of them, see `list_maps`.
        out: folder of the pictures; what lies in it is no label map.
        samples: pictures per map.
        given: other files of the scenes, by option: one for all maps, or a folder with one for each: of the same name,
            or as Cityscapes names them (``…labelIds``, ``…instanceIds``, ``…leftImg8bit``).
        limit: of the maps, the first so many.

    Raises:
        InputError: if a file is missing, or two pictures would get the same name.
    """
    maps = _find_maps(sources, out)
    maps = maps[:limit]
    if (count := len(maps) * samples) > MAX_PICTURES:
        raise InputError(
            f"{len(maps)} maps with {samples:,} samples each make {count:,} pictures, but one command makes "
            f"{MAX_PICTURES:,} at most: lower --samples, or take fewer maps with --limit."
        )
    files = {option: _pair(option, source, maps) for option, source in (given or {}).items() if source is not None}
    numbers = ("",) if samples == 1 else tuple(f"_{j}" for j in range(samples))
    jobs = [
        Job(
            name,
            path,
            tuple(out / f"{name}{number}.png" for number in numbers),
            {option: found[i] for option, found in files.items()},
        )
        for i, (path, name) in enumerate(maps)
    ]
    owners: dict[Path, Path] = {}
    for job in jobs:
        for picture in job.pictures:
            if picture in owners:
                both = f"{owners[picture]} and {job.label_map}"
                raise InputError(f"{both} would become {picture}; rename one, or make them one after the other.")
            owners[picture] = job.label_map
    return jobs


def list_maps(folder: Path) -> list[Path]:
    """The label maps in a folder or, if there are none, below it; where some are named ``*labelIds``, these.

    Subfolders beside maps hold other things: instance maps, photographs.

    Raises:
        InputError: if there are none.
    """
    below = list_pictures(folder, suffixes=MAPS)
    others = [path for path in below if path.relative_to(folder).parts[0] != INSTANCES]
    found = [path for path in below if path.parent == folder] or others or below
    return next((named for e in ENDINGS if (named := [path for path in found if path.stem.endswith(e)])), found)


def list_passed(sources: Sequence[Path], used: Iterable[Path]) -> list[Path]:
    """The files beside maps in the given folders that are not used, but for hidden ones and those of a preparation."""
    paths = list(used)
    known = {real_path(path) for path in paths}
    folders = dict.fromkeys(path.parent for path in paths for source in sources if source in path.parents)
    files = [path for folder in folders for path in folder.iterdir() if path.is_file()]
    beside = [path for path in files if path.name not in (SPACE, RECORD) and not path.name.startswith(".")]
    return sorted(path for path in beside if real_path(path) not in known)


def name_sheets(out: Path, pages: int) -> list[Path]:
    """``sheet.png``, or ``sheet_1.png``, ``sheet_2.png``, …"""
    if pages == 1:
        return [out / "sheet.png"]
    return [out / f"sheet_{page:0{len(str(pages))}d}.png" for page in range(1, pages + 1)]


def check_free(targets: Sequence[Path], inputs: Iterable[Path], *, overwrite: bool) -> None:
    """Check that writing loses nothing.

    Raises:
        InputError: if a target is also an input, or lies in a folder that is one; if it is a folder, twice in the list,
            or exists and ``overwrite`` is False.
    """
    if len(set(targets)) < len(targets):
        twice = next(path for i, path in enumerate(targets) if path in targets[:i])
        raise InputError(f"{twice} would be written twice (a contact sheet has that name); rename the label map.")
    taken = [path for path in targets if path.exists()]
    read = {real_path(path) for path in inputs} if taken else set()
    if lost := [path for path in taken if not read.isdisjoint((real_path(path), *real_path(path).parents))]:
        raise InputError(f"{lost[0]} is one of the inputs and would be replaced; give another --out.")
    if folders := [path for path in taken if path.is_dir()]:
        raise InputError(f"{folders[0]} is a folder, but a file would get that name; give another --out.")
    if taken and not overwrite:
        more = f" (and {len(taken) - 1} more)" if len(taken) > 1 else ""
        raise InputError(
            f"{taken[0]}{more} exists and was kept; pass --overwrite to replace it, or another --out. Nothing was made."
        )


def check_writable(folder: Path) -> None:
    """Make the folder of ``--out``, and check that files can be made in it.

    Raises:
        InputError: if they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"--out {folder} cannot be written to: {error.strerror or error}.") from error


def _find_maps(sources: Sequence[Path], out: Path) -> list[tuple[Path, str]]:
    """Each map with its name: the path inside its folder, without the suffix."""
    found: list[tuple[Path, str]] = []
    for source in sources:
        if not source.is_dir():
            if not source.is_file():
                raise InputError(f"{source} is not there; give label maps, or folders of them.")
            found.append((source, source.stem))
            continue
        check_complete(source)
        maps = [path for path in list_maps(source) if not real_path(path).is_relative_to(real_path(out))]
        if not maps:
            raise InputError(f"{source} holds no label map besides what lies in {out}; give another --out folder.")
        found += [(path, _name(path, source)) for path in maps]
    return found


def _pair(option: str, source: Path, maps: Sequence[tuple[Path, str]]) -> list[Path]:
    """The file of each map."""
    if not source.is_dir():
        if not source.is_file():
            raise InputError(f"--{option} {source} is not there; give a file, or a folder with one for each map.")
        if option in OF_ONE_SCENE and len(maps) > 1:
            raise InputError(f"--{option} {source} is one file for {len(maps)} label maps; give a folder.")
        return [source] * len(maps)
    by_name = {_name(path, source): path for path in list_pictures(source, suffixes=(*MAPS, ".npz"))}
    found = [next((by_name[name] for name in _names(option, name) if name in by_name), None) for _, name in maps]
    if None in found:
        more = f" (and {found.count(None) - 1} more)" if found.count(None) > 1 else ""
        wanted = _names(option, maps[found.index(None)][1])[0]
        raise InputError(f"--{option} {source} holds no {wanted}.*{more}; it must have the label map's name.")
    return [path for path in found if path is not None]


def _names(option: str, name: str) -> list[str]:
    """What the file beside a map may be called."""
    ending = next((ending for ending in (LABEL_IDS, TRAIN_IDS) if name.endswith(ending)), None)
    if ending is None:
        return [name]
    frame = name.removesuffix(ending)
    if option == "instances":
        return [f"{frame}{INSTANCE_IDS}", name]
    return [name, f"{frame.removesuffix('gtFine_')}leftImg8bit"]


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()
