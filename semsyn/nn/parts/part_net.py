"""PartNet: the parts of objects from their silhouettes, after a few examples of their category."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from semsyn.errors import InputError, check_shape
from semsyn.nn.parts.cross_attention import CrossAttention
from semsyn.nn.parts.object_parts import ObjectParts, PartStreams
from semsyn.nn.parts.part_coder import PartDecoder, PartEncoder, Widths
from semsyn.nn.parts.part_supports import PartSupports, SupportEncoding, find_rows
from semsyn.nn.plain_child import dtype_of
from semsyn.signature import checked

ENCODED_AT_ONCE = 64  # maps; bounds the memory of encode_supports


class PartNet(nn.Module):
    r"""Few-shot part inference: the parts of an object from its silhouette, after a few part maps of its category.

    The object's silhouette attends to the silhouettes of the supports; the values are one part of the supports at a
    time, so every part is inferred by the same weights, and a new category needs support maps, not training.

    What does not depend on the object is computed once: ``encoding = net.encode_supports(supports)``. An object then
    costs its own encoding, and attention and decoder once for each part its supports have, plus once for all others
    together, which are alike. At released widths that is 1.2 to 2.1 GMAC in place of 9.2.

    Arithmetic is in fp32 at least: casting a network to half precision leaves PartNet's weights as they are, autocast
    is off inside, and results are fp32. Features that are a hair from constant would not survive less.

    While compiling or exporting, every part has a stream of its own, all objects are one chunk, and values are not
    checked: fixed shapes, same numbers.

    Args:
        widths: channels of the encoders' four convolutions; d = 3 · widths[3], f = widths[0].
        num_parts: p, background included. The weights do not depend on it.
        num_layers: of attention.

    Shape: silhouettes m 1 h w in {0, 1} (any dtype; h and w multiples of 32, 64 for released weights; the supports have
    the same size), categories m; the result holds logits m p h w and features m p f h w. m may be 0.

    Reference: Wei et al., "Inferring and Leveraging Parts from Object Shape for Improving Semantic Image Synthesis",
        arXiv:2305.19547.
    """

    @checked(widths=1, num_parts=1, num_layers=0)
    def __init__(self, widths: Widths = (32, 64, 64, 96), *, num_parts: int = 9, num_layers: int = 3) -> None:
        super().__init__()
        self.num_parts = num_parts
        self.shape_encoder = PartEncoder(5, widths)
        self.mask_encoder = PartEncoder(1, widths)
        channels = self.shape_encoder.out_channels
        self.layers = nn.ModuleList(CrossAttention(channels) for _ in range(num_layers))
        self.decoder = PartDecoder(channels, widths)
        self.to_logit = nn.Conv2d(self.decoder.out_channels, 1, 5, padding=2)
        self.feature_channels = self.decoder.out_channels

    def encode_supports(self, supports: PartSupports) -> SupportEncoding:
        """Encode support maps once for all objects; about 3 GMAC and 4 MB per category. Differentiable.

        Raises:
            InputError: if a map holds part ids that there are not, or has another size than PartNet takes.
        """
        maps = supports.part_ids
        _check_sides(maps, "support maps")
        if (last := supports.last_part) >= self.num_parts:
            raise InputError(f"support maps hold part {last}, but PartNet has parts 0 to {self.num_parts - 1}.")
        with _no_autocast(maps):
            pieces = (maps.flatten(0, 1)[:, None] > 0).split(ENCODED_AT_ONCE)
            keys = torch.cat([self._encode_silhouettes(piece) for piece in pieces])
            values, value_rows = self._encode_parts(maps)
            key_rows = torch.arange(len(keys), device=maps.device).view(maps.shape[:2])
            return self._project(keys, values, supports.categories, key_rows, value_rows)

    def forward(
        self,
        silhouettes: Tensor,
        supports: SupportEncoding,
        categories: Tensor,
        *,
        edited: Tensor | None = None,
        replaced: int = 0,
        chunk: int = 8,
    ) -> ObjectParts:
        """Infer the parts of objects.

        Args:
            silhouettes: m 1 h w, 1 inside the object.
            supports: from `encode_supports`.
            categories: m, as in the supports.
            edited: m h w integers, part maps that are known; -1 throughout in an object that has none. Such a map and
                the object's own silhouette take the place of one support of that object, as in the reconstruction
                branch of the training, so what is inferred follows it. Not while compiling: shapes depend on values.
            replaced: which support an edited map replaces, from 0.
            chunk: objects computed at a time. The peak of memory is about 10 MB for each of them, besides the result of
                about 3 MB for each object of the batch; where gradients are recorded, it grows with the batch.

        Raises:
            InputError: for shapes that do not fit, categories without supports (named), or edited maps with ids that
                there are not.
        """
        check_shape(silhouettes, "m 1 h w", name="silhouettes", **{"1": 1})
        m = silhouettes.shape[0]  # not len(), which export would take for a constant
        check_shape(categories, "m", name="categories", m=m)
        h, w = _check_sides(silhouettes, "silhouettes")
        if (h // 8) * (w // 8) != supports.keys.shape[2]:
            raise InputError(f"silhouettes are {h} x {w}, the support maps have another size. Resize one of them.")
        if edited is not None:
            self._check_edited(edited, silhouettes, replaced, supports)
        with _no_autocast(silhouettes):
            rows = find_rows(supports.categories, categories)
            if torch.compiler.is_compiling() or m <= chunk:
                return self._infer(silhouettes, supports, rows, edited, replaced)
            pieces = [slice(start, start + chunk) for start in range(0, m, chunk)]
            maps = [None if edited is None else edited[piece] for piece in pieces]
            return ObjectParts.cat(
                [
                    self._infer(silhouettes[piece], supports, rows[piece], known, replaced)
                    for piece, known in zip(pieces, maps, strict=True)
                ]
            )

    def _infer(
        self, silhouettes: Tensor, supports: SupportEncoding, rows: Tensor, edited: Tensor | None, replaced: int
    ) -> ObjectParts:
        query = self._encode_silhouettes(silhouettes)
        if edited is not None:
            supports = self._replace(supports.take(rows), query, edited, replaced)
            rows = torch.arange(len(rows), device=rows.device)
        key_rows, value_rows = supports.key_rows[rows], supports.value_rows[rows]
        streams = (PartStreams.every if torch.compiler.is_compiling() else PartStreams.merged)(value_rows)
        x = query[torch.cat([streams.owners, streams.bare])]
        count = streams.owners.shape[0]
        for index, layer in enumerate(self.layers):
            if index == 0:  # all parts of an object ask alike
                weights = _weigh(layer, query, supports, index, key_rows)[streams.owners]
            else:
                weights = _weigh(layer, x[:count], supports, index, key_rows[streams.owners])
            attended = weights @ supports.values[index][streams.value_rows].flatten(1, 2)
            absent = supports.values[index, 0].expand(streams.bare.shape[0], -1, -1)
            x = layer(x, torch.cat([attended, absent]))
        features = self.decoder(x.mT.unflatten(2, (silhouettes.shape[2] // 8, -1)))
        return ObjectParts(stream_logits=self.to_logit(features)[:, 0], stream_features=features, rows=streams.rows)

    def _encode_silhouettes(self, silhouettes: Tensor) -> Tensor:
        """m 1 h w to tokens m t d."""
        m, _, h, w = silhouettes.shape
        inside = silhouettes.to(dtype_of(self.to_logit))
        x, y = (torch.linspace(-1, 1, side, dtype=inside.dtype, device=inside.device) for side in (w, h))
        grid = torch.stack([x.expand(h, w), y[:, None].expand(h, w)]).expand(m, 2, h, w)
        return self.shape_encoder(torch.cat([grid, inside.expand(m, 3, h, w)], dim=1)).flatten(2).mT

    def _encode_parts(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Part maps c n h w to tokens b t d of the (map, part) pairs there are, zeros first, and their rows c p n."""
        present = torch.stack([(maps == part).flatten(2).any(2) for part in range(self.num_parts)], dim=1)
        category, part, support = present.nonzero(as_tuple=True)
        masks = (maps[category, support] == part[:, None, None])[:, None].to(dtype_of(self.to_logit))
        tokens = [self.mask_encoder(piece).flatten(2).mT for piece in masks.split(ENCODED_AT_ONCE)]
        rows = torch.zeros_like(present, dtype=torch.int64)
        rows[present] = torch.arange(1, len(masks) + 1, device=maps.device)
        return torch.cat([tokens[0].new_zeros(1, *tokens[0].shape[1:]), *tokens]), rows

    def _project(
        self, keys: Tensor, values: Tensor, categories: Tensor, key_rows: Tensor, value_rows: Tensor
    ) -> SupportEncoding:
        layers = list(self.layers)
        projected = [layer(keys, role="key") for layer in layers]
        return SupportEncoding(
            categories=categories,
            keys=torch.stack([k for k, _ in projected]),
            key_bias=torch.stack([b for _, b in projected]),
            values=torch.stack([layer(values, role="value") for layer in layers]),
            key_rows=key_rows,
            value_rows=value_rows,
        )

    def _replace(self, supports: SupportEncoding, query: Tensor, edited: Tensor, replaced: int) -> SupportEncoding:
        """Supports of m objects, in which known part maps and the objects' own shapes stand for one support."""
        known = (edited >= 0).flatten(1).all(1).nonzero()[:, 0]
        values, value_rows = self._encode_parts(edited[known][:, None])
        key_rows = torch.arange(len(known), device=edited.device)[:, None]
        return supports.replace(self._project(query[known], values, known, key_rows, value_rows), replaced)

    def _check_edited(self, edited: Tensor, silhouettes: Tensor, replaced: int, supports: SupportEncoding) -> None:
        m, _, h, w = silhouettes.shape
        check_shape(edited, "m h w", name="edited", m=m, h=h, w=w)
        count = supports.key_rows.shape[1]
        if not 0 <= replaced < count:
            raise InputError(f"replaced is {replaced}, but a category has supports 0 to {count - 1}.")
        none = (edited == -1).flatten(1).all(1)
        if bool(((edited < 0) | (edited >= self.num_parts))[~none].any()):
            raise InputError(
                f"edited part maps hold ids from {int(edited.min())} to {int(edited.max())}, but PartNet has parts 0 "
                f"to {self.num_parts - 1}; an object without such a map has -1 throughout."
            )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "PartNet":
        """Move weights, but leave them in fp32 where a cast to half precision is asked for."""

        def keep(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            return tensor.to(moved.device) if moved.dtype in (torch.float16, torch.bfloat16) else moved

        super()._apply(keep, recurse)
        return self


def _weigh(layer: Any, query: Tensor, supports: SupportEncoding, index: int, key_rows: Tensor) -> Tensor:
    keys, bias = supports.keys[index][key_rows].flatten(1, 2), supports.key_bias[index][key_rows].flatten(1, 2)
    return layer.weigh(query, keys, bias)


def _check_sides(maps: Tensor, name: str) -> tuple[int, int]:
    h, w = maps.shape[-2:]
    if h % 32 or w % 32:
        raise InputError(f"{name} are {h} x {w}: sides must be multiples of 32 (64 x 64 for released weights).")
    return h, w


def _no_autocast(tensor: Tensor) -> torch.autocast:
    return torch.autocast(tensor.device.type, enabled=False)
