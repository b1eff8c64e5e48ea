"""Replays of SIMS' bookkeeping: label maps, segments, outlines, resampling, colours, training samples."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from semsyn.data.bank.build import build_bank
from semsyn.data.bank.groups import class_groups
from semsyn.data.bank.manifest import BankConfig
from semsyn.data.bank.samples.color_transfer import transfer_colors
from semsyn.data.bank.samples.draw import Draw
from semsyn.data.bank.samples.resampling import resize_cubic, resize_nearest, shift, turn
from semsyn.data.bank.samples.synthesis_sample import make_synthesis_sample
from semsyn.data.bank.samples.transform_sample import make_transform_sample
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.data.spaces.label_space import label_space
from semsyn.functional.maps import connected_components
from semsyn.nn.compose.class_groups import order_by_depth
from semsyn.nn.compose.cutouts import Cutouts
from semsyn.nn.compose.outlines import dilate, mark_edges
from semsyn.nn.compose.segments import Segments, find_segments
from semsyn.testing.golden.case import Case, Results

SPACE = label_space("cityscapes-used-train-ids")
GROUPS = class_groups(SPACE)
K = SPACE.num_classes
PALETTE = torch.tensor([*SPACE.palette, (0, 0, 0)], dtype=torch.uint8)


def ids_of(rgb: Tensor) -> Tensor:
    """Colours to class ids; as released, black is no class and any other unknown colour the first one, road."""
    matches = (rgb[..., None, :] == PALETTE).all(dim=-1)
    return torch.where(matches.any(dim=-1), matches.int().argmax(dim=-1), 0)


def channels_first(rgb: Tensor) -> Tensor:
    """h w 3 to 3 h w."""
    return rgb.movedim(-1, -3).contiguous()


def find_large(case: Case, class_ids: Tensor) -> Segments:
    """The segments above the case's threshold."""
    segments = find_segments(class_ids, GROUPS)
    return segments.select(segments.areas > case.config["area_threshold"])


def golden_draw() -> Draw:
    """The sequence that the cases were drawn with."""
    numbers = count(1)
    return lambda: (next(numbers) * 0.6180339887498949) % 1


def golden_keys(places: Tensor) -> Tensor:
    """The order in which pixels are left out."""
    return (torch.arange(1, len(places) + 1) * 2654435761) % 2**32


def label_maps(case: Case) -> Results:
    """Kind ``label_maps``: colours to ids and back, the order of the classes, the tables."""
    ids = ids_of(case.inputs["label_rgb"])
    return {
        "index": torch.where(ids == K, 255, ids),
        "rgb": PALETTE[ids],
        "mapping": PALETTE[:K],
        "order": torch.tensor(order_by_depth(case.inputs["order_frequency"].tolist())) + 1,
        "colormap": torch.cat([PALETTE[:K], _unused_colors(), PALETTE[K:]]).double() / 255,
    }


def _unused_colors() -> Tensor:
    """Rows of the published table that no class has: the bits of the index, interleaved."""
    index, rounds = torch.arange(K, 255), torch.arange(8)
    bits = index[:, None, None] >> (3 * rounds + torch.arange(3)[:, None]) & 1
    return (bits << 7 - rounds).sum(-1).to(torch.uint8)


def segments(case: Case) -> Results:
    """Kind ``segments``: masks, with what joins them, and pixels, by image and class."""
    results = {}
    for key in case.inputs:
        if not key.endswith("/label_rgb"):
            continue
        name = key.removesuffix("/label_rgb")
        found = find_segments(ids_of(case.inputs[key]), GROUPS)
        for class_id in range(K):
            of_class = found.select(found.class_ids == class_id)
            wanted = f"{name}/{class_id + 1:02d}"
            total = len(case.expected[f"{wanted}/mask"])
            masks = _place(of_class.masks, of_class.numbers, total)
            results[f"{wanted}/mask"] = masks
            results[f"{wanted}/mask_pole"] = _place(of_class.joined, of_class.numbers, total)
            if f"{name}/image" in case.inputs:
                results[f"{wanted}/img"] = masks[..., None] * case.inputs[f"{name}/image"]
    return results


def _place(masks: Cutouts, numbers: Tensor, total: int) -> Tensor:
    """Each mask in the place of its number, empty ones elsewhere."""
    placed = torch.zeros(total, *masks.size, dtype=torch.uint8)
    placed[numbers - 1] = masks.frames().to(torch.uint8)
    return placed


