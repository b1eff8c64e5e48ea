"""Gradients at the kinks of a network.

Where the input of a ReLU is nearer to zero than single precision can tell, both of its derivatives are right, and a
golden file holds one of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

REACH = 2e-6  # of single precision around zero, for features of about 1


@dataclass
class Kinks:
    """Listens to the forwards of a network that have gradients.

    Attributes:
        network: has `torch.nn.ReLU` modules.
        passes: the input and the result of each, as they came.
    """

    network: nn.Module
    passes: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for module in self.network.modules():
            if isinstance(module, nn.ReLU):
                module.register_forward_hook(self._note)

    def _note(self, module: nn.Module, args: tuple[Tensor], result: Tensor) -> None:
        if result.requires_grad:
            result.retain_grad()
            self.passes.append((args[0], result))

    def gradients(self, weights: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
        """The gradients of some weights, first as they are, then with the other derivative at one kink each.

        Args:
            weights: by name; a backward pass of the loss is done, and its graph is there still.
        """
        plain = {name: p.grad for name, p in weights.items() if p.grad is not None}
        yield plain
        for x, result in self.passes:
            assert result.grad is not None
            inputs, upstream = x.flatten(), result.grad.flatten()
            for at in (inputs.detach().abs() < REACH).nonzero()[:, 0].tolist():
                change = -upstream[at] if float(inputs[at].detach()) > 0 else upstream[at]
                own = [weights[name] for name in plain]
                grads = torch.autograd.grad(inputs[at] * change, own, retain_graph=True, allow_unused=True)
                yield {n: plain[n] if g is None else plain[n] + g for n, g in zip(plain, grads, strict=True)}
