"""``semsyn evaluate --predicted … --maps …``: what a segmenter, whichever it is, saw in generated pictures."""

import argparse
from typing import Any

from semsyn.cli.class_figures import pair_by_name
from semsyn.cli.figures import check_records, report_records
from semsyn.cli.map_reader import MapReader, change_space
from semsyn.cli.spaces import find_space
from semsyn.errors import InputError
from semsyn.evaluate.map_agreement import MapAgreement
from semsyn.evaluate.record import Record
from semsyn.functional.maps import resize_ids
from semsyn.models.protocols import find_protocol

__all__ = ["run"]


def run(args: argparse.Namespace) -> None:
    """Compare the maps of two folders, which belong together by name.

    Raises:
        InputError: if there is no label space, a map has no partner, or two differ in size.
    """
    if len(args.maps) != 1 or args.space is None:
        raise InputError("--predicted needs --maps, one folder with the true maps, and --space: what their ids mean.")
    (true,) = args.maps
    space = change_space(find_space(args.space), args)
    reader = MapReader.of(args, space)
    protocol = None if args.protocol is None else find_protocol(args.protocol)
    pairs = pair_by_name(args.predicted, true)
    check_records(args, [args.predicted, true])
    counts_void = args.count_void or (protocol is not None and protocol.is_void_counted)
    agreement = MapAgreement(space.classes, void=space.void, is_void_counted=counts_void)
    for found, target in pairs:
        ids = [reader.read_classes(path) for path in (found, target)]
        if args.resize is not None:  # as Pillow's nearest, by which data sets' maps are made smaller
            ids = [resize_ids(one, args.resize, rule="centre") for one in ids]
        elif ids[0].shape != ids[1].shape:
            (h, w), (height, width) = ids[0].shape, ids[1].shape
            raise InputError(
                f"{found} is {h}x{w}, but {target} is {height}x{width}: give --resize HxW, the size that is compared."
            )
        agreement.add(*ids)
    figures = agreement.figures()
    by_class = figures.pop("iou")
    shared: dict[str, Any] = {
        "subject": str(args.predicted),
        "counts": {"maps": agreement.count},
        "protocol": {} if protocol is None else protocol.describe(args.data_set),
        "notes": () if counts_void else ("pixels that are void in the true maps do not count.",),
    }
    report_records(
        [
            Record(
                metric=metric,
                value=value,
                details={"space": space.name, "is_void_counted": counts_void}
                | ({"iou": by_class} if metric == "miou" else {}),
                **shared,
            )
            for metric, value in figures.items()
        ],
        args,
    )
