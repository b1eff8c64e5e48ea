"""Inputs that tests and benchmarks share: untrained generators whose pictures tell, scenes, arguments of operations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from semsyn.data.parts.part_categories import TOYSCENES_CLASSES
from semsyn.data.scenes.objects import find_objects
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes.classes import CLASSES
from semsyn.data.toyscenes.scene import draw_scenes
from semsyn.functional.maps import dense_ids
from semsyn.generator.generator import Generator
from semsyn.labels import LabelSpace
from semsyn.models import find_card
from semsyn.models.ipose.config import IPOSEConfig
from semsyn.nn.clade import CLADE
from semsyn.nn.inade import INADE
from semsyn.nn.initialize import initialize
from semsyn.nn.label_conv import LabelConv2d
from semsyn.nn.norms import BatchNorm
from semsyn.nn.parts.part_modulation import PartAffine
from semsyn.nn.parts.part_net import PartNet
from semsyn.nn.parts.part_supports import PartSupports
from semsyn.nn.routing.spatially_conditional_norm import SpatiallyConditionalNorm
from semsyn.nn.spade import SPADE
from semsyn.records.layout import Layout
from semsyn.records.objects import Objects

POWER_ITERATIONS = 5


def untrained(
    name: str, *, width: int | None = None, image_size: tuple[int, int] | None = None, seed: int = 0
) -> Generator:
    """The generator of a card in evaluation mode, with random weights that leave nothing out.

    Running statistics, biases and tables are random, spectral norms are near their true values, and gains are large
    enough that the layout and the codes show in the picture (an ordinary initialisation gives a flat grey).

    Args:
        name: of a card; its weights are not used.
        width: base channel count; None: the card's.
        image_size: (h, w); None: the card's.
        seed: of the weights.
    """
    card = find_card(name)
    changes = {"width": width, "image_size": image_size}
    config: Any = replace(card.config, **{field: value for field, value in changes.items() if value is not None})  # type: ignore[arg-type]
    if width is not None and getattr(config, "encoder_width", None) is not None:
        config = replace(config, encoder_width=width)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = config.build()
        randomize(initialize(generator, "kaiming"))
    if isinstance(config, IPOSEConfig):
        generator.attach("supports", block_supports(config.num_parts, config.num_supports))
    generator.label_space = None if card.label_space is None else label_space(card.label_space)
    return generator.eval()


@torch.no_grad()
def randomize(network: nn.Module) -> nn.Module:
    """Give statistics, biases, tables and label convolutions of an initialised network values that matter, in place."""
    for module in network.modules():
        if isinstance(module, PartNet):  # large weights would sharpen its attention until rounding errors show
            module.apply(_reset)
    for module in network.modules():
        if isinstance(bias := getattr(module, "bias", None), Tensor):
            bias.normal_(0, 0.1)
        if isinstance(module, BatchNorm):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 1.5)
        elif isinstance(module, LabelConv2d):
            module.weight.normal_(0, 1 / 3)  # nine taps of a one-hot map sum up to variance one
            module.weight[:, module.num_classes :] /= max(1, module.num_planes) ** 0.5  # and those of all planes
        elif isinstance(module, SPADE | PartAffine):
            for conv in (module.gamma, module.beta):
                conv.weight.mul_(0.4)
        elif isinstance(module, CLADE):
            module.gamma.uniform_(0.5, 1.5)
            module.beta.normal_(0, 0.4)
            for gain in (module.gamma_gain, module.beta_gain):
                if gain is not None:
                    gain.weight.normal_(0, 0.4)
        elif isinstance(module, SpatiallyConditionalNorm):
            module.affine.normal_(0, 0.4)
        elif isinstance(module, INADE):
            module.weight.uniform_(0, 0.5)
            module.bias[..., 0].uniform_(0.5, 1.5)
    for module in network.modules():
        if parametrize.is_parametrized(module, "weight"):
            _iterate(module)
    return network


def _reset(module: nn.Module) -> None:
    """A layer's own initialisation, in place."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.LayerNorm):
        module.reset_parameters()


def _iterate(module: nn.Module) -> None:
    """Fresh u and v would divide the weight by a singular value far too small."""
    was_training = module.training
    module.train()
    for _ in range(POWER_ITERATIONS):
        _ = module.weight
    module.train(was_training)


