"""Replays of the data sets with objects."""

from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from semsyn.data.io.transforms import Placement
from semsyn.data.scenes.objects import find_objects, opencv_resize, read_instance_ids
from semsyn.data.scenes.presets import ADE20K, CITYSCAPES, COCO_UNKNOWN_FIRST
from semsyn.data.scenes.scene_folder import read_pair
from semsyn.data.spaces.label_space import label_space
from semsyn.functional.object_boxes import are_objects, even_boxes, object_boxes
from semsyn.models.ipose.released import CONVENTIONS
from semsyn.records.objects import Objects
from semsyn.testing.golden.case import Case, Results

PRESETS = {"ade20k": ADE20K, "coco": COCO_UNKNOWN_FIRST, "cityscapes": CITYSCAPES}


def table_rows(objects: Objects, convention: str) -> Tensor:
    """The original table: category · 1000 + id (the raw id on Cityscapes), box, original size."""
    ids = objects.instance_ids
    codes = ids if convention == "cityscapes" else objects.categories * 1000 + ids
    return torch.cat([codes[:, None], objects.boxes, objects.original_sizes], dim=1)


def data(case: Case) -> Results:
    """Kinds ``data_ade``, ``data_coco`` and ``data_city`` of iPOSE: an item, its objects before and after a flip."""
    inputs, size = case.inputs, case.config["size"]
    sizes = {"load_size": size, "crop_size": size, **{k: v for k, v in case.config.items() if k == "aspect_ratio"}}
    convention = CONVENTIONS[case.config["dataset"]]
    preset = PRESETS[convention]
    transform = replace(preset.test, **sizes)
    placement = Placement(flip=bool(case.config.get("flip", 0)))
    image, class_ids = read_pair(
        Image.fromarray(inputs["image"].numpy()),
        inputs["label"],
        space=label_space(preset.space),
        transform=transform,
        placement=placement,
    )
    instance_map = inputs["instance_rgb" if "instance_rgb" in inputs else "instance"]
    target = (image.shape[1], image.shape[2])
    before, after = (
        find_objects(instance_map, inputs["label"], convention=convention, size=target, flip=flip)
        for flip in (False, placement.flip)
    )
    return {
        "image": image,
        "label": class_ids[None],
        "instance": transform.ids(read_instance_ids(instance_map, convention), placement)[None],
        "crop_params_raw": table_rows(before, convention),
        "crop_params": table_rows(after, convention),
        "ins_num": torch.tensor(len(after)),
        "table": coco_table(inputs["label"], inputs["instance"], target) if "instance" in inputs else torch.zeros(0),
    }


def coco_table(label_map: Tensor, instance_map: Tensor, size: tuple[int, int]) -> Tensor:
    """The rows that COCO's preparation stores: class, id, box, original size of every (class, id) pair."""
    h, w = label_map.shape
    pairs = label_map.long() * 2**16 + instance_map.long()
    _, found, boxes = object_boxes(opencv_resize(pairs, size)[None])
    boxes = even_boxes(boxes, size)
    rows = torch.cat([found[:, None] // 2**16, found[:, None] % 2**16, boxes], dim=1)
    return torch.cat([rows, rows.new_tensor([h, w]).expand(len(rows), 2)], dim=1)[are_objects(boxes)]
