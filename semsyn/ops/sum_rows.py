"""Sums of table rows, as torch's embedding bag gives them, which has neither second nor forward derivatives."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.ops.add_by_id import add_by_id
from semsyn.ops.modes import is_forward_mode, is_traced

SUM = 0  # torch's number of the mode


def sum_rows(table: Tensor, rows: Tensor, factors: Tensor | None = None) -> Tensor:
    """The sums of t rows of a table each, with derivatives of every order and in forward mode.

    Args:
        table: r c.
        rows: m t, int64 in [0, r).
        factors: m t, what each row is multiplied with, in the dtype of the table; None: 1.

    Returns:
        m c.
    """
    is_learned = torch.is_grad_enabled() and (table.requires_grad or (factors is not None and factors.requires_grad))
    if is_traced() or not (is_learned or is_forward_mode()):
        return F.embedding_bag(rows, table, mode="sum", per_sample_weights=factors)
    return _SumRows.apply(table, rows, factors)[0]


class _SumRows(torch.autograd.Function):
    """The embedding bag's own backward, and where that is to be differentiated again, one that can be."""

    generate_vmap_rule = True

    @staticmethod
    def forward(table: Tensor, rows: Tensor, factors: Tensor | None) -> tuple[Tensor, ...]:
        starts = torch.arange(0, rows.numel(), rows.shape[1], device=rows.device)
        flat = None if factors is None else factors.flatten()
        bags = torch.ops.aten._embedding_bag
        summed, *saved = bags(table, rows.flatten(), starts, False, SUM, False, flat)
        return summed, starts, *saved

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs, *output[1:])
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        grad, (table, rows, factors, *saved) = grads[0], ctx.saved_tensors
        if grad is None:
            return None, None, None
        gradients = _of_any_order if torch.is_grad_enabled() else _of_first_order
        of_table, of_factors = gradients(grad, table, rows, factors, saved, *(ctx.needs_input_grad[i] for i in (0, 2)))
        return of_table, None, of_factors

    @staticmethod
    def jvp(ctx: Any, table_tangent: Tensor | None, _: None, factors_tangent: Tensor | None) -> tuple[Any, ...]:
        table, rows, factors = ctx.saved_tensors
        parts = []
        if table_tangent is not None:
            parts.append(sum_rows(table_tangent, rows, factors))
        if factors_tangent is not None:
            parts.append(sum_rows(table, rows, factors_tangent))
        return sum(parts), None, None, None, None


def _of_first_order(
    grad: Tensor,
    table: Tensor,
    rows: Tensor,
    factors: Tensor | None,
    saved: list[Tensor],
    needs_table: bool,
    needs_factors: bool,
) -> tuple[Tensor | None, Tensor | None]:
    starts, bags, sizes, largest = saved
    flat, weights, grad = rows.flatten(), None if factors is None else factors.flatten(), grad.contiguous()
    of_table = of_factors = None
    aten = torch.ops.aten
    if needs_table and grad.device.type == "cpu":
        of_table = torch.zeros_like(table)
        add_by_id((of_table,), rows, (grad,), factors=factors)
    elif needs_table:
        of_table = aten._embedding_bag_backward(
            grad, flat, starts, bags, sizes, largest, len(table), False, SUM, False, weights
        )
    if needs_factors:
        of_factors = aten._embedding_bag_per_sample_weights_backward(grad, table, flat, starts, bags, SUM)
        of_factors = of_factors.view(rows.shape)
    return of_table, of_factors


def _of_any_order(
    grad: Tensor,
    table: Tensor,
    rows: Tensor,
    factors: Tensor | None,
    saved: list[Tensor],
    needs_table: bool,
    needs_factors: bool,
) -> tuple[Tensor | None, Tensor | None]:
    of_table = of_factors = None
    if needs_table:
        sent = grad[:, None].expand(-1, rows.shape[1], -1) if factors is None else grad[:, None] * factors[..., None]
        of_table = torch.zeros_like(table).index_add(0, rows.flatten(), sent.flatten(0, 1))
    if needs_factors:
        of_factors = (F.embedding(rows, table) * grad[:, None]).sum(-1)
    return of_table, of_factors
