"""One small config per kind of generator, and what to feed it with."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from semsyn import Generator, LabelSpace
from semsyn.data import SegmentBank, find_objects
from semsyn.data.bank.build import build_bank
from semsyn.data.bank.manifest import BankConfig
from semsyn.models import (
    CLADEConfig,
    CLVAEConfig,
    INADEConfig,
    IPOSEConfig,
    OASISConfig,
    SCGANConfig,
    SIMSConfig,
    SPADEConfig,
)
from semsyn.nn import PartSupports
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.records.layout import Layout
from semsyn.records.objects import Objects

_SMALL: dict[str, Any] = {"num_classes": 5, "image_size": (64, 64), "width": 1}
_CODES: dict[str, Any] = {"code_dim": 6, "instance_code_dim": 4}

CONFIGS: dict[str, Any] = {
    "spade": SPADEConfig(**_SMALL, hidden=4),
    "spade-edges": SPADEConfig(**_SMALL | {"image_size": (64, 128)}, hidden=4, has_edges=True, upsampling="more"),
    "spade-vae": SPADEConfig(**_SMALL, hidden=4, code_dim=6, has_encoder=True),
    "spade-most": SPADEConfig(**_SMALL | {"image_size": (128, 128), "width": 2}, hidden=4, upsampling="most"),
    "clade": CLADEConfig(**_SMALL, norm="batch"),
    "clade-edges": CLADEConfig(**_SMALL, has_edges=True, norm="instance"),
    "clade-icpe": CLADEConfig(**_SMALL, has_edges=True, has_offsets=True),
    "clade-vae": CLADEConfig(**_SMALL, code_dim=6, has_encoder=True),
    "inade": INADEConfig(**_SMALL, **_CODES),
    "inade-encoder": INADEConfig(**_SMALL | {"image_size": (64, 96)}, **_CODES, has_encoder=True, encoder_width=2),
    "inade-sketch": INADEConfig(**_SMALL, **_CODES, has_sketch=True),
    "oasis": OASISConfig(**_SMALL, hidden=4, code_dim=6),
    "oasis-wide": OASISConfig(**_SMALL | {"image_size": (64, 128)}, hidden=4, code_dim=3, norm="instance"),
    "oasis-plain": OASISConfig(**_SMALL, hidden=4, code_dim=None, norm="batch", has_spectral_norm=False),
}

_CLASS_CODES: dict[str, Any] = {"hidden": 4, "code_dim": 6, "class_code_dim": 4}
CONFIGS |= {
    "clvae": CLVAEConfig(**_SMALL, **_CLASS_CODES),
    "clvae-encoder": CLVAEConfig(
        **_SMALL | {"image_size": (64, 128)},
        **_CLASS_CODES | {"class_code_dim": None},
        upsampling="more",
        norm="batch",
        has_encoder=True,
        encoder_width=2,
        encoder_size=128,
    ),
    "clvae-most": CLVAEConfig(
        **_SMALL | {"image_size": (128, 128), "width": 2}, **_CLASS_CODES | {"hidden": 8}, upsampling="most"
    ),
    "clvae-plain": CLVAEConfig(**_SMALL, hidden=4, code_dim=None),
}

_PARTS: dict[str, Any] = {"hidden": 4, "part_channels": 4, "part_widths": (4, 4, 4, 6), "num_parts": 4}
CONFIGS |= {
    "ipose": IPOSEConfig(**_SMALL, **_PARTS, code_dim=3),
    "ipose-wide": IPOSEConfig(**_SMALL | {"image_size": (64, 128)}, **_PARTS, code_dim=None, norm="instance"),
}

_EXPERTS: dict[str, Any] = {"hidden": 4, "stem_width": 1, "routing_width": 4}
CONFIGS |= {
    "scgan": SCGANConfig(**_SMALL, **_EXPERTS, norm_experts=4),
    "scgan-vae": SCGANConfig(
        **_SMALL,
        **_EXPERTS,
        has_routing_spectral_norm=False,
        position="pyramid",
        position_levels=3,
        code_dim=6,
        has_encoder=True,
    ),
    "scgan-edges": SCGANConfig(
        **_SMALL | {"image_size": (64, 128)},
        **_EXPERTS,
        conv_experts=2,
        routing_activation="sigmoid",
        upsampling="more",
        norm="batch",
        has_edges=True,
        position="map",
    ),
}
CONFIGS["sims"] = SIMSConfig(
    **_SMALL | {"image_size": (64, 64)},
    transform_width=1,
    order_width=1,
    candidates=2,
    inner_band=2,
    shade_band=3,
    leak_band=3,
    outer_band=3,
)
_FOLDERS: list[Any] = []
CATEGORIES = {1: 7, 2: 9, 3: 8}  # of instances; 8 has no support maps, instance 0 is no object


def make_generator(case: str) -> Generator:
    """A generator with statistics and weights that matter, in evaluation mode."""
    torch.manual_seed(0)
    generator = CONFIGS[case].build()
    for key, tensor in generator.state_dict().items():
        if key.endswith(("running_mean", "bias", "beta", "affine")):
            tensor.copy_(torch.randn_like(tensor) * 0.3)
        elif key.endswith("running_var"):
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    return attach_resources(generator).eval()


def attach_resources(generator: Generator) -> Generator:
    """What it works with beside its weights, where it needs something."""
    if isinstance(generator.config, IPOSEConfig):
        generator.attach("supports", make_supports())
    if isinstance(generator.config, SIMSConfig):
        generator.attach("bank", make_bank())
    return generator


class _Blocks:
    """Scenes of blocks, no class among them."""

    names = tuple("abcdef")

    def read(self, index: int, config: BankConfig) -> tuple[Tensor, Tensor]:
        rng = torch.Generator().manual_seed(index)
        label_map = torch.randint(6, (4, 4), generator=rng).repeat_interleave(16, 0).repeat_interleave(16, 1)
        return torch.randint(1, 256, (3, 64, 64), generator=rng).to(torch.uint8), label_map


@cache
def make_bank() -> SegmentBank:
    """Some scenes of five classes."""
    space = LabelSpace(name="five", classes=tuple("abcde"), palette=tuple((50 * i, 9, 200) for i in range(5)))
    groups = ClassGroups(
        num_classes=5, planar=(1,), objects=(3, 4), casters=(3,), shaded=(1,), outlined=(4,), ground=(1,)
    )
    folder = tempfile.TemporaryDirectory()
    _FOLDERS.append(folder)  # as long as the tests run
    config = BankConfig(space=space, groups=groups, size=(64, 64))
    return build_bank(Path(folder.name) / "bank", _Blocks(), config, workers=0)


def make_supports() -> PartSupports:
    """A few blocks of parts for two categories; neither has part 3."""
    maps = torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
    maps[:, :, 8:56, 16:48] = 1
    for index in range(3):
        maps[:, index, 8 : 24 + 4 * index] *= 2
    maps[1] = maps[1].mT.clone()
    return PartSupports.of(maps, [7, 9])


def make_layout(generator: Generator, n: int = 3, size: tuple[int, int] = (64, 64)) -> Layout:
    """Blocks of classes, two instances of each at most, "no class" among them."""
    rng = torch.Generator().manual_seed(1)
    rows, columns = ((torch.arange(side) * 4) // side for side in size)
    label_map = torch.randint(6, (n, 4, 4), generator=rng)[:, rows[:, None], columns]
    instance_map = torch.randint(4, (n, 4, 4), generator=rng)[:, rows[:, None], columns]
    instance_map[0, 0, 0] = 3
    instance_map[1:2] = instance_map[1:2].where(instance_map[1:2] != 2, 0)  # the second image lacks instance 2
    planes = torch.rand(n, 1, *size, generator=rng) if "planes" in generator.requires else None
    objects = make_objects(instance_map) if "objects" in generator.requires else None
    return Layout.of(label_map, instance_map, space=5, requires=generator.requires, planes=planes, objects=objects)


def make_objects(instance_map: Tensor) -> Objects:
    """The instances 1, 2 and 3 of every image."""
    present = [{i: c for i, c in CATEGORIES.items() if (ids == i).any()} for ids in instance_map]
    found = [find_objects(ids, convention=c) for ids, c in zip(instance_map, present, strict=True)]
    return Objects.cat(found, [1] * len(found))


def make_images(generator: Generator, n: int = 3) -> Tensor:
    return torch.rand(n, 3, *generator.image_size, generator=torch.Generator().manual_seed(2)) * 2 - 1
