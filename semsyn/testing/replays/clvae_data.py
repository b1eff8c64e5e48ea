"""Replays of clVAE's data sets, and of what it draws."""

import torch
from PIL import Image
from torch import Tensor

from semsyn.data.scenes.presets import ADE20K, DEEPFASHION_16, GTA5
from semsyn.data.scenes.scene_folder import read_pair
from semsyn.data.spaces.colors import draw_labels, label_colors, to_uint8
from semsyn.data.spaces.label_space import label_space
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.data import from_options

PRESETS = {"ade20k": ADE20K, "deepfashion": DEEPFASHION_16, "gta5": GTA5}
OWN_COLORS = {18: "deepfashion-16", 22: "gta5"}  # as released, k classes are drawn with the colours of k + 2


def data(case: Case) -> Results:
    """Kinds ``data_ade20k``, ``data_deepfashion`` and ``data_gta5``: pictures, maps and loss masks, item by item."""
    inputs, space = case.inputs, label_space(PRESETS[case.config["dataset"]].space)
    options = {**case.config, "isTrain": case.config.get("phase") == "train"}
    results: dict[str, Tensor] = {}
    for item in sorted({name.partition("/")[0] for name in inputs}):
        drawn = {"crop_pos": inputs[f"{item}/crop_x_y"].tolist(), "flip": bool(inputs[f"{item}/flip"])}
        transform, placement = from_options({"opt": options, "params": drawn})
        image, class_ids = read_pair(
            Image.fromarray(inputs[f"{item}/image"].numpy()),
            inputs[f"{item}/label_png"],
            space=space,
            transform=transform,
            placement=placement,
        )
        results |= {f"{item}/image": image, f"{item}/label": class_ids, f"{item}/label_ids_in_onehot": class_ids}
        if (mask := inputs.get(f"{item}/rarity_mask_hwc")) is not None:
            results[f"{item}/loss_mask"] = mask.movedim(-1, 0)  # as released: not mirrored with the picture
    return results


def colors(case: Case) -> Results:
    """Kind ``label_colors``: the colours of n labels, and maps drawn with them."""
    results: dict[str, Tensor] = {}
    for count in case.config["n_label"]:
        ids = case.inputs[f"n{count}/label"].long()
        if count in OWN_COLORS:
            space = label_space(OWN_COLORS[count])
            palette = torch.tensor(space.palette, dtype=torch.uint8)
            drawn = space.to_colors(ids.clamp(max=space.num_classes))
        else:
            palette, drawn = label_colors(count), draw_labels(ids, count)
        results |= {f"n{count}/palette": palette, f"n{count}/rgb": drawn}
    return results


def image_to_uint8(case: Case) -> Results:
    """Kind ``image_to_uint8``."""
    return {"u8": to_uint8(case.inputs["x"])}
