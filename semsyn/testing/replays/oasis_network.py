"""Replays of OASIS' layers, generator and data."""

from dataclasses import replace
from functools import partial

import torch
from PIL import Image

from semsyn.convert.keymap import KeyMap
from semsyn.data.io.transforms import Placement
from semsyn.data.scenes.presets import ADE20K_UNKNOWN_FIRST, CITYSCAPES, COCO_UNKNOWN_FIRST
from semsyn.data.scenes.scene_folder import read_pair
from semsyn.data.spaces.label_space import label_space
from semsyn.models.oasis.config import OASISConfig
from semsyn.models.oasis.released import generator_keymap
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.spade import SPADE
from semsyn.records.condition import Condition
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays import networks
from semsyn.testing.replays.layers import dense_spade, load_part, probe_gradients, state_after

DATA_SETS = {"ade20k": ADE20K_UNKNOWN_FIRST, "coco": COCO_UNKNOWN_FIRST, "cityscapes": CITYSCAPES}

# Layers read dense planes there, noise and classes alike: nothing is in another order.
LAYER_KEYS: KeyMap = generator_keymap(OASISConfig(num_classes=1, image_size=(32, 32), code_dim=None))

NORM = ("body.0.norm_0.", "painter.stages.0.norm_0.")
BLOCK = ("body.0.", "painter.stages.0.")


def make_spade(case: Case, num_planes: int) -> partial[SPADE]:
    """The norm of a case, iPOSE's too, as a function of the channels."""
    config = case.config
    return dense_spade(
        case, num_planes, config.get("param_free_norm", "syncbatch"), config.get("ks", config.get("spade_ks"))
    )


def spade(case: Case) -> Results:
    """Kind ``spade``: one norm on dense planes."""
    config, x = case.config, case.inputs["x"].clone().requires_grad_()
    layer = make_spade(case, config["label_nc"])(config["norm_nc"])
    load_part(layer, LAYER_KEYS, case, *NORM)
    y = layer(x, Condition.of(planes=case.inputs["seg"], size=(x.shape[2], x.shape[3])))
    return {"y": y, **probe_gradients(y, {"x": x}), **state_after(layer, LAYER_KEYS, *NORM)}


def residual_block(case: Case) -> Results:
    """Kind ``g_block``: a block on dense planes."""
    config, planes, x = case.config, case.inputs["seg"], case.inputs["x"].clone().requires_grad_()
    has_spectral_norm = "conv_0.weight_orig" in case.state
    modulation = make_spade(case, planes.shape[1])
    block = ModulatedResBlock(config["fin"], config["fout"], modulation, has_spectral_norm=has_spectral_norm)
    load_part(block, LAYER_KEYS, case, *BLOCK)
    y = block(x, Condition.of(planes=planes, size=(x.shape[2], x.shape[3])))
    return {"y": y, **probe_gradients(y, {"x": x}), **state_after(block, LAYER_KEYS, *BLOCK)}


def generator(case: Case) -> Results:
    """Kind ``generator``: the picture, and the state afterwards."""
    results = networks.generator(case)
    after = {f"state_{key}": t for key, t in results.items() if key.startswith("after/")}
    return {"image": results["image"], **after}


def data(case: Case) -> Results:
    """Kinds ``data_ade``, ``data_coco`` and ``data_city``: a picture and a map as their preset reads them."""
    config = case.config
    preset = DATA_SETS[config["dataset"]]
    sizes = {name: config[name] for name in ("load_size", "crop_size", "aspect_ratio") if name in config}
    transform = replace(preset.train if case.mode == "train" else preset.test, **sizes)
    placement = Placement(config.get("crop_x", 0), config.get("crop_y", 0), flip=bool(config.get("flip", 0)))
    image, class_ids = read_pair(
        Image.fromarray(case.inputs["image"].numpy()),
        case.inputs["label"],
        space=label_space(preset.space),
        transform=transform,
        placement=placement,
    )
    return {"image": image, "label": class_ids[None].to(torch.int32)}
