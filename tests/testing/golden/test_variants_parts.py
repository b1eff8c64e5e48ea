"""Golden files of iPOSE's parts with other counts than the released ones, none among them, see `test_variants`."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from semsyn.models.ipose.released import part_net_keymap
from semsyn.nn import PartNet
from semsyn.nn.initialize import initialize
from semsyn.records.objects import Objects
from semsyn.testing.plain.ipose import plain_attention, plain_crops, plain_part_net, plain_paste_all
from tests.testing.golden.variants import Variant, check, ids, noise

CATEGORIES = (7, 9, 24)
ADE20K_INDICES = {7: 6, 9: 8, 24: 20}  # places in the list of categories
BOXES = ([4, 30, 6, 40], [20, 50, 16, 44], [0, 20, 40, 62], [2, 8, 2, 60])


def make_net(parts: int, layers: int) -> PartNet:
    torch.manual_seed(0)
    return initialize(PartNet((4, 3, 5, 6), num_parts=parts, num_layers=layers), "kaiming").eval()


def maps(categories: int, count: int, parts: int) -> Tensor:
    """c n h w part maps in coarse blocks."""
    return ids(parts, categories, count, 8, 8).repeat_interleave(8, 2).repeat_interleave(8, 3).to(torch.uint8)


def part_net(objects: int, count: int, parts: int, layers: int) -> Variant:
    net, supports = make_net(parts, layers), maps(objects, count, parts)
    mask = (ids(2, objects, 1, 8, 8).repeat_interleave(8, 2).repeat_interleave(8, 3)).float()

    def run(module: nn.Module, x: dict[str, Tensor]) -> dict[str, Tensor]:
        logits, features = plain_part_net(net, mask, supports) if objects else (mask.new_zeros(0, parts, 64, 64),) * 2
        features = features.flatten(1, 2) if objects else mask.new_zeros(0, parts * 4, 64, 64)
        return {"logits": logits, "features_s5": features[:, ::5]}

    config = {"n_support": count, "n_parts": parts, "use_coord": True, "dataset": "ade20kins"}
    inputs = {"mask": mask, "supports": supports.movedim(1, 0)}
    state = part_net_keymap().invert(net.state_dict())
    return Variant("ipose", "partnet", config, nn.Identity(), inputs, run, state=state)


def table(counts: list[int], size: tuple[int, int], original: tuple[int, int]) -> tuple[Tensor, Tensor, Objects]:
    """The original table of a batch with so many objects in each image, their map, and the objects."""
    instance_map = torch.zeros(len(counts), *size, dtype=torch.int64)
    rows = torch.zeros(len(counts), max([*counts, 1]), 7, dtype=torch.int64)
    for image, count in enumerate(counts):
        for i in range(count):
            a, b, c, d = BOXES[i]
            instance_map[image, a : b + 1, c : d + 1] = i + 1
            rows[image, i] = torch.tensor([CATEGORIES[i % 3] * 1000 + i + 1, a, b, c, d, *original])
    real = torch.cat([found[:count] for found, count in zip(rows, counts, strict=True)])
    images = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    columns: dict[str, Tensor] = {"instance_ids": real[:, 0] % 1000, "categories": real[:, 0] // 1000}
    objects = Objects.of(instance_map, images=images, **columns, boxes=real[:, 1:5], original_sizes=real[:, 5:])
    return rows, instance_map, objects


def scene(counts: list[int], *, parts: int = 9, count: int = 3, has_supports: bool = True) -> Variant:
    net, supports = make_net(parts, 3), maps(len(CATEGORIES), count, parts)
    rows, instance_map, objects = table(counts, (64, 64), (300, 200))

    def run(module: nn.Module, x: dict[str, Tensor]) -> dict[str, Tensor]:
        if not len(objects):
            zeros = noise(len(counts), 1, 64, 64) * 0
            return {"parts": zeros.expand(-1, parts, -1, -1), "features": zeros.expand(-1, parts * 4, -1, -1)[:, ::4]}
        silhouettes, _ = plain_crops(objects, instance_map)
        own = [CATEGORIES.index(c) for c in objects.categories.tolist()]
        logits, features = plain_part_net(net, silhouettes[:, None], supports[own])
        pasted = plain_paste_all(features.flatten(1, 2), objects, len(counts), mode="bilinear")
        return {"parts": plain_paste_all(logits, objects, len(counts), mode="nearest"), "features": pasted[:, ::4]}

    kept = [ADE20K_INDICES[c] for c in CATEGORIES] if has_supports else []
    config = {"dataset": "ade20kins", "H": 64, "W": 64, "n_parts": parts, "category_index_kept": kept}
    inputs = {"instance": instance_map[:, None], "crop_params": rows, "ins_num": torch.tensor(counts)}
    inputs["supports"] = supports[: len(kept)].movedim(1, 0)
    state = {f"model.{key}": t for key, t in part_net_keymap().invert(net.state_dict()).items()}
    return Variant("ipose", "partgen_scene", config, nn.Identity(), inputs, run, state=state)


def pasted(counts: list[int], size: tuple[int, int], original: tuple[int, int]) -> Variant:
    rows, instance_map, objects = table(counts, size, original)
    o = len(objects)

    def run(module: nn.Module, x: dict[str, Tensor]) -> dict[str, Tensor]:
        n = len(counts)
        silhouettes, crops = plain_crops(objects, instance_map)
        places = ADE20K_INDICES
        of = {
            name: plain_paste_all(x[name], objects, n, mode=m)
            for name, m in (("features", "bilinear"), ("parts", "nearest"))
        }
        return {
            "batch": objects.images,
            "crops": silhouettes[:, None],
            "category_index": torch.tensor([places[c] for c in objects.categories.tolist()], dtype=torch.int64),
            "resize": torch.tensor([crop.side for crop in crops], dtype=torch.int64),
            "composed_instance": plain_paste_all(torch.ones(o, 1, 64, 64), objects, n, mode="nearest"),
            "composed_features": of["features"],
            "composed_parts": of["parts"],
        }

    inputs = {"instance": instance_map[:, None], "crop_params": rows, "ins_num": torch.tensor(counts)}
    inputs |= {"features": noise(o, 2, 64, 64), "parts": noise(o, 5, 64, 64)}
    config = {"dataset": "ade20kins", "H": size[0], "W": size[1], "ins_per_image": counts}
    return Variant("ipose", "crop_paste", config, nn.Identity(), inputs, run)


def attention(dim: int, count: int) -> Variant:
    net = make_net(4, 1)
    layer = type(net.layers[0])(dim)
    initialize(layer, "kaiming")

    def run(module: nn.Module, x: dict[str, Tensor]) -> dict[str, Tensor]:
        keys, values = (x[f"support_{n}"].flatten(3).permute(1, 0, 3, 2).flatten(1, 2) for n in ("shape", "mask"))
        y = plain_attention(layer, x["query"].flatten(2).mT, keys, values)
        return {"y": y.mT.unflatten(2, x["query"].shape[2:])}

    names = {f"layers.0.{key}": t for key, t in layer.state_dict().items()}
    state = {key.removeprefix("catt0."): t for key, t in part_net_keymap().invert(names).items()}
    inputs = {"query": noise(2, dim, 3, 5)} | {f"support_{n}": noise(count, 2, dim, 3, 5) for n in ("shape", "mask")}
    config = {"dim": dim, "nhead": 1, "ffn": True, "n_support": count}
    return Variant("ipose", "cross_attention", config, nn.Identity(), inputs, run, state=state)


def supports_on_disk(count: int) -> Variant:
    """Folder 7 serves category 39, not 7; parts 2 and 3 of folder 36 become 1."""
    found = {
        f"{folder}/{i:03d}_part": ids(5, 64, 64).roll(i + folder).to(torch.uint8)
        for folder in (7, 36)
        for i in range(count + 1)
    }

    def run(module: nn.Module, x: dict[str, Tensor]) -> dict[str, Tensor]:
        folders = {f: torch.stack([x[f"{f}/{i:03d}_part"] for i in range(count)]) for f in (7, 36)}
        merged = folders[36].where((folders[36] != 2) & (folders[36] != 3), 1)
        return {"39": folders[7], "36": merged}

    config = {"n_support": count, "directories": [7, 36]}
    return Variant("ipose", "support_maps", config, nn.Identity(), found, run, info={"atol": 0, "rtol": 0})


VARIANTS: dict[str, Callable[[], Variant]] = {
    "part net, one support": lambda: part_net(2, 1, 4, 2),
    "part net, five supports": lambda: part_net(1, 5, 11, 1),
    "part net, no objects": lambda: part_net(0, 3, 9, 3),
    "scene, other counts": lambda: scene([2, 0, 4], parts=5, count=2),
    "scene without objects": lambda: scene([0, 0]),
    "scene with neither objects nor supports": lambda: scene([0], has_supports=False),
    "pasted, none in one image": lambda: pasted([0, 3], (64, 64), (1, 1)),
    "pasted, squashed": lambda: pasted([4, 1], (56, 64), (120, 333)),
    "pasted, nothing": lambda: pasted([0, 0], (64, 64), (1, 1)),
    "attention to one support": lambda: attention(6, 1),
    "attention to four supports": lambda: attention(10, 4),
    "support maps, one each": lambda: supports_on_disk(1),
    "support maps, five each": lambda: supports_on_disk(5),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_passes_and_any_changed_number_of_it_fails(name: str, tmp_path: Path) -> None:
    with torch.no_grad():
        check(VARIANTS[name]().write(tmp_path))
