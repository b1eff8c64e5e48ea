"""``semsyn prepare bank``: a bank of segments, cut from photographs with label maps."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from semsyn.cli.jobs import list_maps
from semsyn.cli.options import MAX_SCENES, count_up_to, parse_path, parse_seed, parse_size
from semsyn.cli.spaces import SPACE_HELP, find_space
from semsyn.cli.terminal import say, say_json
from semsyn.data.bank.build import SIZE, append_scenes, build_bank, merge_banks
from semsyn.data.bank.groups import class_groups
from semsyn.data.bank.manifest import MANIFEST, BankConfig
from semsyn.data.bank.scenes import SceneFiles, Scenes, ToyBankScenes
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.data.formats.write import SPACE
from semsyn.data.io.folders import list_pictures, pair_pictures
from semsyn.data.scenes import presets
from semsyn.data.scenes.scene_folder import SceneFolder
from semsyn.errors import InputError, list_some
from semsyn.labels import LabelSpace

TOYSCENES = "toyscenes"
PICTURES, MAPS = ("images", "pictures", "photos"), ("maps", "labels", "annotations")
# Data sets whose layout is known, with the classes that their photographs are cut by.
DATA_SETS = {
    "cityscapes": (presets.CITYSCAPES, "cityscapes-used"),
    "ade20k": (presets.ADE20K, "ade20k-raw"),
    "coco": (presets.COCO, "coco-stuff"),
}
SIZES = {TOYSCENES: (128, 256)}

EPILOG = f"""\
SOURCE is a folder that holds photographs in {PICTURES[0]}/ and their maps in {MAPS[0]}/, with equal names;
a folder of photographs, with --maps; the root of a data set, with --data-set; the word {TOYSCENES}; or
banks, which are put together in a new one. Maps are read by --space, or by the {SPACE} beside them.

BANK is a folder. A build that was interrupted, even killed, goes on where it stopped when the same
command is given again; until a bank is whole, the work lies in BANK.building. A bank that is there grows
with --append, by the scenes that it does not have yet, and stays as it is if that fails.

examples:
  semsyn prepare bank scenes/ --space cityscapes-used --out bank
  semsyn prepare bank cityscapes/ --data-set cityscapes --size 256x512 --scale 2 --out bank
  semsyn prepare bank photos/ --maps labels/ --out bank --append
  semsyn prepare bank {TOYSCENES} --count 300 --out toy-bank
  semsyn prepare bank bank-a/ bank-b/ --out both
  semsyn prepare bank bank/ --verify
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.description = "Cut photographs with label maps into segments, for pictures that are composed of them."
    parser.epilog = EPILOG
    parser.add_argument("sources", metavar="SOURCE", nargs="+", type=parse_path, help="scenes or banks, see below")
    parser.add_argument("--out", metavar="BANK", type=parse_path, help="folder of the bank")
    parser.add_argument("--append", action="store_true", help="add to the bank that is there")
    parser.add_argument("--verify", action="store_true", help="read every file of banks and compare its checksum")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    scenes = parser.add_argument_group("scenes")
    scenes.add_argument(
        "--maps", metavar="DIR", type=parse_path, help="the label maps, if SOURCE holds photographs alone"
    )
    scenes.add_argument("--data-set", metavar="NAME", choices=tuple(DATA_SETS), help=", ".join(DATA_SETS))
    scenes.add_argument("--space", metavar="SPACE", help=f"what the ids of maps mean: {SPACE_HELP}")
    scenes.add_argument(
        "--count", metavar="N", type=count_up_to(MAX_SCENES), default=300, help="of toyscenes; default 300"
    )
    scenes.add_argument("--seed", metavar="N", type=parse_seed, default=0, help="of toyscenes; default 0")
    cut = parser.add_argument_group("segments")
    cut.add_argument(
        "--size", metavar="HxW", type=parse_size, help="of maps, in which segments are compared; default 256x512"
    )
    cut.add_argument(
        "--scale", metavar="N", type=count_up_to(32), default=1, help="photographs are larger by this; default 1"
    )
    cut.add_argument(
        "--quality", metavar="Q", type=count_up_to(95), help="of JPEG, up to 95; default: PNG, without loss"
    )
    cut.add_argument("--workers", metavar="N", type=count_up_to(1024), help="processes; default: one for each core")


