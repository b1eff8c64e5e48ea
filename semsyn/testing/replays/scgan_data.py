"""Replays of SCGAN's data sets and of what it draws."""

from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from semsyn.data.scenes.presets import ADE20K, CELEBA_BACKGROUND_LAST, CITYSCAPES, COCO
from semsyn.data.scenes.scene_folder import read_pair
from semsyn.data.spaces.colors import draw_labels, label_colors, to_uint8
from semsyn.data.spaces.label_space import label_space
from semsyn.functional.maps import edges
from semsyn.labels import LabelSpace
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.data import from_options

DATA_SETS = {"celeba": CELEBA_BACKGROUND_LAST, "ade20k": ADE20K, "coco": COCO, "cityscapes": CITYSCAPES}


def space_of(data_set: str) -> LabelSpace:
    """The label space of a data set; as released, a 255 that no rule takes is "no class"."""
    space = label_space(DATA_SETS[data_set].space)
    return replace(space, void=space.num_classes) if space.void is None else space


def data(case: Case) -> Results:
    """Kind ``data``: pictures, maps and instance maps, item by item."""
    inputs, space = case.inputs, space_of(case.config["dataset"])
    options = {**case.config, "isTrain": case.mode == "train"}
    results: dict[str, Tensor] = {}
    for i in range(sum(name.startswith("image_") for name in inputs)):
        corner = inputs.get(f"crop_xy_{i}", torch.zeros(2))
        drawn = {"crop_pos": corner.tolist(), "flip": inputs.get(f"flip_{i}", False)}
        transform, placement = from_options({"opt": options, "params": drawn})
        picture = Image.fromarray(inputs[f"image_{i}"].numpy())
        image, class_ids = read_pair(
            picture, inputs[f"label_{i}"], space=space, transform=transform, placement=placement
        )
        results |= {f"image_{i}": image, f"label_{i}": class_ids[None].float()}
        if f"instance_{i}" in inputs:
            instances = transform.ids(inputs[f"instance_{i}"], placement)[None].long()
            results |= {f"instance_{i}": instances, f"edge_{i}": edges(instances).float()}
    return results


def visuals(case: Case) -> Results:
    """Kind ``visuals``: an 8-bit picture, the colours of N labels, and maps drawn with them."""
    results: dict[str, Tensor] = {"image_u8": to_uint8(case.inputs["image"][None])[0]}
    for count in case.config["n_labels"]:
        label_map = case.inputs[f"label_{count}"][0].long()
        results |= {f"cmap_{count}": label_colors(count), f"colour_{count}": draw_labels(label_map, count)}
    return results
