"""Public functions, constructors and layers, each with arguments that fit: what `attack.arguments` changes."""

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from semsyn.nn.towers.vgg16 import VGG16Features
from semsyn.records.codes import Codes, CodeSpec
from semsyn.records.condition import Condition, Routing
from semsyn.records.layout import Layout
from semsyn.records.regions import Regions

Arguments = dict[str, Any]
Subject = tuple[Callable[..., Any], Callable[[], Arguments]]

N, K, C, H, W = 2, 3, 4, 8, 8

# The faces themselves: what users import is what is attacked.
critics, data, functional, layers, losses, metrics = (
    import_module(f"semsyn.{face}") for face in ("critics", "data", "functional", "nn", "losses", "metrics")
)


def _draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def _ids(k: int = K, *shape: int) -> Tensor:
    shape = shape or (N, H, W)
    return torch.arange(torch.Size(shape).numel()).view(shape) % k


def functions() -> dict[str, Subject]:
    """Every public function of tensors, with arguments that fit."""
    x, ids, table, image, logits = _draw(N, C, H, W), _ids(), _draw(K, C), _draw(N, 3, H, W), _draw(N, K + 1, H, W)
    affine = {
        "x": x,
        "region_ids": ids,
        "gamma": table,
        "beta": table,
        "negative_slope": 0.2,
        "ignore_index": None,
        "backend": "auto",
    }
    gains = {"gamma_gain": _draw(N, 1, H, W), "beta_gain": _draw(N, 1, H, W)}
    routing = {"routing": _draw(N, K, H, W)}
    scales = [_draw(N, 1, 4, 4), _draw(N, 1, 2, 2)]
    space = data.label_space("toyscenes")
    given: dict[Callable[..., Any], Arguments] = {
        functional.indexed_affine: affine | gains,
        functional.normalized_affine: affine | {"eps": 1e-5},
        functional.label_conv2d: {
            "class_ids": ids,
            "weight": _draw(C, K + 1, 3, 3),
            "bias": _draw(C),
            "planes": _draw(N, 1, H, W),
            "values": _draw(N, H, W),
            "padding": 1,
            "stride": 1,
            "ignore_index": None,
        },
        functional.mixture_affine: dict(
            x=x,
            gamma=table,
            beta=table,
            gamma_bias=_draw(C),
            beta_bias=_draw(C),
            negative_slope=0.2,
            backend="auto",
            **routing,
        ),
        functional.mixture_conv2d: dict(
            x=x, weight=_draw(K, 2, C, 3, 3), bias=_draw(K, 2), stride=1, padding=1, dilation=1, groups=1, **routing
        ),
        functional.modulate_tokens: {
            "x": _draw(N, 8, C),
            "ids": _ids(K, N, 8),
            "gamma": table,
            "beta": table,
            "norm": "layer",
            "eps": 1e-6,
            "ignore_index": None,
            "backend": "auto",
        },
        functional.position_map: {"planes": _draw(N, K, H, W), "size": 3, "sigma": 1.5, "steps": 1, "relative": True},
        functional.region_offsets: {"label_map": ids, "ignore": 0, "normalize": True},
        functional.region_pool: {"x": x, "region_ids": ids, "num_regions": K, "ignore_index": None},
        functional.resize_ids: {"ids": ids, "size": (4, 4), "rule": "floor"},
        functional.connected_components: {"ids": ids},
        functional.dense_ids: {"ids": ids},
        functional.edges: {"ids": ids},
        losses.discriminator_loss: {"fake": scales, "real": scales, "mode": "hinge"},
        losses.generator_loss: {"logits": scales, "mode": "ls"},
        losses.draw_label_mix: {"num_classes": K, "rng": None},
        losses.fake_segmentation_loss: {"logits": logits},
        losses.feature_matching: {"fake": [scales], "real": [scales], "first_map": 0},
        losses.kl_divergence: {"mu": _draw(N, 4), "logvar": _draw(N, 4)},
        losses.label_mix_loss: {"mask": _draw(N, 1, H, W), "on_real": logits, "on_fake": logits, "on_mixed": logits},
        losses.label_mix_mask: {"class_ids": ids, "is_real": torch.tensor([True, False, True]), "as_released": True},
        losses.segmentation_loss: {"logits": logits, "class_ids": ids, "is_balanced": True, "void": 0},
        metrics.confusion_matrix: {"predicted": ids, "target": ids, "num_classes": K},
        metrics.feature_statistics: {"features": _draw(5, 3)},
        metrics.frechet_distance: {
            "mean_a": _draw(3),
            "cov_a": torch.eye(3),
            "mean_b": _draw(3),
            "cov_b": torch.eye(3),
        },
        metrics.inception_score: {"logits": _draw(6, 4), "splits": 2},
        metrics.mean_iou: {"confusion": _ids(9, K, K)},
        data.draw_labels: {"label_map": ids, "num_colors": 5},
        data.to_uint8: {"images": image, "rounding": "nearest"},
        data.read_label_map: {"source": ids[0].numpy(), "space": space, "nearest_color": False, "max_distance": None},
        data.read_instance_map: {"source": ids[0].numpy()},
        data.read_image: {"source": image[0].clamp(-1, 1), "size": (4, 4)},
        data.label_space: {"name": "toyscenes"},
        data.propose_remap: {"histogram": {0: 5, 300: 2}, "space": space},
        space.map_ids: {"label_map": ids},
        space.unmap_ids: {"class_ids": ids},
        space.from_colors: {"rgb": space.to_colors(ids)},
        space.nearest_colors: {"rgb": space.to_colors(ids)},
        space.to_colors: {"class_ids": ids},
        space.reading: {"remap": {300: 1}, "void_ids": (255,), "void": 2},
        space.find_class: {"name": "sky"},
        layers.activate_routing: {"logits": _draw(N, K, H, W), "temperature": 1.0, "activation": "softmax"},
        Layout.of: {
            "label_map": ids,
            "instance_map": ids,
            "space": K,
            "size": (4, 4),
            "requires": ("edges",),
            "planes": None,
        },
        Layout: {"class_ids": ids, "instance_ids": ids, "edges": ids > 1, "offsets": _draw(N, 2, H, W), "planes": x},
        Codes: {"table": _draw(N, K, 5), "per": "class", "ids": ids},
        CodeSpec(name="start", shape=(5,), per="class").codes: {"given": _draw(N, K, 5)},
        Condition.of: {
            "class_ids": ids,
            "instance_ids": ids,
            "instance_codes": _draw(N, K, 2, 5),
            "edges": ids > 1,
            "offsets": _draw(N, 2, H, W),
            "planes": x,
            "size": (4, 4),
            "routing": Routing(conv=x, norm=x),
        },
        Regions.of: {"class_ids": ids, "edges": ids > 1, "instance_ids": ids},
    }
    return {getattr(f, "__qualname__", str(f)): (f, partial(dict, **kwargs)) for f, kwargs in given.items()}


