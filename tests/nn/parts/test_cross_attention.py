"""Projections moved to the side of the supports change nothing."""

import torch

from semsyn.nn.parts.cross_attention import CrossAttention
from semsyn.testing.plain.ipose import plain_attention


def make() -> tuple[CrossAttention, list[torch.Tensor]]:
    torch.manual_seed(0)
    layer = CrossAttention(12).double()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, 0, 0.4)
    return layer, [torch.randn(3, count, 12, dtype=torch.float64) for count in (6, 10, 10)]


def attend(layer: CrossAttention, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    weights = layer.weigh(query, *layer.project_keys(keys))
    return layer(query, weights @ layer.project_values(values))


def test_the_answer_is_that_of_plain_attention() -> None:
    layer, tokens = make()
    torch.testing.assert_close(attend(layer, *tokens), plain_attention(layer, *tokens))


def test_so_are_the_gradients() -> None:
    layer, tokens = make()
    leaves = [*layer.parameters(), *(t.requires_grad_() for t in tokens)]
    found, wanted = (torch.autograd.grad(f(layer, *tokens).square().sum(), leaves) for f in (attend, plain_attention))
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-7)


def test_equal_values_need_no_attention() -> None:
    layer, (query, keys, values) = make()
    same = values[:, :1].expand_as(values)
    torch.testing.assert_close(attend(layer, query, keys, same), layer(query, layer.project_values(same[:, :6])))
