"""Where the codes of a picture come from: drawn, of a reference, of single instances of references, or given."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from semsyn.cli.options import parse_count, parse_id, parse_path, parse_seed
from semsyn.errors import InputError
from semsyn.functional.maps import resize_ids
from semsyn.generator.generator import Generator
from semsyn.generator.references import encode_reference
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior, Style

__all__ = [
    "Reference",
    "Transfer",
    "add_style",
    "find_instance",
    "find_posteriors",
    "parse_transfer",
    "read_noise",
    "repeat_posterior",
]


@dataclass(frozen=True)
class Transfer:
    """One instance that looks like one of a reference.

    Attributes:
        target: its id in the instance map.
        reference: name of the reference picture, without suffix.
        source: the id in the reference's instance map.
    """

    target: int
    reference: str
    source: int


@dataclass(frozen=True)
class Reference:
    """A picture whose style is taken.

    Attributes:
        picture: 3 h w in [-1, 1].
        layout: its own maps, one image; None: it shows the scene that is made.
        instance_map: stored ids at the picture's size, of the layout.
    """

    picture: Tensor
    layout: Layout | None = None
    instance_map: Tensor | None = None


def parse_transfer(text: str) -> Transfer:
    """``3=beach:5``: instance 3 looks like instance 5 of the reference picture ``beach``."""
    found = re.fullmatch(r"(\d{1,7})=(.+):(\d{1,7})", text)
    if not found:
        raise argparse.ArgumentTypeError(f"expected ID=REFERENCE:ID such as 3=beach:5, found {text!r}")
    return Transfer(int(found[1]), found[2], int(found[3]))


def add_style(group: argparse._ActionsContainer) -> None:
    """Add the options of references and single instances."""
    group.add_argument(
        "--reference",
        metavar="PATH",
        type=parse_path,
        help="picture whose style to take, or folder with one per map; without maps of its own it shows the same scene",
    )
    group.add_argument(
        "--reference-map",
        metavar="PATH",
        type=parse_path,
        help="label map of the reference, or folder: of another scene",
    )
    group.add_argument(
        "--reference-instances", metavar="PATH", type=parse_path, help="instance map of the reference, or folder"
    )
    group.add_argument(
        "--style-id",
        metavar="N",
        type=parse_seed,
        help="the reference is item N, from 0, of the split val of the data set in the folder --reference; with "
        "--reference-map, of the pictures in both folders",
    )
    group.add_argument(
        "--classes",
        metavar="NAME",
        nargs="+",
        help="only these classes take the reference's style, the others are drawn",
    )
    group.add_argument(
        "--levels",
        metavar="L",
        nargs="+",
        type=parse_seed,
        help="only these levels of the codes are the reference's: from 0, the finest",
    )
    group.add_argument(
        "--interpolate",
        metavar="N",
        type=parse_count,
        help="N pictures per map, from the drawn style to the reference's",
    )
    group.add_argument(
        "--take-style",
        metavar="ID=REF:ID",
        type=parse_transfer,
        action="append",
        default=[],
        help="an instance looks like one of the reference named REF, nothing else does; may be repeated",
    )
    group.add_argument(
        "--resample-instance",
        metavar="ID",
        type=parse_id,
        action="append",
        default=[],
        help="keep the picture of --seed and draw this instance anew, as --resample-class does; may be repeated",
    )
    group.add_argument(
        "--noise", metavar="PATH", type=parse_path, help="codes to use: .npy, or .npz with several by name; or a folder"
    )


def find_posteriors(
    generator: Generator,
    layout: Layout,
    instance_map: Tensor | None,
    reference: Reference | None,
    transfers: Sequence[tuple[Reference, dict[int, int]]],
) -> list[Posterior]:
    """What references say of the codes of a scene.

    Args:
        generator: encodes.
        layout: one image.
        instance_map: stored ids at the layout's size, by which instances are named.
        reference: whose style the picture takes.
        transfers: references with {instance id of the scene: instance id of the reference}, stored ids.

    Raises:
        InputError: for an instance that is not there, or a reference without the maps that are needed.
    """
    found = [] if reference is None else [_encode(generator, reference, layout)]
    return found + [_transfer(generator, other, layout, instance_map, pairs) for other, pairs in transfers]


def repeat_posterior(posterior: Posterior, times: int) -> Posterior:
    """That of one scene for several samples of it."""
    return posterior.map_tensors(lambda t: t.expand(times, *t.shape[1:]))


def _encode(generator: Generator, reference: Reference, layout: Layout) -> Posterior:
    return encode_reference(generator, reference.picture[None], layout, reference.layout)


def _transfer(
    generator: Generator, reference: Reference, layout: Layout, instance_map: Tensor | None, pairs: dict[int, int]
) -> Posterior:
    if reference.layout is None or reference.instance_map is None:
        raise InputError("--take-style needs the reference's maps: --reference-map and --reference-instances.")
    rows = {
        find_instance(layout, instance_map, target): find_instance(reference.layout, reference.instance_map, source)
        for target, source in pairs.items()
    }
    return generator.encode(reference.picture[None], reference.layout).transfer(rows, layout.num_instances)


def find_instance(layout: Layout, instance_map: Tensor | None, stored_id: int) -> int:
    """The id that an instance has in a layout, where large ids became ranks."""
    if instance_map is None or layout.instance_ids is None:
        raise InputError(f"instance {stored_id} cannot be found without an instance map: give --instances.")
    here = resize_ids(instance_map[None], layout.size, rule="centre") == stored_id
    if not bool(here.any()):
        raise InputError(f"there is no instance {stored_id} in the map; it holds {_list(instance_map)}.")
    return int(layout.instance_ids.cpu()[here][0])


def _list(instance_map: Tensor) -> str:
    ids = instance_map.unique().tolist()
    return ", ".join(map(str, ids[:12])) + (" …" if len(ids) > 12 else "")


def read_noise(path: Path, generator: Generator) -> Style:
    """Codes from a NumPy file.

    Raises:
        InputError: if it cannot be read, or does not hold the codes of the generator.
    """
    try:
        stored = np.load(path, allow_pickle=False)
        arrays = {name: stored[name] for name in stored.files} if isinstance(stored, np.lib.npyio.NpzFile) else stored
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"--noise {path} is not a NumPy file that can be read: {error}.") from error
    names = [spec.name for spec in generator.codes]
    if not isinstance(arrays, dict):
        if len(names) != 1:
            raise InputError(
                f"--noise {path} holds one array, but the generator reads {names}: give an .npz with them."
            )
        arrays = {names[0]: arrays}
    return generator.style(**{name: torch.from_numpy(array).float() for name, array in arrays.items()})
