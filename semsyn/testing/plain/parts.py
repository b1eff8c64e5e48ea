"""PartNet as published: every part of every object from scratch, by torch's own attention. The yardstick of ours."""

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.nn.parts.cross_attention import CrossAttention
from semsyn.nn.parts.part_net import PartNet


def plain_attention(layer: CrossAttention, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """`CrossAttention` without anything shared: query b t d, keys and values b s d, all raw features."""

    def convolve(name: str, tokens: Tensor) -> Tensor:
        conv = getattr(layer, f"{name}_conv")
        return F.linear(tokens, conv.weight.flatten(1), conv.bias)

    attended, _ = F.multi_head_attention_forward(
        convolve("query", query).transpose(0, 1),
        convolve("key", keys).transpose(0, 1),
        convolve("value", values).transpose(0, 1),
        layer.channels,
        1,
        layer.in_proj_weight,
        layer.in_proj_bias,
        None,
        None,
        False,
        0.0,
        layer.out_proj.weight,
        layer.out_proj.bias,
        need_weights=False,
    )
    return layer(query, attended.transpose(0, 1))


def plain_part_net(net: PartNet, silhouettes: Tensor, supports: Tensor) -> tuple[Tensor, Tensor]:
    """Logits m p h w and features m p f h w of objects, each with support maps of its own (m n h w)."""
    m, n, h, w = supports.shape
    p, dtype = net.num_parts, silhouettes.dtype
    y, x = torch.meshgrid(torch.linspace(-1, 1, h, dtype=dtype), torch.linspace(-1, 1, w, dtype=dtype), indexing="ij")

    def encode_shapes(shapes: Tensor) -> Tensor:
        grid = torch.stack([x, y]).expand(len(shapes), 2, h, w)
        return net.shape_encoder(torch.cat([grid, shapes.expand(-1, 3, h, w)], dim=1)).flatten(2).mT

    masks = F.one_hot(supports.long(), p).permute(0, 4, 1, 2, 3).to(dtype)  # m p n h w
    values = net.mask_encoder(masks.reshape(-1, 1, h, w)).flatten(2).mT
    values = values.reshape(m * p, -1, values.shape[2])
    query = encode_shapes(silhouettes).repeat_interleave(p, dim=0)
    keys = encode_shapes((supports > 0).to(dtype).reshape(-1, 1, h, w))
    keys = keys.reshape(m, -1, keys.shape[2]).repeat_interleave(p, dim=0)
    for layer in net.layers:
        assert isinstance(layer, CrossAttention)
        query = plain_attention(layer, query, keys, values)
    features = net.decoder(query.mT.unflatten(2, (h // 8, w // 8)))
    return net.to_logit(features).view(m, p, h, w), features.view(m, p, -1, h, w)
