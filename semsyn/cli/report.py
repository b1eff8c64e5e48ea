"""``semsyn report``: figures, curves and pictures on one page."""

import argparse
import json
from typing import Any

from PIL import Image

from semsyn.cli.jobs import MAPS, check_free
from semsyn.cli.map_reader import MapReader, add_reading, change_space
from semsyn.cli.options import parse_count, parse_path
from semsyn.cli.read_results import Results, read_results
from semsyn.cli.sheet import draw_map
from semsyn.cli.spaces import SPACE_HELP, find_space
from semsyn.cli.terminal import say
from semsyn.data.io.folders import list_pictures
from semsyn.data.io.pictures import open_image
from semsyn.data.io.whole_file import write_text
from semsyn.errors import InputError
from semsyn.evaluate.page import Page
from semsyn.evaluate.plots import draw_bars, draw_curves

SIDE = 256  # of a picture on the page
SHEET_SIDE = 1400
PER_CLASS = ("iou", "classes")  # details that hold a figure of each class

EPILOG = """\
RESULTS are folders of `semsyn evaluate --out` and of training runs, or files in them. The page holds all
that it shows, so it can be sent as one file. With --maps and --pictures it also shows label maps beside
pictures of the same name: of the data set, of one generator, of another.

examples:
  semsyn report figures/ runs/clade --html report.html
  semsyn report figures/ --maps maps/ --space ade20k-train-ids --pictures real/ made/ --html report.html
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.usage = "semsyn report RESULTS [RESULTS ...] --html FILE [options]"
    parser.description = "Figures, curves and pictures on one page."
    parser.epilog = EPILOG
    parser.add_argument("results", metavar="RESULTS", nargs="+", type=parse_path, help="folders or files of results")
    parser.add_argument("--html", metavar="FILE", type=parse_path, required=True, help="the page")
    parser.add_argument("--title", metavar="TEXT", default="semsyn report", help="of the page")
    parser.add_argument("--overwrite", action="store_true", help="replace a page that exists")
    sheet = parser.add_argument_group("pictures beside maps")
    sheet.add_argument("--maps", metavar="DIR", type=parse_path, help="label maps")
    sheet.add_argument(
        "--pictures", metavar="DIR", nargs="+", type=parse_path, default=[], help="folders of pictures of these maps"
    )
    sheet.add_argument(
        "--limit", metavar="N", type=parse_count, default=12, help="of the maps, the first N; default 12"
    )
    add_reading(sheet, space_help=f"of the maps, {SPACE_HELP}")


def run(args: argparse.Namespace) -> None:
    """Read everything, then write the page."""
    check_free([args.html], args.results, overwrite=args.overwrite)
    results = read_results(args.results)
    page = Page(args.title)
    _add_records(page, results.records)
    _add_scenes(page, results.scenes)
    for name, curves in results.curves.items():
        _add_curves(page, name, curves)
    if args.maps is not None:
        _add_maps(page, args)
    elif args.pictures:
        raise InputError("--pictures shows pictures beside maps: give --maps and --space, too.")
    _add_sheets(page, results)
    write_text(args.html, page.html())
    say(f"{len(results.records)} figures, {len(results.curves)} logs, {len(results.sheets)} sheets in {args.html}")


def _add_records(page: Page, records: list[dict[str, Any]]) -> None:
    if not records:
        return
    page.heading("Figures")
    rows = []
    for record in records:
        interval, value = record.get("interval"), record["value"]
        ends = interval if isinstance(interval, list) else []
        spread = " to ".join(f"{_number(end):.6g}" for end in ends)
        counts = ", ".join(f"{n} {what}" for what, n in _mapping(record, "counts").items())
        by = str(_mapping(record, "protocol").get("name", ""))
        rows.append(
            [str(record.get("subject", "")), record["metric"], float("nan") if value is None else value]
            + [spread, str(record.get("features", "")), by, counts]
        )
    page.table(["of", "figure", "value", "95 % interval", "features", "protocol", "pictures"], rows)
    for note in dict.fromkeys(str(note) for record in records for note in record.get("notes") or ()):
        page.paragraph(f"Note: {note}")
    for record in records:
        for key in PER_CLASS:
            values = {name: _number(value) for name, value in _mapping(_mapping(record, "details"), key).items()}
            if values:
                caption = f"{record['metric']} of {record.get('subject', '')}, class by class"
                page.plot(draw_bars(values, caption), caption)
    page.folded("The records as they are, with versions and SHA-256", json.dumps(records, indent=2))


def _add_scenes(page: Page, scenes: dict[str, dict[str, Any]]) -> None:
    if not scenes:
        return
    page.heading("On toyscenes")
    rows, by_class = [], {}
    for name, figures in scenes.items():
        for what, judges in figures.items():
            for judge, found in judges.items() if isinstance(judges, dict) else ():
                if isinstance(found, dict) and isinstance(found.get("miou"), int | float):
                    rows.append([name, what, judge, found["miou"], _number(found.get("share_of_true"))])
                    by_class[f"{name}, {what}, {judge}"] = _mapping(found, "iou")
    page.table(["of", "pictures", "seen by", "mIoU", "share of true"], rows)
    for caption, iou in by_class.items():
        if iou:
            page.plot(draw_bars({c: _number(v) for c, v in iou.items()}, caption), f"IoU: {caption}")


def _add_curves(page: Page, name: str, curves: dict[str, list[tuple[float, float]]]) -> None:
    """Numbers with the same first part of the name share a plot."""
    page.heading(f"Training: {name}")
    groups: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for key, points in curves.items():
        group, _, own = key.rpartition(".")
        groups.setdefault(group or key, {})[own] = points
    for group, series in groups.items():
        page.plot(draw_curves(series, group), f"{group} over steps")


def _add_maps(page: Page, args: argparse.Namespace) -> None:
    if args.space is None:
        raise InputError("--maps needs --space: what the ids mean, and their colours.")
    space = change_space(find_space(args.space), args)
    reader = MapReader.of(args, space)
    page.heading("Pictures beside maps")
    folders = [{path.stem: path for path in list_pictures(folder)} for folder in args.pictures]
    for path in list_pictures(args.maps, suffixes=MAPS)[: args.limit]:
        pairs = zip(args.pictures, folders, strict=True)
        found = [(str(folder), by_name[path.stem]) for folder, by_name in pairs if path.stem in by_name]
        pictures = [(_small(open_image(picture), SIDE), f"{name}: {picture.name}") for name, picture in found]
        size = (pictures[0][0].height, pictures[0][0].width) if pictures else (SIDE, SIDE)
        page.row([(draw_map(path, space, size, read=reader.read), f"map {path.stem}"), *pictures])


def _add_sheets(page: Page, results: Results) -> None:
    if results.sheets:
        page.heading("Contact sheets")
    for path in results.sheets:
        page.row([(_small(open_image(path), SHEET_SIDE), f"{path.parent.name}/{path.name}")])


def _small(picture: Image.Image, side: int) -> Image.Image:
    picture = picture.convert("RGB")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture


def _mapping(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _number(value: Any) -> float:
    """A figure, or that of a class; NaN where there is none."""
    value = value.get("fid") if isinstance(value, dict) else value
    return float(value) if isinstance(value, int | float) else float("nan")
