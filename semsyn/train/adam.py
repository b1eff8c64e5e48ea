"""Adam as TensorFlow computes it."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class TensorFlowAdam(Optimizer):
    r"""Adam whose epsilon stands outside of the correction of the second moment.

    .. math:: x \leftarrow x - \eta\,\frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}\,\frac{m}{\sqrt{v} + \epsilon}

    torch's Adam corrects v before it adds epsilon. The two differ where gradients are about as small as epsilon.

    Args:
        params: weights, or groups of them.
        lr: η.
        betas: β₁ and β₂.
        eps: ε.

    Reference: Kingma and Ba, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980, the end of section 2.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take a step; the loss, where a closure computes it."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._descend(weight, weight.grad, group)
        return loss

    def _descend(self, weight: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(weight), torch.zeros_like(weight)
        first, second = group["betas"]
        state["step"] += 1
        count = int(state["step"])
        m, v = state["exp_avg"].lerp_(grad, 1 - first), state["exp_avg_sq"]
        v.mul_(second).addcmul_(grad, grad, value=1 - second)
        rate = group["lr"] * math.sqrt(1 - second**count) / (1 - first**count)
        weight.addcdiv_(m, v.sqrt().add_(group["eps"]), value=-rate)
