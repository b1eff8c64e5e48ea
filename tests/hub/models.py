"""Small generators, and files as the original projects would have written them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semsyn import Generator
from semsyn.data import find_objects
from semsyn.labels import LabelSpace
from semsyn.models import FAMILIES, CLADEConfig, INADEConfig, IPOSEConfig, OASISConfig, SCGANConfig, SPADEConfig
from semsyn.records.layout import Layout
from semsyn.records.style import Style

SPACE = LabelSpace(name="five", classes=("a", "b", "c", "d", "e"))

CONFIGS: dict[str, Any] = {
    "spade": SPADEConfig(num_classes=5, image_size=(64, 64), width=2, hidden=8),
    "spade-edges": SPADEConfig(
        num_classes=5, image_size=(64, 128), width=2, hidden=8, upsampling="more", has_edges=True
    ),
    "spade-vae": SPADEConfig(num_classes=5, image_size=(64, 64), width=2, hidden=8, code_dim=16, has_encoder=True),
    "clade-icpe": CLADEConfig(num_classes=5, image_size=(64, 64), width=2, has_offsets=True),
    "clade-edges": CLADEConfig(num_classes=5, image_size=(64, 64), width=2, has_edges=True),
    "clade-most": CLADEConfig(num_classes=5, image_size=(128, 128), width=2, upsampling="most"),
    "inade": INADEConfig(
        num_classes=5, image_size=(64, 64), width=2, code_dim=8, instance_code_dim=4, has_encoder=True
    ),
    "inade-sketch": INADEConfig(
        num_classes=5, image_size=(64, 64), width=2, code_dim=8, instance_code_dim=4, has_sketch=True
    ),
    "oasis": OASISConfig(num_classes=5, image_size=(64, 128), width=2, hidden=8, code_dim=6),
    "ipose": IPOSEConfig(
        num_classes=5,
        image_size=(64, 64),
        width=2,
        hidden=8,
        code_dim=6,
        part_channels=4,
        part_widths=(4, 4, 4, 6),
        num_parts=4,
    ),
    "scgan": SCGANConfig(
        num_classes=5,
        image_size=(64, 64),
        width=2,
        stem_width=1,
        routing_width=4,
        norm_experts=4,
        hidden=8,
        position="pyramid",
        position_levels=3,
        code_dim=6,
        has_encoder=True,
    ),
    "scgan-edges": SCGANConfig(
        num_classes=5, image_size=(64, 128), width=2, stem_width=1, routing_width=4, hidden=8, has_edges=True
    ),
}


def make_generator(case: str = "clade-icpe", **changes: Any) -> Generator:
    """A generator with weights and statistics that matter, in evaluation mode."""
    torch.manual_seed(0)
    config = replace(CONFIGS[case], **changes)
    generator = config.build()
    for key, tensor in generator.state_dict().items():
        if key.endswith(("running_mean", "bias", "beta", "affine")):
            tensor.copy_(torch.randn_like(tensor) * 0.3)
        elif key.endswith("running_var"):
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    generator.train()
    for module in generator.modules():
        if isinstance(module, nn.Conv2d):
            _ = module.weight  # one power iteration, so that u and v belong to the weight
    return generator.eval()


def paint(generator: Generator) -> Tensor:
    """A picture that depends on all weights but the encoder's."""
    h, w = generator.image_size
    label_map = torch.arange(5).repeat_interleave(h * w // 4)[: h * w].reshape(1, h, w)
    label_map[:, h // 4 : h // 2, w // 3 :] = 4
    planes = torch.linspace(0, 1, h * w).reshape(1, 1, h, w) if "planes" in generator.requires else None
    objects = find_objects(label_map[0], convention={1: 7, 4: 9}) if "objects" in generator.requires else None
    layout = Layout.of(label_map, label_map, space=SPACE, requires=generator.requires, planes=planes, objects=objects)
    style: Style = generator.sample_style(layout, seeds=[3])
    with torch.no_grad():
        return generator(layout, style)


def write_originals(generator: Generator, folder: Path, epoch: str = "latest") -> Path:
    """Write ``<epoch>_net_G.pth`` (OASIS, iPOSE: ``<epoch>_EMA.pth``) and, of an encoder, ``<epoch>_net_E.pth``."""
    family = generator.config.family
    released, state = FAMILIES[family].released, generator.state_dict()
    encoder = {key.removeprefix("encoder."): tensor for key, tensor in state.items() if key.startswith("encoder.")}
    ours = {key: tensor for key, tensor in state.items() if not key.startswith("encoder.")}
    folder.mkdir(parents=True, exist_ok=True)
    name = "EMA" if family in ("oasis", "ipose") else "net_G"
    torch.save(released.keymap(generator.config).invert(ours), folder / f"{epoch}_{name}.pth")
    if encoder and released.encoder is not None:
        torch.save(released.encoder.invert(encoder), folder / f"{epoch}_net_E.pth")
    return folder


def write_options(folder: Path, **options: object) -> None:
    """Write an ``opt.txt`` as the original training scripts do."""
    lines = [f"{name:>25}: {value!s:<30}\t[default: x]" for name, value in options.items()]
    text = "\n".join(["----------------- Options ---------------", *lines, "----------------- End -------------------"])
    (folder / "opt.txt").write_text(text)
