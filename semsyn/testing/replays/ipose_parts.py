"""Replays of PartNet: its layers, inference, training branches, support maps and data."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from semsyn.data.parts.part_categories import CATEGORIES
from semsyn.data.parts.part_colors import PART_COLORS
from semsyn.data.parts.part_shapes import PartShapes, ShapePlacement
from semsyn.data.parts.part_supports import NUM_PARTS, read_supports
from semsyn.errors import InputError
from semsyn.models.ipose.part_branches import part_net_branches
from semsyn.models.ipose.released import part_net_from_released, part_net_keymap
from semsyn.nn.parts.cross_attention import CrossAttention
from semsyn.nn.parts.part_coder import PartDecoder, PartEncoder
from semsyn.nn.parts.part_net import PartNet
from semsyn.nn.parts.part_supports import PartSupports
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.layers import load_part


def part_encoder(case: Case) -> Results:
    """Kind ``encoder`` of iPOSE."""
    a, b, c, d = (case.state[f"enc{i}.0.weight"].shape[0] for i in range(4))
    encoder = PartEncoder(case.state["enc0.0.weight"].shape[1], (a, b, c, d))
    load_part(encoder, part_net_keymap(), case, "shape_encoder.", "shape_encoder.")
    return {"y": encoder(case.inputs["x"])}


def part_decoder(case: Case) -> Results:
    """Kind ``decoder``."""
    c, b, a = (case.state[f"dec{i}.0.weight"].shape[1] for i in (1, 2, 3))
    decoder = PartDecoder(case.state["dec1.0.weight"].shape[0], (a, b, c, 0))
    load_part(decoder, part_net_keymap(), case, "decoder.", "decoder.")
    return {"y": decoder(case.inputs["x"])}


def cross_attention(case: Case) -> Results:
    """Kind ``cross_attention``: supports are n_support b c h w."""
    query, h = case.inputs["query"], case.inputs["query"].shape[2]
    layer = CrossAttention(query.shape[1])
    load_part(layer, part_net_keymap(), case, "catt0.", "layers.0.")
    keys, values = (
        case.inputs[f"support_{name}"].flatten(3).permute(1, 0, 3, 2).flatten(1, 2) for name in ("shape", "mask")
    )
    tokens = query.flatten(2).mT
    attended = layer.weigh(tokens, *layer.project_keys(keys)) @ layer.project_values(values)
    return {"y": layer(tokens, attended).mT.unflatten(2, (h, -1))}


def part_net(case: Case) -> Results:
    """Kind ``partnet``: inference, or the two branches of training."""
    if not case.config.get("use_coord", True):
        raise InputError("a PartNet that sees no coordinates has no counterpart: as released it is inconsistent.")
    num_parts = len(case.inputs["perm"]) if "perm" in case.inputs else NUM_PARTS
    network = part_net_from_released(case.state, num_parts=case.config.get("n_parts", num_parts))
    maps = case.inputs["supports"].movedim(1, 0)  # every object has supports of its own here
    supports, categories = PartSupports.of(maps, range(len(maps))), torch.arange(len(maps))
    if "mask" not in case.inputs:
        return _branches(case, network, supports, categories)
    parts = network(case.inputs["mask"], network.encode_supports(supports), categories)
    return {"logits": parts.logits, "features_s5": parts.features.flatten(1, 2)[:, ::5]}


def _branches(case: Case, network: PartNet, supports: PartSupports, categories: Tensor) -> Results:
    part_ids, permutation = case.inputs["part"][:, 0].long(), case.inputs["perm"]
    branches = part_net_branches(
        network, part_ids[:, None] > 0, part_ids, categories, supports, replaced=int(case.inputs["t"])
    )
    named = dict(zip(("syn", "rec"), branches, strict=True))
    results = {f"x_{name}": branch.logits[:, permutation] for name, branch in named.items()}
    if case.mode != "train":
        return results
    for name, branch in named.items():
        results |= {f"bce_{name}": branch.binary, f"ce_{name}": branch.multiclass}
    total = torch.stack([branch.binary + branch.multiclass for branch in branches]).sum()
    parameters = part_net_keymap().invert(dict(network.named_parameters()))
    leaves = [*(branch.logits for branch in branches), *parameters.values()]
    on_logits, gradients = (g := torch.autograd.grad(total, leaves))[:2], g[2:]
    return {
        **results,
        "total": total,
        **{f"grad/x_{name}": grad[:, permutation] for name, grad in zip(named, on_logits, strict=True)},
        **{f"gradnorm/{key}": grad.norm() for key, grad in zip(parameters, gradients, strict=True)},
    }


def support_maps(case: Case) -> Results:
    """Kind ``support_maps``: every category whose folder is there."""
    count = case.config["n_support"]
    with TemporaryDirectory() as root:
        for name, part_map in case.inputs.items():
            _save(part_map, Path(root) / "support_shape" / str(count) / f"{name}.png")
        supports = read_supports(root, count=count)
    return {str(c): maps for c, maps in zip(supports.categories.tolist(), supports.part_ids, strict=True)}


def part_shape(case: Case) -> Results:
    """Kind ``data_partsplit``: an item of a folder that has one shape in each of its categories."""
    config, categories = case.config, CATEGORIES[case.config["dataset"]]
    crop = (config["crop_x"], config["crop_y"]) if "crop_x" in config else None
    placement = ShapePlacement(crop=crop, angle=config.get("angle") or 0, flip=bool(config.get("flip")))
    category, split, name = config["name"].split("/")
    with TemporaryDirectory() as root:
        for c in categories[: config["n_items"]]:
            for kind in ("label", "part"):
                _save(case.inputs[kind], Path(root) / str(c) / split / name.replace("label", kind))
        shapes = PartShapes(root, split)
        shape = shapes.read(config["index"], placement)
        weight = shapes.weight(shape["category"])
    assert shape["category"] == int(category)
    picture = Image.fromarray(case.inputs["label"].numpy()).convert("RGB")
    levels = np.array(placement.apply(picture, Image.Resampling.BICUBIC), dtype=np.float32)
    return {
        "label": shape["silhouette"].expand(3, -1, -1),
        "part": shape["part_ids"][None],
        "cat": torch.tensor(categories.index(shape["category"])),
        "w": torch.tensor(weight),
        "color": torch.from_numpy(levels).permute(2, 0, 1) / 255 * 2 - 1,
    }


def _save(ids: Tensor, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ids.numpy()).save(path)


def part_colors(case: Case) -> Results:
    """Kind ``part_colormap``."""
    return {"cmap_9": torch.tensor(PART_COLORS, dtype=torch.uint8)}
