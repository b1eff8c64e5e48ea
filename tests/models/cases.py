"""One small config per kind of generator, and what to feed it with."""

from typing import Any

import torch
from torch import Tensor

from semsyn.layout import Layout
from semsyn.models import CLADEConfig, Generator, INADEConfig, SPADEConfig, family_of

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
}


def make_generator(case: str) -> Generator:
    """A generator with statistics and weights that matter, in evaluation mode."""
    torch.manual_seed(0)
    generator = family_of(CONFIGS[case]).build(CONFIGS[case])
    for key, tensor in generator.state_dict().items():
        if key.endswith(("running_mean", "bias", "beta")):
            tensor.copy_(torch.randn_like(tensor) * 0.3)
        elif key.endswith("running_var"):
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    return generator.eval()


def make_layout(generator: Generator, n: int = 3, size: tuple[int, int] = (64, 64)) -> Layout:
    """Blocks of classes, two instances of each at most, "no class" among them."""
    rng = torch.Generator().manual_seed(1)
    rows, columns = ((torch.arange(side) * 4) // side for side in size)
    label_map = torch.randint(6, (n, 4, 4), generator=rng)[:, rows[:, None], columns]
    instance_map = torch.randint(4, (n, 4, 4), generator=rng)[:, rows[:, None], columns]
    instance_map[0, 0, 0] = 3
    instance_map[1:2] = instance_map[1:2].where(instance_map[1:2] != 2, 0)  # the second image lacks instance 2
    planes = torch.rand(n, 1, *size, generator=rng) if "planes" in generator.requires else None
    return Layout.of(label_map, instance_map, space=5, requires=generator.requires, planes=planes)


def make_images(generator: Generator, n: int = 3) -> Tensor:
    return torch.rand(n, 3, *generator.image_size, generator=torch.Generator().manual_seed(2)) * 2 - 1