def constructors() -> dict[str, Subject]:
    """Every public layer, encoder, critic and loss module, as small as it can be."""
    norm: Arguments = {"norm": layers.BatchNorm, "device": None, "dtype": None}
    conv = {"device": None, "dtype": None}
    given: dict[type, Arguments] = {
        layers.BatchNorm: dict(channels=C, eps=1e-5, momentum=0.1, **conv),
        layers.SyncBatchNorm: dict(channels=C, eps=1e-5, momentum=0.1, as_released=False, **conv),
        layers.InstanceNorm: {"channels": C, "eps": 1e-5},
        layers.CLADE: dict(channels=C, num_classes=K, has_edges=False, has_offsets=False, ignore_index=None, **norm),
        layers.SPADE: dict(
            channels=C, num_classes=K, has_edges=False, num_planes=0, hidden=2, kernel_size=3, ignore_index=None, **norm
        ),
        layers.INADE: dict(channels=C, num_classes=K, code_dim=5, has_sketch=False, ignore_index=None, **norm),
        layers.LabelConv2d: dict(num_classes=K, out_channels=C, kernel_size=3, num_planes=0, ignore_index=None, **conv),
        layers.InstanceConv2d: dict(in_channels=C, out_channels=C, kernel_size=3, stride=1, **conv),
        layers.ImageEncoder: {"width": 1, "code_dim": 2},
        layers.InstanceEncoder: {"width": 1, "code_dim": 2},
        layers.ModulatedResBlock: {
            "in_channels": C,
            "out_channels": C,
            "modulation": partial(layers.CLADE, num_classes=K),
        },
        layers.PartModulation: dict(channels=C, part_channels=2, hidden=2, **norm),
        layers.PartNet: {"widths": (1, 1, 1, 1), "num_parts": 2, "num_layers": 1},
        layers.MonaiSPADE: {"channels": C, "num_classes": K, "hidden": 2, "kernel_size": 3, **norm},
        layers.TokenModulation: dict(channels=C, code_dim=2, norm="layer", eps=1e-6, **conv),
        layers.SemanticVectorNetwork: {
            "num_classes": K,
            "width": 1,
            "conv_experts": 2,
            "norm_experts": 2,
            "levels": 2,
            "has_edges": False,
            "num_planes": 0,
            "has_spectral_norm": True,
            "positions": None,
            "ignore_index": None,
            "has_preview": True,
        },
        layers.SpatiallyConditionalConv2d: dict(
            in_channels=C,
            out_channels=C,
            kernel_size=3,
            stride=1,
            padding=1,
            dilation=1,
            groups=1,
            bias=True,
            num_experts=K,
            has_spectral_norm=False,
            is_interleaved=False,
            **conv,
        ),
        layers.SpatiallyConditionalNorm: dict(channels=C, num_experts=K, **norm),
        layers.LabelConditioner: {"has_edges": False, "has_offsets": False, "window": 3},
        layers.PositionMaps: {"levels": None, "size": 3, "sigma": 1.5, "steps": 1, "relative": False},
        critics.MultiscaleDiscriminator: {
            "num_classes": K,
            "has_edges": False,
            "num_scales": 2,
            "width": 1,
            "num_layers": 1,
        },
        critics.FeaturePyramidDiscriminator: {"num_classes": K, "width": 1, "has_edges": False, "has_blur": False},
        critics.SegmentationDiscriminator: {
            "num_classes": K,
            "widths": (1, 2),
            "last_width": 1,
            "has_global_head": False,
            "has_spectral_norm": True,
        },
        critics.TowerCritic: {
            "num_classes": K,
            "tower": VGG16Features((1, 1, 1, 1, 1)),
            "judges": "patches",
            "width": 1,
            "maps": ("relu3_3", "relu4_3"),
        },
        losses.VGG19Features: {"widths": (1, 1, 1, 1)},
        losses.CLIPTokens: {"width": 4, "heads": 2, "layers": 1, "patch": 4, "resolution": 8},
    }
    return {kind.__qualname__: (kind, partial(dict, **kwargs)) for kind, kwargs in given.items()}