def morphology(case: Case) -> Results:
    """Kind ``morphology``: outlines, dilation, components with columns first."""
    results = {}
    for name, mask in case.inputs.items():
        number = name.removeprefix("mask")
        edge = mark_edges(mask > 0)
        results[f"edge{number}"] = edge
        results |= {f"edge{number}_dilate{width}": dilate(edge, width) for width in (3, 4, 6, 11)}
        pieces = connected_components((mask > 0).long().mT.contiguous()[None])[0].mT.contiguous()
        kept = pieces[mask > 0].unique()
        results[f"components{number}"] = torch.where(mask > 0, torch.searchsorted(kept, pieces) + 1, 0)
    return results


def resampling(case: Case) -> Results:
    """Kind ``resampling``: what a result's name asks for."""
    picture = channels_first(case.inputs["image"])
    results = {}
    for key in case.expected:
        kind, _, rest = key.partition("_")
        if kind == "bicubic":
            results[key] = resize_cubic(picture.double() / 255, float(rest)).movedim(0, -1)
        elif kind == "translate":
            right, down = map(float, rest.split("_"))
            results[key] = shift(picture, right, down).movedim(0, -1)
        elif kind == "nearest":
            h, w = map(int, rest.split("x"))
            results[key] = resize_nearest(picture, (h, w)).movedim(0, -1)
        else:
            results[key] = turn(case.inputs[kind.replace("rotate", "mask")], float(rest))
    return results


def colour_transfer(case: Case) -> Results:
    """Kind ``colour_transfer``."""
    results = {}
    for key in case.expected:
        number, _, kind = key.removeprefix("mkl").partition("_")
        source, target = case.inputs[f"source{number}"], case.inputs[f"target_{kind}" if kind else f"target{number}"]
        results[key] = transfer_colors(source.flatten(0, 1), target.flatten(0, 1)).view(source.shape)
    return results


def transform_sample(case: Case) -> Results:
    """Kind ``transform_sample``."""
    photo = channels_first(case.inputs["image_full"])
    found = find_large(case, ids_of(case.inputs["label_rgb"])).enlarge(photo.shape[1] // case.config["base"][0])
    sample = make_transform_sample(photo, found, golden_draw(), as_released=True)
    return {"proposal": sample.pictures.frames().movedim(1, -1), "mask": pack_bits(sample.masks.frames())}


def synthesis_sample(case: Case) -> Results:
    """Kind ``synthesis_sample``, from a bank of the case's scenes."""
    names = sorted({key.partition("/")[0] for key in case.inputs})
    image = names.index(case.config["image"])
    photos = [channels_first(case.inputs[f"{name}/image_full"]) for name in names]
    maps = [ids_of(case.inputs[f"{name}/label_rgb"]) for name in names]
    with open_bank(case, list(zip(photos, maps, strict=True))) as bank:
        scene = photos[image], maps[image]
        sample = make_synthesis_sample(*scene, bank, photos.__getitem__, golden_draw(), golden_keys, image=image)
    return {
        "canvas_u8": sample.canvas.movedim(0, -1),
        "label_rgb": PALETTE[sample.class_ids],
        "mask": sample.is_covered,
    }


class _GivenScenes:
    """Scenes in memory."""

    def __init__(self, scenes: list[tuple[Tensor, Tensor]]) -> None:
        self.scenes = scenes

    @property
    def names(self) -> list[str]:
        return [f"{number:08d}" for number in range(1, len(self.scenes) + 1)]

    def read(self, index: int, config: BankConfig) -> tuple[Tensor, Tensor]:
        return self.scenes[index]


@contextmanager
def open_bank(case: Case, scenes: list[tuple[Tensor, Tensor]]) -> Iterator[SegmentBank]:
    """A bank of a case's photographs and maps, for as long as it is needed."""
    h, w = case.config["base"]
    scale = case.config["canvas"][0] // h
    smallest = case.config["area_threshold"] / (h * w)
    config = BankConfig(space=SPACE, groups=GROUPS, size=(h, w), scale=scale, smallest=smallest, kept=0)
    with TemporaryDirectory() as folder:
        yield build_bank(Path(folder) / "bank", _GivenScenes(scenes), config, workers=0)


def pack_bits(masks: Tensor) -> Tensor:
    """Masks ... h w as bits along the last axis, the most significant one first."""
    places = torch.arange(7, -1, -1)
    return (masks.unflatten(-1, (-1, 8)).int() << places).sum(-1).to(torch.uint8)


def unpack_bits(packed: Tensor) -> Tensor:
    """The inverse of `pack_bits`."""
    places = torch.arange(7, -1, -1)
    return (packed[..., None].int() >> places & 1).flatten(-2).bool()


HANDLERS: dict[str, Callable[[Case], Results]] = {
    "label_maps": label_maps,
    "segments": segments,
    "morphology": morphology,
    "resampling": resampling,
    "colour_transfer": colour_transfer,
    "transform_sample": transform_sample,
    "synthesis_sample": synthesis_sample,
}