def run(args: argparse.Namespace) -> None:
    """Build, extend, put together or check."""
    are_banks = [(source / MANIFEST).is_file() for source in args.sources]
    if args.verify:
        banks = [SegmentBank(source) for source in args.sources]
        for bank in banks:
            bank.verify()
        return _report(banks, args.json)
    if args.out is None:
        raise InputError("say where the bank is to be: --out BANK.")
    if any(are_banks):
        if not all(are_banks):
            other = args.sources[are_banks.index(False)]
            raise InputError(f"{other} is no bank: put banks together, or add scenes to one with --append.")
        if args.append:
            raise InputError("banks are put together in a new one: leave --append out.")
        return _report([merge_banks(args.out, [SegmentBank(source) for source in args.sources])], args.json)
    if len(args.sources) > 1:
        raise InputError(f"{len(args.sources)} sources: give one at a time, and add the others with --append.")
    return _report([_build(args)], args.json)


def _build(args: argparse.Namespace) -> SegmentBank:
    scenes, space = _find_scenes(args)
    track = _tracker(args.json)
    if args.append:
        bank = SegmentBank(args.out)
        if space is not None and space.classes != bank.space.classes:
            raise InputError(f"{args.out} was built for label space {bank.space.name!r}, not {space.name!r}.")
        return append_scenes(bank, scenes, workers=args.workers, track=track)
    if space is None:
        raise InputError(f"say what the ids of the maps mean: --space, or a {SPACE} beside them.")
    config = BankConfig(
        space=space,
        groups=class_groups(space),
        size=args.size or SIZES.get(str(args.sources[0]), SIZE),
        scale=args.scale,
        quality=args.quality,
    )
    return build_bank(args.out, scenes, config, workers=args.workers, track=track)


def _find_scenes(args: argparse.Namespace) -> tuple[Scenes, LabelSpace | None]:
    """The scenes, and what their ids mean if that is told."""
    root, space = args.sources[0], None if args.space is None else find_space(args.space)
    if root == Path(TOYSCENES):
        if space is not None or args.maps or args.data_set:
            raise InputError("toyscenes have maps and classes of their own: leave --maps, --space, --data-set out.")
        return ToyBankScenes(args.count, args.seed), find_space(TOYSCENES)
    if args.data_set:
        preset, name = DATA_SETS[args.data_set]
        pairs = SceneFolder(root, preset, "train").pairs
        return SceneFiles(tuple(pairs), root), space or find_space(name)
    photos, maps = (root, args.maps) if args.maps else _find_folders(root)
    beside = maps / SPACE
    if space is None and beside.is_file():
        space = find_space(str(beside))
    scenes = pair_pictures(list_pictures(photos), list_maps(maps))
    return SceneFiles(tuple((photo, label_map) for photo, label_map in scenes), photos), space


def _find_folders(root: Path) -> tuple[Path, Path]:
    if not root.is_dir():
        raise InputError(f"{root} is {'a file, not a folder' if root.is_file() else 'not there'}.")
    found = [[root / name for name in names if (root / name).is_dir()] for names in (PICTURES, MAPS)]
    for folders, names in zip(found, (PICTURES, MAPS), strict=True):
        if len(folders) != 1:
            holds = "none" if not folders else f"{len(folders)}"
            raise InputError(f"{root} should hold one folder of {', '.join(names)}, found {holds}; or give --maps DIR.")
    return found[0][0], found[1][0]


def _tracker(quiet: bool) -> Any:
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    def track(chunks: Iterable[Any], count: int) -> Iterable[Any]:
        return tqdm(chunks, total=count, desc="scenes", disable=quiet or None)  # None: on terminals only

    return track


def _report(banks: list[SegmentBank], as_json: bool) -> None:
    found: list[dict[str, Any]] = [
        {
            "bank": str(bank.folder),
            "images": bank.num_images,
            "segments": len(bank),
            "bytes": sum(size for part in bank.parts for size, _ in part.entry.files.values()),
            "classes": {n: c for n, c in zip(bank.space.classes, bank.class_counts, strict=True) if c},
            "without_segments": [n for n, c in zip(bank.space.classes, bank.class_counts, strict=True) if not c],
        }
        for bank in banks
    ]
    if as_json:
        say_json(found[0] if len(found) == 1 else found)
        return
    for row in found:
        classes = sorted(row["classes"].items(), key=lambda item: -item[1])
        say(f"{row['segments']} segments of {row['images']} images, {row['bytes'] / 1e6:.1f} MB, in {row['bank']}")
        say("  " + ", ".join(f"{name} {count}" for name, count in classes))
        if row["without_segments"]:
            say(f"  none of {list_some(row['without_segments'], shown=12)}: those are painted without a photograph")
