"""Replays of the golden cases of data functions: original options and inputs in, comparable tensors out.

Each handler takes a case with ``config`` (original option names) and ``inputs`` (by the names after ``in/``), and
returns values by the names after ``out/``. ``colormaps`` returns more than a file holds: which N drew its label map is
in the name alone.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from PIL import Image
from torch import Tensor

from semsyn.data.io.transforms import Placement, Transform
from semsyn.data.scenes.instances import coco_instance_map as make_coco_instance_map
from semsyn.data.scenes.instances import reidentify
from semsyn.data.spaces.colors import draw_labels, label_colors, to_uint8

DEFAULT_LABEL_NC = 5  # of the transform cases
VOID_ID = 255


class DataCase(Protocol):
    """What a handler reads of a golden case."""

    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def inputs(self) -> Mapping[str, Tensor]: ...


def colormaps(case: DataCase) -> dict[str, Tensor]:
    """Kind ``colormaps``: for every N, the colours of N labels and the label map drawn with them; 8-bit pictures."""
    counts = case.config["N"]
    label_map = case.inputs["label"].long()
    label_map = label_map[0] if label_map.ndim == 3 else label_map
    return {
        **{f"colormap_{n}": label_colors(n) for n in counts},
        **{f"tensor2label_{n}": draw_labels(label_map, n) for n in counts},
        "tensor2im": to_uint8(case.inputs["img"]),
    }


def transforms(case: DataCase) -> dict[str, Tensor]:
    """Kind ``transforms``: label, instance map and picture through each variant."""
    image = Image.fromarray(case.inputs["image"].numpy())
    instances = next(ids for name, ids in case.inputs.items() if name.startswith("instance"))
    outputs = {}
    for variant in case.config["variants"]:
        transform, placement = from_options(variant)
        label_map = transform.ids(case.inputs["label"], placement)
        unknown = variant["opt"].get("label_nc", DEFAULT_LABEL_NC)
        outputs[f"{variant['tag']}/label"] = label_map.masked_fill(label_map == VOID_ID, unknown)[None]
        outputs[f"{variant['tag']}/instance"] = transform.ids(instances, placement)[None]
        outputs[f"{variant['tag']}/image"] = transform.image(image, placement)
    return outputs


def dist_transform(case: DataCase) -> dict[str, Tensor]:
    """Kind ``dist_transform``: stored offset maps through each variant, as released."""
    outputs = {}
    for variant in case.config["variants"]:
        transform, placement = from_options(variant)
        outputs[variant["tag"]] = transform.offsets(case.inputs["dist"], placement)
    return outputs


def coco_instance_map(case: DataCase) -> dict[str, Tensor]:
    """Kind ``coco_instance_map``: the config lists per annotation the numbers of its rings, or ``rle``."""
    rings = {name: ring.tolist() for name, ring in case.inputs.items()}
    annotations = [
        {"segmentation": {"counts": [], "size": []} if entry == "rle" else [rings[f"poly{i}"] for i in entry]}
        for entry in case.config["annotations"]
    ]
    instances = make_coco_instance_map(case.inputs["label"], annotations, as_released=True)
    return {"instance": instances.to(torch.uint8)}


def reid(case: DataCase) -> dict[str, Tensor]:
    """Kind ``reid``: dense ids in 8 bits."""
    return {"dense": reidentify(case.inputs["ids"], as_released=True).to(torch.uint8)}


def from_options(variant: Mapping[str, Any]) -> tuple[Transform, Placement]:
    """The transform and placement that a variant's original options and parameters describe."""
    options, params = variant["opt"], variant.get("params", {})
    names = {
        "preprocess_mode": "mode",
        "load_size": "load_size",
        "crop_size": "crop_size",
        "aspect_ratio": "aspect_ratio",
    }
    transform = Transform(**{names[k]: v for k, v in options.items() if k in names}, as_released=True)
    may_flip = options.get("isTrain", True) and not options.get("no_flip", False)
    x, y = params.get("crop_pos", (0, 0))
    return transform, Placement(int(x), int(y), flip=bool(params.get("flip", False) and may_flip))
