"""clVAE's conditioning and its encoder as published."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.nn.conditioning.class_conditioner import ClassConditioner
from semsyn.nn.encoders.class_encoder import ClassEncoder
from semsyn.records.layout import Layout
from semsyn.records.style import Gaussian, Posterior, Style
from semsyn.testing.plain.maps import PlainMaps, one_hot


def plain_class_maps(conditioner: ClassConditioner, maps: PlainMaps, layout: Layout, style: Style) -> list[PlainMaps]:
    """What the layers of each stage read: codes painted class by class into a map of zeros, or the one-hot map."""
    found: dict[int | None, PlainMaps] = {None: maps}
    for level in sorted({level for level in conditioner.levels if level is not None}):
        size = tuple(max(1, side // 2 ** (level + 1)) for side in layout.size)
        ids = F.interpolate(layout.class_ids[:, None].to(maps.semantics.dtype), size, mode="nearest")[:, 0].long()
        painted = []
        for image, codes in zip(ids, style["classes"].table, strict=True):
            canvas = maps.semantics.new_zeros(*size, conditioner.embedding.embedding_dim)
            for k in image.unique().tolist():
                if k < conditioner.num_classes:
                    canvas = torch.where((image == k)[..., None], codes[k, level].to(canvas), canvas)
            is_class = (image < conditioner.num_classes)[..., None]
            embedded = conditioner.embedding(image.clamp(max=conditioner.num_classes - 1)) * is_class
            painted.append(rearrange(canvas + embedded, "h w d -> d h w"))
        found[level] = replace(maps, semantics=maps.semantics[:, :0], planes=torch.stack(painted))
    return [found[level] for level in conditioner.levels]


def plain_class_encode(encoder: nn.Module, image: Tensor, layout: Layout, num_instances: int) -> Posterior:
    """What ``encoder(image, layout)`` gives: a masked gather, a maximum and two small products for each class of each
    picture at each level."""
    assert isinstance(encoder, ClassEncoder)
    k, n = encoder.num_classes, len(image)
    if image.shape[2:] != encoder.size:
        image = F.interpolate(image, encoder.size, mode="bilinear", align_corners=False)
    semantics = F.interpolate(one_hot(layout.class_ids, k + 1), encoder.size, mode="nearest")
    ids = semantics.argmax(1, keepdim=True).to(image.dtype)
    maps: list[Tensor] = []
    for layer in encoder.layers:
        assert isinstance(layer, nn.Sequential)
        maps.append(F.instance_norm(layer[0](F.leaky_relu(maps[-1], 0.2) if maps else image)))
    shape = (n, k, len(encoder.class_mu), encoder.class_code_dim)
    mu, logvar = image.new_zeros(shape), image.new_zeros(shape)
    seen = torch.zeros(shape[:3], dtype=torch.bool)
    for c in ids.unique().long().tolist():
        for level, x in enumerate(maps[:-1]):
            masks = F.interpolate(ids, x.shape[2:], mode="nearest")[:, 0] == c
            for i in range(n):
                if c < k and bool(masks[i].any()):
                    top = F.leaky_relu(x[i][:, masks[i]].amax(1), 0.2)
                    seen[i, c, level] = True
                    mu[i, c, level] = encoder.class_mu[level](top)
                    logvar[i, c, level] = encoder.class_logvar[level](top)
    classes = Gaussian(mu=mu, logvar=logvar, per="class", valid=semantics[:, :k].flatten(2).any(2), seen=seen)
    last = F.leaky_relu(maps[-1], 0.2).flatten(1)
    start = Gaussian(mu=encoder.mu(last)[:, None], logvar=encoder.logvar(last)[:, None])
    return Posterior({"start": start, "classes": classes})
