"""Golden files of whole generators with other options than the released ones, see `test_variants`. What is expected is
what the plain forms make of the same weights.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from semsyn.functional import edges, region_offsets
from semsyn.generator.config import Config
from semsyn.models import CLADEConfig, INADEConfig, IPOSEConfig, OASISConfig, SCGANConfig, SPADEConfig, get_family
from semsyn.models.inade.released import ENCODER
from semsyn.nn.encoders.instance import InstanceEncoder
from semsyn.nn.initialize import initialize
from semsyn.records.layout import Layout
from semsyn.records.objects import Objects
from semsyn.testing.cases import randomize
from semsyn.testing.plain.inade import plain_encode
from semsyn.testing.plain.maps import one_hot
from semsyn.testing.plain.plain import plain_forward
from tests.models.cases import make_supports
from tests.testing.golden import originals as o
from tests.testing.golden.variants import Variant, check, ids, noise


def generator(
    config: Config, options: dict[str, Any], layout: Layout, inputs: dict[str, Tensor], **codes: Tensor
) -> Variant:
    """The file of a generator.

    Args:
        config: of it, in our words.
        options: the same in the original's.
        layout: what it paints.
        inputs: the same as the original takes it, and the codes.
        **codes: by our names.
    """
    torch.manual_seed(0)
    net = randomize(initialize(config.build(), "kaiming")).eval()
    if layout.objects is not None:
        net.attach("supports", make_supports())
    run: Callable[[Any, Any], dict[str, Tensor]] = lambda module, x: {  # noqa: E731
        "image": plain_forward(net, layout, net.style(**codes))
    }
    variant = Variant(config.family, "generator", options, nn.Identity(), inputs, run)
    variant.state = get_family(config.family).released.invert(net.config, net.state_dict())["generator"]
    return variant


OPTIONS: dict[str, Any] = {"contain_dontcare_label": False, "aspect_ratio": 1.0, "num_upsampling_layers": "normal"}


def semantics(layout: Layout, count: int) -> Tensor:
    planes = one_hot(layout.class_ids, count)
    return planes if layout.edges is None else torch.cat([planes, layout.edges[:, None].float()], 1)


def spade_of_instances() -> Variant:
    config = SPADEConfig(
        num_classes=4,
        image_size=(64, 64),
        width=2,
        hidden=6,
        norm="instance",
        kernel_size=5,
        has_spectral_norm=False,
        has_edges=True,
    )
    options = {
        **OPTIONS,
        "label_nc": 3,
        "contain_dontcare_label": True,
        "no_instance": False,
        "ngf": 2,
        "crop_size": 64,
    }
    options |= {"norm_G": "spadeinstance5x5", "use_vae": False}
    layout = Layout(class_ids=ids(4, 1, 40, 56), edges=edges(ids(9, 1, 40, 56)))
    return generator(config, options, layout, {"seg": semantics(layout, 4)})


def spade_of_most_stages() -> Variant:
    config = SPADEConfig(num_classes=3, image_size=(128, 128), width=2, hidden=6, upsampling="most", norm="batch")
    options = {
        **OPTIONS,
        "label_nc": 3,
        "no_instance": True,
        "ngf": 2,
        "crop_size": 128,
        "norm_G": "spectralspadebatch3x3",
    }
    layout = Layout(class_ids=ids(3, 1, 128, 128))
    return generator(config, options | {"num_upsampling_layers": "most"}, layout, {"seg": semantics(layout, 3)})


def spade_from_a_code() -> Variant:
    size = (64, 128)
    config = SPADEConfig(
        num_classes=3, image_size=size, width=1, hidden=5, upsampling="more", norm="batch", kernel_size=1, code_dim=5
    )
    options = {**OPTIONS, "label_nc": 3, "no_instance": True, "ngf": 1, "crop_size": 128, "aspect_ratio": 2.0}
    options |= {"norm_G": "spectralspadebatch1x1", "num_upsampling_layers": "more", "use_vae": True, "z_dim": 5}
    layout, z = Layout(class_ids=ids(3, 2, *size)), noise(2, 5)
    return generator(config, options, layout, {"seg": semantics(layout, 3), "z": z}, start=z)


def clade_with_all() -> Variant:
    config = CLADEConfig(
        num_classes=5,
        image_size=(64, 64),
        width=1,
        norm="batch",
        has_edges=True,
        has_offsets=True,
        has_spectral_norm=False,
    )
    options = {**OPTIONS, "label_nc": 5, "no_instance": False, "ngf": 1, "crop_size": 64, "add_dist": True}
    options |= {"norm_G": "spadebatch3x3", "norm_mode": "clade"}
    class_ids = ids(5, 2, 8, 8).repeat_interleave(8, 1).repeat_interleave(8, 2)
    layout = Layout(class_ids=class_ids, edges=edges(class_ids), offsets=region_offsets(class_ids))
    assert layout.offsets is not None
    return generator(config, options, layout, {"seg": semantics(layout, 5), "dist": layout.offsets})


def inade_with_a_sketch() -> Variant:
    config = INADEConfig(
        num_classes=3, image_size=(64, 64), width=1, norm="instance", code_dim=4, instance_code_dim=2, has_sketch=True
    )
    options = {**OPTIONS, "label_nc": 3, "no_instance": False, "ngf": 1, "crop_size": 64, "z_dim": 4, "noise_nc": 2}
    options |= {"norm_G": "spectralspadeinstance3x3", "norm_mode": "inade", "add_sketch": True, "use_vae": False}
    layout = Layout(class_ids=ids(3, 2, 64, 64), instance_ids=ids(6, 2, 64, 64), planes=noise(2, 1, 64, 64))
    assert layout.instance_ids is not None and layout.planes is not None
    seg = torch.cat([one_hot(layout.class_ids, 3), edges(layout.instance_ids)[:, None].float()], 1)
    inputs = {"seg": seg, "instances": one_hot(layout.instance_ids, 7), "sketch": layout.planes}
    z, codes = noise(2, 4), noise(2, 7, 2, 2)  # the last id has no pixels
    return generator(config, options, layout, {**inputs, "noise_ins": z, "noise": codes}, start=z, instances=codes)


def oasis_without_noise() -> Variant:
    config = OASISConfig(
        num_classes=6,
        image_size=(64, 128),
        width=1,
        hidden=5,
        kernel_size=5,
        norm="instance",
        code_dim=None,
        has_spectral_norm=False,
    )
    options = {
        "channels_G": 1,
        "semantic_nc": 6,
        "crop_size": 128,
        "aspect_ratio": 2.0,
        "spade_ks": 5,
        "no_3dnoise": True,
    }
    options |= {"param_free_norm": "instance", "no_spectral_norm": True}
    layout = Layout(class_ids=ids(6, 2, 64, 128))
    return generator(config, options, layout, {"label": layout.class_ids[:, None]})


def oasis_with_a_noise_map() -> Variant:
    config = OASISConfig(num_classes=4, image_size=(64, 64), width=2, hidden=3, kernel_size=1, norm="batch", code_dim=5)
    options = {
        "channels_G": 2,
        "label_nc": 3,
        "contain_dontcare_label": True,
        "crop_size": 64,
        "spade_ks": 1,
        "z_dim": 5,
    }
    layout, z = Layout(class_ids=ids(4, 1, 64, 64)), noise(1, 5, 64, 64)
    inputs = {"label": layout.class_ids[:, None], "z": z}
    return generator(config, {**options, "param_free_norm": "batch"}, layout, inputs, noise=z)


def objects_of(table: list[list[int]], instance_map: Tensor, images: list[int]) -> Objects:
    rows = torch.tensor(table, dtype=torch.int64).view(-1, 7)
    return Objects.of(
        instance_map,
        images=torch.tensor(images, dtype=torch.int64),
        instance_ids=rows[:, 0] % 1000,
        categories=rows[:, 0] // 1000,
        boxes=rows[:, 1:5],
        original_sizes=rows[:, 5:],
    )


def ipose(counts: list[int], *, has_supports: bool = True, n_parts: int = 4) -> Variant:
    """A batch whose images have so many objects."""
    size, widths = (64, 64), (4, 3, 4, 5)
    config = IPOSEConfig(
        num_classes=5,
        image_size=size,
        width=1,
        hidden=4,
        kernel_size=5,
        norm="batch",
        code_dim=2,
        part_channels=6,
        part_widths=widths,
        part_layers=2,
        num_parts=n_parts,
        convention="ade20k",
    )
    options = {"channels_G": 1, "hidden": 4, "semantic_nc": 5, "z_dim": 2, "crop_size": 64, "aspect_ratio": 1.0}
    options |= {"dataset": "ade20kins", "spade_ks": 5, "param_free_norm": "batch", "n_support": 3, "part_width": 6}
    options["category_index_kept"] = [6, 8] if has_supports else []
    boxes = [[4, 30, 6, 40], [20, 50, 16, 44], [0, 20, 40, 62]]
    instance_map = torch.zeros(len(counts), *size, dtype=torch.int64)
    tables = torch.zeros(len(counts), 3, 7, dtype=torch.int64)
    for image, count in enumerate(counts):
        for i in range(count):
            a, b, c, d = boxes[i]
            instance_map[image, a : b + 1, c : d + 1] = i + 1
            tables[image, i] = torch.tensor([(7, 9, 7)[i] * 1000 + i + 1, a, b, c, d, 300 - 100 * i, 200])
    rows = [row for table, count in zip(tables.tolist(), counts, strict=True) for row in table[:count]]
    images = [image for image, count in enumerate(counts) for _ in range(count)]
    layout = Layout(class_ids=ids(5, len(counts), *size), objects=objects_of(rows, instance_map, images))
    z, z_part = noise(len(counts), 2), noise(len(counts), 5, 2, 2)
    maps = make_supports().part_ids if has_supports else torch.zeros(0, 3, 64, 64, dtype=torch.uint8)
    inputs = {
        "label": layout.class_ids[:, None],
        "instance": instance_map[:, None],
        "crop_params": tables,
        "ins_num": torch.tensor(counts),
        "supports": maps.movedim(1, 0),
        "z": z,
        "z_part": z_part,
    }
    return generator(config, options, layout, inputs, noise=z, parts=z_part)


ROUTED: dict[str, Any] = {
    "model": "pix2pix",
    "netG": "scg",
    "weight_type": "softmax",
    "position": False,
    "pyr_pos": False,
}


def scgan_with_edges() -> Variant:
    config = SCGANConfig(
        num_classes=3,
        image_size=(64, 128),
        width=1,
        stem_width=2,
        routing_width=3,
        conv_experts=1,
        norm_experts=5,
        routing_activation="sigmoid",
        temperature=1.5,
        has_edges=True,
        norm="instance",
        kernel_size=5,
        has_spectral_norm=False,
        has_routing_spectral_norm=False,
        upsampling="more",
        position="map",
        position_size=5,
        position_sigma=0.7,
        position_steps=2,
        is_position_relative=True,
    )
    options = {
        **ROUTED,
        **OPTIONS,
        "label_nc": 3,
        "no_instance": False,
        "crop_size": 128,
        "aspect_ratio": 2.0,
        "ngf": 1,
    }
    options |= {"nff": 2, "nrf": 3, "num_experts_conv": 1, "num_experts_norm": 5, "weight_type": "sigmoid"}
    options |= {"temperature": 1.5, "norm_G": "sccinstance5x5", "no_spectral_on_routing": True, "position": True}
    options |= {"ig_sz": 5, "ig_sigma": 0.7, "ig_iter": 2, "ig_relative": True, "num_upsampling_layers": "more"}
    layout = Layout(class_ids=ids(3, 1, 64, 128), edges=edges(ids(2, 1, 64, 128)))
    assert layout.edges is not None
    inputs = {"label": layout.class_ids[:, None], "edge": layout.edges[:, None].float()}
    return generator(config, options, layout, inputs)


def scgan_from_a_code() -> Variant:
    config = SCGANConfig(
        num_classes=4,
        image_size=(64, 64),
        width=2,
        stem_width=1,
        routing_width=2,
        conv_experts=4,
        norm_experts=2,
        routing_activation="hardtanh",
        temperature=0.3,
        norm="batch",
        position="pyramid",
        position_levels=3,
        position_size=3,
        position_sigma=2.0,
        position_steps=1,
        code_dim=3,
    )
    options = {**ROUTED, **OPTIONS, "label_nc": 4, "no_instance": True, "crop_size": 64, "ngf": 2, "nff": 1, "nrf": 2}
    options |= {"num_experts_conv": 4, "num_experts_norm": 2, "weight_type": "hardtanh", "temperature": 0.3}
    options |= {"norm_G": "spectralsccbatch3x3", "position": True, "pyr_pos": True, "pyr_rng": 3, "ig_sz": 3}
    options |= {"ig_sigma": 2.0, "ig_iter": 1, "use_vae": True, "z_dim": 3}
    layout, z = Layout(class_ids=ids(4, 2, 64, 64)), noise(2, 3)
    return generator(config, options, layout, {"label": layout.class_ids[:, None], "z": z}, start=z)


def image_encoder(family: str, ngf: int, nef: int, dim: int, weight: float | None) -> Variant:
    def run(encoder: Any, x: dict[str, Tensor]) -> dict[str, Tensor]:
        mu, logvar = encoder(x["image"])
        divergence = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()
        z = mu + (logvar / 2).exp() * x["eps"]
        return {"mu": mu, "logvar": logvar, "z": z, "kld": (0.05 if weight is None else weight) * divergence}

    config = {
        "ngf": ngf,
        "nef": nef,
        "z_dim": dim,
        "crop_size": 512,
        **({} if weight is None else {"lambda_kld": weight}),
    }
    inputs = {"image": noise(2, 3, 96, 80).tanh(), "eps": noise(2, dim)}
    return Variant(family, "encoder", config, o.ImageEncoder(nef if nef > 0 else ngf, dim), inputs, run)


def instance_encoder(weight: float) -> Variant:
    torch.manual_seed(0)
    encoder, count = InstanceEncoder(3, 2), 6
    instance_ids, image = ids(4, 2, 32, 48), noise(2, 3, 32, 48).tanh()  # ids 4 and 5 have no pixels

    def run(module: nn.Module, x: dict[str, Tensor]) -> dict[str, Tensor]:
        layout = Layout(class_ids=instance_ids, instance_ids=instance_ids)
        found = plain_encode(encoder, image, layout, count)["instances"]
        mu, logvar = found.mu.unbind(2), found.logvar.unbind(2)
        drawn = [m + (v / 2).exp() * e for m, v, e in zip(mu, logvar, x["noise"].unbind(2), strict=True)]
        divergence = sum(-0.5 * (1 + v - m**2 - v.exp()).sum() for m, v in zip(mu, logvar, strict=True))
        named = dict(zip(("scale_mu", "bias_mu", "scale_logvar", "bias_logvar"), (*mu, *logvar), strict=True))
        return {**named, "noise_remapped": torch.stack(drawn, 2), "kld": weight / 2 * divergence}

    config = {"ngf": 3, "noise_nc": 2, "lambda_kld": weight}
    inputs = {"image": image, "instances": one_hot(instance_ids, count), "noise": noise(2, count, 2, 2)}
    return Variant("inade", "encoder", config, nn.Identity(), inputs, run, state=ENCODER.invert(encoder.state_dict()))


VARIANTS: dict[str, Callable[[], Variant]] = {
    "spade, instance norms 5x5": spade_of_instances,
    "spade, most stages": spade_of_most_stages,
    "spade, from a code": spade_from_a_code,
    "clade, edges and offsets": clade_with_all,
    "inade, a sketch": inade_with_a_sketch,
    "oasis, without noise": oasis_without_noise,
    "oasis, a noise map": oasis_with_a_noise_map,
    "ipose, objects in one of two images": lambda: ipose([3, 0]),
    "ipose, other counts": lambda: ipose([1, 2, 0], n_parts=3),
    "ipose, no objects": lambda: ipose([0, 0]),
    "ipose, neither objects nor supports": lambda: ipose([0], has_supports=False),
    "spade's encoder, a width of its own": lambda: image_encoder("spade", 1, 3, 4, 0.7),
    "scgan's encoder": lambda: image_encoder("scgan", 2, -1, 5, None),
    "inade's encoder": lambda: instance_encoder(0.3),
    "scgan, edges and a relative map": scgan_with_edges,
    "scgan, from a code": scgan_from_a_code,
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_passes_and_any_changed_number_of_it_fails(name: str, tmp_path: Path) -> None:
    with torch.no_grad():
        check(VARIANTS[name]().write(tmp_path))
