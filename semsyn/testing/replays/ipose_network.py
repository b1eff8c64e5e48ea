"""Replays of iPOSE: objects, the modulation by parts, the generator."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from semsyn.data.parts.part_categories import CATEGORIES
from semsyn.data.parts.part_supports import NUM_PARTS
from semsyn.generator.generator import Generator
from semsyn.models.ipose.config import IPOSEConfig
from semsyn.models.ipose.released import CONVENTIONS, generator_keymap, part_net_from_released
from semsyn.nn.parts.object_paste import object_owners, paste_objects
from semsyn.nn.parts.part_modulation import PartModulation
from semsyn.nn.parts.part_supports import PartSupports
from semsyn.nn.parts.scene_parts import SceneInference
from semsyn.nn.parts.support_memory import SupportMemory
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.records.condition import Condition, Parts
from semsyn.records.layout import Layout
from semsyn.records.objects import CROP_SIZE, Objects
from semsyn.records.style import Style
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.layers import load_part, probe_gradients, read_norm, state_after
from semsyn.testing.replays.networks import build, keymap_of
from semsyn.testing.replays.oasis_network import BLOCK, make_spade

# Layers read dense planes there, noise and classes alike: nothing is in another order.
LAYER_KEYS = generator_keymap(IPOSEConfig(num_classes=1, image_size=(32, 32), code_dim=None))


def categories_of(case: Case) -> Sequence[int]:
    """The category list that indices of the case count in."""
    return CATEGORIES[CONVENTIONS[case.config["dataset"]]]


def objects_of(case: Case) -> Objects:
    """The objects that the original table (category · 1000 + id, box, original size) describes. Their silhouettes
    are empty where there is no instance map."""
    inputs = case.inputs
    counts = inputs["ins_num"].tolist()
    rows = torch.cat([table[:count] for table, count in zip(inputs["crop_params"], counts, strict=True)])
    has_raw_ids = case.config["dataset"] == "cityscapesins"
    instance_map = inputs["instance"] if "instance" in inputs else torch.full_like(inputs["image"][:, :1], -1)
    return Objects.of(
        instance_map[:, 0].long(),
        images=torch.arange(len(counts)).repeat_interleave(torch.tensor(counts)),
        instance_ids=rows[:, 0] if has_raw_ids else rows[:, 0] % 1000,
        categories=rows[:, 0] // 1000,
        boxes=rows[:, 1:5],
        original_sizes=rows[:, 5:],
    )


def supports_of(case: Case) -> PartSupports:
    """The support maps of the categories that the case keeps, perhaps of none; such a file may lack the maps, or hold
    one that is of no category."""
    known, config = categories_of(case), case.config
    kept = [known[index] for index in config.get("category_index_kept", ())]
    maps = case.inputs.get("supports", torch.zeros(config.get("n_support", 3), 0, CROP_SIZE, CROP_SIZE))
    return PartSupports.of(maps.movedim(1, 0)[: len(kept)], kept)


def teach(net: Generator, case: Case) -> Generator:
    """Attach the support maps of the case."""
    return net.attach("supports", supports_of(case))


def crop_paste(case: Case) -> Results:
    """Kind ``crop_paste``: silhouettes and where they belong, then patches pasted back."""
    objects, inputs = objects_of(case), case.inputs
    frame = objects.frame
    known = torch.tensor(categories_of(case))
    top, left = frame.padding.unbind(1)
    place: dict[str, Any] = {"num_images": len(inputs["instance"]), "size": objects.map_size}
    owners = object_owners(objects.silhouettes, objects.images, frame, **place)
    pasted = {
        name: paste_objects(inputs[name], objects.silhouettes, objects.images, frame, mode=mode, **place)
        for name, mode in (("features", "bilinear"), ("parts", "nearest"))
    }
    return {
        "batch": objects.images,
        "crops": objects.silhouettes[:, None],
        "category_index": (objects.categories[:, None] == known).long().argmax(1),
        "location": torch.cat([frame.windows, objects.original_sizes], dim=1),
        "crop": torch.stack([top, -top, left, -left], dim=1),
        "resize": frame.sides,
        "composed_instance": (owners >= 0)[:, None],
        "composed_features": pasted["features"],
        "composed_parts": pasted["parts"],
    }


def scene(case: Case) -> Results:
    """Kind ``partgen_scene``: PartNet over a scene; every fourth channel of the pasted features."""
    network = part_net_from_released(case.state, "model.", num_parts=case.config.get("n_parts", NUM_PARTS))
    memory = SupportMemory()
    memory.attach(supports_of(case))
    objects = objects_of(case)
    found, _ = SceneInference(network, memory)(objects, len(case.inputs["instance"]))
    objects = objects[memory.has(objects.categories)]
    parts = network(objects.silhouettes[:, None], memory.encode(network, objects.categories), objects.categories)
    features = paste_objects(
        parts.features.flatten(1, 2),
        objects.silhouettes,
        objects.images,
        objects.frame,
        num_images=len(case.inputs["instance"]),
        size=objects.map_size,
    )
    return {"features": features[:, ::4], "parts": found.part_logits}


def parts_of(case: Case, size: tuple[int, int]) -> Condition:
    """What the original layers read besides x, at its size."""
    mask, inputs = case.inputs.get("mask"), case.inputs
    parts = Parts(noise=inputs["part_nos"], features=inputs.get("part"), mask=None if mask is None else mask > 0)
    return Condition.of(planes=inputs.get("seg"), parts=parts, size=size)


def make_modulation(case: Case, part: str = "") -> partial[PartModulation]:
    """The modulation by parts of a case, whose keys begin with ``part``, as a function of the channels."""
    weight = case.state[f"{part}mlp_shared.0.weight"]
    norm = read_norm(case.config, case.config.get("param_free_norm", "syncbatch"))
    return partial(PartModulation, part_channels=weight.shape[1], hidden=weight.shape[0], norm=norm)


def part_modulation(case: Case) -> Results:
    """Kind ``psm``."""
    x = case.inputs["x"].clone().requires_grad_()
    layer = make_modulation(case)(x.shape[1])
    prefixes = ("body.0.norm_p.", "painter.stages.0.norm_p.")
    load_part(layer, LAYER_KEYS, case, *prefixes)
    y = layer(x, parts_of(case, (x.shape[2], x.shape[3])))
    return {"y": y, **probe_gradients(y, {"x": x}), **state_after(layer, LAYER_KEYS, *prefixes)}


def residual_block(case: Case) -> Results:
    """Kind ``g_block`` of iPOSE."""
    config, x = case.config, case.inputs["x"].clone().requires_grad_()
    block = ModulatedResBlock(
        config["fin"],
        config["fout"],
        make_spade(case, case.inputs["seg"].shape[1]),
        front_modulation=make_modulation(case, "norm_p."),
        has_spectral_norm="conv_0.weight_orig" in case.state,
    )
    load_part(block, LAYER_KEYS, case, *BLOCK)
    y = block(x, parts_of(case, (x.shape[2], x.shape[3])))
    return {"y": y, **probe_gradients(y, {"x": x}), **state_after(block, LAYER_KEYS, *BLOCK)}


def layout_of(case: Case) -> Layout:
    """The layout that original ids and the original table describe."""
    return Layout(class_ids=case.inputs["label"][:, 0].long(), objects=objects_of(case))


def noise_of(net: Generator, z: Tensor | None, z_part: Tensor) -> Style:
    """Both kinds of noise; z is a vector per picture, or a map."""
    return net.style(parts=z_part) if z is None else net.style(noise=z, parts=z_part)


def generator(case: Case) -> Results:
    """Kind ``generator`` of iPOSE: the picture, the part logits, and the state afterwards."""
    net = teach(build(case), case)
    synthesis = net.synthesize(layout_of(case), noise_of(net, case.inputs.get("z"), case.inputs["z_part"]))
    after = keymap_of(net).invert(net.state_dict())
    return {
        "image": synthesis.image,
        "part": synthesis["parts"].part_logits,
        **{f"state_after/{key}": tensor for key, tensor in after.items()},
    }
