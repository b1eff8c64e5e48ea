"""``semsyn evaluate --toyscenes``: what generators reach on unseen scenes."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from semsyn.cli.jobs import check_free, check_writable
from semsyn.cli.options import MAX_SCENES, count_up_to, parse_count, parse_path
from semsyn.cli.terminal import say
from semsyn.convert.files import check_file
from semsyn.data.io.whole_file import write_picture
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes.cache import Scenes, load_scenes, load_shapes
from semsyn.data.toyscenes.classes import PART_NAMES
from semsyn.errors import InputError
from semsyn.evaluate.judges import Field, Judge, load_judge, train_judge
from semsyn.evaluate.report import to_json, write_json
from semsyn.evaluate.sheet import draw_sheet
from semsyn.evaluate.suite import Measured, Suite, check_generator
from semsyn.generator.generator import Generator
from semsyn.hub.load import load_pretrained

SPACE = label_space("toyscenes")
RESULTS = "results.json"
TRUE = "true"  # what results call true pictures


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `run`."""
    scenes = parser.add_argument_group("toyscenes")
    scenes.add_argument("--toyscenes", action="store_true", help="measure on unseen toyscenes, by segmenters")
    scenes.add_argument(
        "--cache", metavar="DIR", type=parse_path, default=Path("runs/toyscenes"), help="default runs/toyscenes"
    )
    scenes.add_argument(
        "--scenes", metavar="N", type=count_up_to(MAX_SCENES), default=500, help="unseen ones; default 500"
    )
    scenes.add_argument("--segmenter", metavar="FILE", type=parse_path, help="its weights; default: those in the cache")
    scenes.add_argument("--segmenter-steps", metavar="N", type=parse_count, default=1500, help="default 1500")
    scenes.add_argument(
        "--train-scenes",
        metavar="N",
        type=count_up_to(MAX_SCENES),
        default=16000,
        help="true ones for segmenters to learn from; default 16000",
    )
    scenes.add_argument("--parts", action="store_true", help="also look for parts, by a segmenter of them")
    scenes.add_argument(
        "--part-scenes",
        metavar="N",
        type=count_up_to(MAX_SCENES),
        default=2000,
        help="true ones for that; default 2000",
    )


def run(args: argparse.Namespace) -> None:
    """Check everything, make what is missing, measure, report.

    Raises:
        InputError: if no generator, or no folder for the results, is named; if one cannot be measured.
    """
    if not args.names or args.out is None:
        raise InputError("--toyscenes needs NAMEs of generators, and --out: a folder for their results and sheets.")
    sheets = _name_sheets(args.names, args.out)
    read = [Path(name) for name in args.names] + ([] if args.segmenter is None else [args.segmenter])
    check_free([*sheets.values(), args.out / RESULTS], [path for path in read if path.exists()], overwrite=True)
    generators = {name: _load(name) for name in args.names}
    check_writable(args.out)
    judges = _find_judges(args)
    scenes = load_scenes(args.cache, "val", args.scenes, has_parts=args.parts)
    finds_parts = any("parts" in generator.finds for generator in generators.values())
    shapes = load_shapes(args.cache, "val", args.scenes) if finds_parts else None
    suite = Suite(scenes, judges, shapes)
    results: dict[str, Any] = {TRUE: suite.on_true}
    _say(args, TRUE, {"pictures": suite.on_true})
    measured: dict[str, Measured] = {}
    for name, generator in generators.items():
        measured[name] = suite.measure(generator, measured)
        results[name] = measured[name].figures
        write_picture(draw_sheet(generator, scenes.requiring(generator.requires), SPACE), sheets[name])
        write_json(results, args.out / RESULTS)  # what is known so far survives an interruption
        _say(args, name, results[name])
    names = ", ".join(path.name for path in sheets.values())
    say(*(to_json(results).split("\n") if args.json else [f"{RESULTS} and {names} in {args.out}"]))


def _name_sheets(names: Sequence[str], out: Path) -> dict[str, Path]:
    """The contact sheet of each name; refuses names that cannot be told apart."""
    sheets: dict[str, Path] = {}
    for name in names:
        stem = Path(name).stem if Path(name).exists() else name.replace("/", "-")
        path = out / f"{stem}.png"
        if name == TRUE or name in sheets:
            raise InputError(f"{name} is {'what the true pictures are called' if name == TRUE else 'named twice'}.")
        if path in sheets.values():
            raise InputError(f"the contact sheet of {name} would be {path}, as of a name before: rename a file.")
        sheets[name] = path
    return sheets


def _load(name: str) -> Generator:
    generator = load_pretrained(name)
    try:
        check_generator(generator, SPACE)
    except InputError as error:
        raise InputError(f"{name} cannot be measured on toyscenes: {error}") from error
    return generator


def _find_judges(args: argparse.Namespace) -> dict[str, Judge]:
    def scenes_of(count: int, *, has_parts: bool = False) -> Callable[[], Scenes]:
        return lambda: load_scenes(args.cache, "train", count, has_parts=has_parts)

    file, steps = args.segmenter or args.cache / "segmenter.pt", args.segmenter_steps
    find = partial(_find_judge, steps=steps, quiet=args.json)
    judges = {"classes": find(file, scenes_of(args.train_scenes), SPACE.classes, "class_ids")}
    if args.parts:
        file, scenes = args.cache / "part-segmenter.pt", scenes_of(args.part_scenes, has_parts=True)
        judges["parts"] = find(file, scenes, PART_NAMES, "part_ids")
    return judges


def _find_judge(
    file: Path, scenes: Callable[[], Scenes], names: Sequence[str], field: Field, *, steps: int, quiet: bool
) -> Judge:
    """The judge of a file, which is trained and written where it is not there."""
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    if file.exists():
        return load_judge(check_file(file), names, field=field)
    with tqdm(total=steps, desc=f"segmenter of {field}", unit="step", disable=quiet or None) as bar:
        judge = train_judge(scenes(), names, field=field, steps=steps, on_step=lambda loss: bar.update())
    judge.save(file)
    return judge


def _say(args: argparse.Namespace, name: str, figures: dict[str, Any]) -> None:
    if not args.json:
        say(name, *(f"    {line}" for line in _lines(figures)))


def _lines(figures: dict[str, Any]) -> list[str]:
    """The figures of a generator, a line each."""
    lines = []
    for what, found in figures.items():
        if what == "transfer":
            overall, within = found["color_correlation"], found["color_correlation_within_class"]
            lines.append(
                f"transfer: colours correlate by {overall}, within classes by {within} ({found['pairs']} pairs)"
            )
        elif what == "two_seeds":
            share = found["share_over_4_levels"]
            lines.append(f"two seeds: {found['mean_levels']} levels apart, {share:.0%} of instances by more than 4")
        elif what == "class_codes":
            lines.append(
                f"codes of classes: colours correlate by {found['color_correlation']}; a class's code changes its "
                f"pixels by {found['change_inside']}, others by {found['change_outside']}"
            )
        elif what == "part_net":
            lines.append(f"part_net: mIoU {found['miou']}, accuracy {found['accuracy']}")
        elif what.startswith("over "):
            lines += [f"{what}, {judge}: {m['margin']:+} {m['interval']}" for judge, m in found.items()]
        else:
            for judge, f in found.items():
                share = f", {f['share_of_true']:.0%} of true" if "share_of_true" in f else ""
                lines.append(f"{what}, {judge}: mIoU {f['miou']}{share}")
    return lines