def procedural_layout(generator: Generator, indices: Sequence[int], *, size: tuple[int, int] | None = None) -> Layout:
    """Drawn scenes as a layout of one batch, with every field that the generator may need.

    Toyscenes has 15 classes; their ids are spread over the generator's. Shapes have smooth outlines, so there are fewer
    distinct label windows than in photographs.
    """
    size = size or generator.image_size
    scenes = draw_scenes(indices, size=size)
    objects = None
    if "objects" in generator.requires:
        pairs = zip(scenes.instance_ids, scenes.class_ids, strict=True)
        found = [find_objects(instances, classes, convention="toyscenes") for instances, classes in pairs]
        objects = Objects.cat(found, [1] * len(found))
    count = generator.config.num_classes
    ids = torch.from_numpy(scenes.class_ids)
    ids = ids * ((count - 1) // (len(CLASSES) - 1)) if count >= len(CLASSES) else ids % count
    return given_layout(generator, ids, torch.from_numpy(scenes.instance_ids), size=size, objects=objects)


def given_layout(
    generator: Generator,
    label_map: Tensor,
    instance_map: Tensor | None = None,
    *,
    size: tuple[int, int] | None = None,
    objects: Objects | None = None,
) -> Layout:
    """What a data set gives for a generator: maps at the picture's size, dense instance ids, offsets where it needs
    them, objects (by default none). Edges are left out: finding them is part of what is measured."""
    size = size or generator.image_size
    space: LabelSpace | int = generator.label_space or generator.config.num_classes
    requires = {"instance_ids"} | ({"offsets"} & set(generator.requires))
    layout = Layout.of(
        label_map,
        instance_map,
        space=space,
        size=size,
        requires=requires,
        offset_ignore=getattr(generator.config, "offset_ignore", 0),
    )
    assert layout.instance_ids is not None
    if objects is None and "objects" in generator.requires:
        objects = Objects.none(size)
    layout = replace(layout, instance_ids=dense_ids(layout.instance_ids), objects=objects)
    return layout if generator.conditioner.brings is None else replace(layout, planes=block_canvas(layout.class_ids))


def block_supports(num_parts: int, count: int = 3) -> PartSupports:
    """Support maps for the objects of toyscenes: a few blocks of parts, different ones for each category."""
    maps = torch.zeros(len(TOYSCENES_CLASSES), count, 64, 64, dtype=torch.uint8)
    for row in range(len(maps)):
        for index in range(count):
            used = 2 + row % max(1, num_parts - 2)  # parts with the background, at most all
            bands = torch.arange(48) * (used - 1) // 48 + 1
            maps[row, index, 8:56, 10 + 2 * index : 54 - 2 * row] = bands[:, None].to(torch.uint8)
    return PartSupports.of(maps, list(TOYSCENES_CLASSES.values()))


def block_canvas(class_ids: Tensor) -> Tensor:
    """A canvas to paint over, n 4 h w in [0, 1]: a colour for each class, one block of 16 pixels in nine left bare."""
    rows, columns = (torch.arange(side, device=class_ids.device) // 16 % 3 == 1 for side in class_ids.shape[1:])
    is_filled = ~(rows[:, None] & columns)
    shades = [0.05 + 0.9 * (class_ids * step % 32) / 31 for step in (5, 11, 17)]
    return torch.stack([*shades, torch.ones_like(shades[0])], dim=1) * is_filled


@dataclass(frozen=True)
class AffineCase:
    """Arguments of `semsyn.functional.indexed_affine`.

    Attributes:
        shape: n c h w of x.
        regions: rows of the tables.
        has_table_per_image: one table per image instead of one for the batch.
        has_gains: gamma_gain and beta_gain are given.
        channels_last: memory format of x.
        negative_slope: of a leaky ReLU behind it; None: there is none.
    """

    shape: tuple[int, int, int, int]
    regions: int
    has_table_per_image: bool = False
    has_gains: bool = False
    channels_last: bool = False
    negative_slope: float | None = None

    def make(
        self, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32, *, seed: int = 0
    ) -> dict[str, Tensor]:
        """Its tensors by name; the ids are patches of 8 x 8 pixels, as scenes have areas rather than noise."""
        rng = torch.Generator().manual_seed(seed)
        n, c, h, w = self.shape
        table = (n, self.regions, c) if self.has_table_per_image else (self.regions, c)
        ids = torch.randint(self.regions, (n, -(-h // 8), -(-w // 8)), generator=rng)
        ids = ids.repeat_interleave(8, 1).repeat_interleave(8, 2)[:, :h, :w].contiguous()
        floats = {"x": self.shape, "gamma": table, "beta": table}
        if self.has_gains:
            floats |= {"gamma_gain": (n, 1, h, w), "beta_gain": (n, 1, h, w)}
        made = {name: torch.randn(shape, generator=rng).to(device, dtype) for name, shape in floats.items()}
        if self.channels_last:
            made["x"] = made["x"].contiguous(memory_format=torch.channels_last)
        return {**made, "region_ids": ids.to(device)}


# Small ones, for tests of values and gradients.
AFFINE_TESTS = {
    "one-pixel": AffineCase((1, 1, 1, 1), 1),
    "odd-sizes": AffineCase((2, 5, 7, 9), 4),
    "block-edges": AffineCase((2, 17, 33, 65), 4, has_table_per_image=True),
    "absent-regions": AffineCase((1, 8, 16, 16), 300, has_table_per_image=True),
    "gains": AffineCase((2, 6, 9, 8), 5, has_gains=True),
    "channels-last": AffineCase((2, 16, 12, 10), 7, channels_last=True),
    "activation": AffineCase((2, 5, 7, 9), 4, negative_slope=0.2),
}

# Layers of the released generators, for benchmarks: batch 1 as on a CPU, and at least 64 MB as fills a GPU.
AFFINE_BENCHMARKS = {
    "c1024-32": AffineCase((1, 1024, 32, 32), 151),
    "c128-256": AffineCase((1, 128, 256, 256), 151),
    "c128-256-last": AffineCase((1, 128, 256, 256), 151, channels_last=True),
    "c128-256-pairs": AffineCase((1, 128, 256, 256), 20, has_table_per_image=True),
    "c128-256-windows": AffineCase((1, 128, 256, 256), 4096, channels_last=True),
    "c128-256-activation": AffineCase((1, 128, 256, 256), 151, channels_last=True, negative_slope=0.2),
    "c128-256-icpe": AffineCase((1, 128, 256, 256), 151, has_gains=True),
}
AFFINE_GPU_BENCHMARKS = {name: replace(case, shape=(16, *case.shape[1:])) for name, case in AFFINE_BENCHMARKS.items()}