@cache
def calls() -> dict[str, Subject]:
    """Every layer, built, with what it is called with."""
    ids, x, image = _ids(), _draw(N, C, H, W), _draw(N, 3, H, W)
    routing = Condition(routing=Routing(conv=_draw(N, K, H, W), norm=_draw(N, K, H, W)))
    pairs = Condition.of(class_ids=ids, instance_ids=ids, instance_codes=_draw(N, K, 2, 5))
    big = Layout(class_ids=_ids(K, N, 64, 64), instance_ids=_ids(K, N, 64, 64))
    conds: dict[str, Any] = {
        "CLADE": ids,
        "SPADE": ids,
        "MonaiSPADE": ids,
        "INADE": pairs,
        "ModulatedResBlock": Condition(class_ids=ids),
    }
    conds |= dict.fromkeys(("SpatiallyConditionalConv2d", "SpatiallyConditionalNorm"), routing)
    given: dict[str, Arguments] = {name: {"x": x, "cond": cond} for name, cond in conds.items()}
    given |= {name: {"": x} for name in ("BatchNorm", "SyncBatchNorm", "InstanceNorm")}
    critic = {"layout": big, "image": _draw(N, 3, 64, 64)}
    given |= dict.fromkeys(
        ("MultiscaleDiscriminator", "FeaturePyramidDiscriminator", "SegmentationDiscriminator", "TowerCritic"), critic
    )
    given |= {
        "LabelConv2d": {"class_ids": ids},
        "InstanceConv2d": {"x": x, "instance_ids": ids},
        "ImageEncoder": {"image": image, "layout": None},
        "InstanceEncoder": {"image": _draw(N, 3, 16, 16), "layout": Layout(class_ids=ids, instance_ids=ids)},
        "SemanticVectorNetwork": {"class_ids": ids, "edges": None, "planes": None},
        "TokenModulation": {"x": _draw(N, 8, C), "ids": _ids(K, N, 8), "codes": _draw(K, 2)},
        "CLIPTokens": {"image": image},
        "VGG19Features": {"x": _draw(N, 3, 32, 32)},
    }
    built = {name: kind(**arguments()) for name, (kind, arguments) in constructors().items() if name in given}
    return {name: (built[name], partial(dict, **given[name])) for name in given}
