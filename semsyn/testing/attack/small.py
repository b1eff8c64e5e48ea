"""Networks of every family that are as small as they can be, and their original files."""

from dataclasses import fields
from functools import cache

import torch
from torch import Tensor

from semsyn.generator.config import Config
from semsyn.generator.generator import Generator
from semsyn.models import FAMILIES
from semsyn.models.card import Card

SMALL = {
    "num_classes": 3,
    "image_size": (64, 64),
    "width": 2,
    "hidden": 4,
    "code_dim": 4,
    "instance_code_dim": 2,
    "stem_width": 1,
    "routing_width": 2,
    "part_channels": 2,
    "part_widths": (2, 2, 2, 3),
    "num_parts": 3,
}


def small_config(family: str) -> Config:
    """A small config of a family."""
    config = FAMILIES[family].config
    return config.from_dict({field.name: SMALL[field.name] for field in fields(config) if field.name in SMALL})


@cache
def small_generator(family: str) -> Generator:
    """A generator of that config; not to be changed."""
    torch.manual_seed(0)
    generator: Generator = small_config(family).build().eval()
    return generator


def small_card(family: str) -> Card:
    """What is known of that generator."""
    return Card(name=f"{family}/small", config=small_config(family))


def small_state(family: str) -> dict[str, Tensor]:
    """The state of that generator in the words of its authors; tensors of one's own."""
    generator = small_generator(family)
    state = FAMILIES[family].released.invert(generator.config, generator.state_dict())["generator"]
    return {key: tensor.detach().clone() for key, tensor in state.items()}
