"""SPADE as MONAI has it, with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import CheckpointError, InputError, InputTypeError
from semsyn.nn.conditional import ConditionalNorm, Modulation
from semsyn.nn.features import make_module
from semsyn.nn.label_conv import LabelConv2d
from semsyn.nn.norms import InstanceNorm, NormFactory
from semsyn.nn.prepared_condition import PreparedCondition
from semsyn.ops.modes import is_traced
from semsyn.records.condition import Condition
from semsyn.signature import checked

THEIRS = {"shared": "mlp_shared.conv", "gamma": "mlp_gamma.conv", "beta": "mlp_beta.conv", "norm": "param_free_norm"}
OURS = {theirs: ours for ours, theirs in THEIRS.items()}


class MonaiSPADE(ConditionalNorm):
    r"""SPADE as in MONAI 1.4 and later, which differs from the paper's in two ways: gamma and beta are themselves
    instance-normalised before they are used, and a leaky ReLU stands between the convolutions in place of a ReLU.

    .. math:: y = \hat{x} \odot (1 + \mathrm{IN}(\gamma(m))) + \mathrm{IN}(\beta(m)), \qquad
        \gamma, \beta = \mathrm{conv}(\mathrm{leaky\,ReLU}_{0.01}(\mathrm{conv}(m)))

    The one-hot map m is never built. `replace_in` puts it in the place of MONAI's own layers, in two dimensions; there
    ``seg`` may then be class ids, or a `PreparedCondition`, with which gamma and beta are made once for all steps.

    Args:
        channels: c.
        num_classes: k.
        hidden: channels between the two convolutions.
        kernel_size: of all three convolutions.
        norm: makes the module that normalises c channels, with affine parameters or without.
        device, dtype: of parameters and statistics, as torch's layers take them.

    Shape: x is n c h w; cond.class_ids n h w in [0, k] (k adds nothing); the result n c h w. cond may be class_ids
        alone, or a one-hot map n k h w, at any size.

    Reference: https://docs.monai.io, ``monai.networks.blocks.spade_norm.SPADE``; Park et al., arXiv:1903.07291.
    """

    num_classes: int

    @checked(channels=1, num_classes=1, hidden=1, kernel_size=1)
    def __init__(
        self,
        channels: int,
        num_classes: int,
        *,
        hidden: int = 64,
        kernel_size: int = 3,
        norm: NormFactory = InstanceNorm,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.reads = ("class_ids",)
        super().__init__()
        self.out_channels, self.num_classes = channels, num_classes
        self.norm = make_module(norm, "norm", channels)
        self.shared = LabelConv2d(num_classes, hidden, kernel_size)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size, padding=kernel_size // 2)
        self.beta = nn.Conv2d(hidden, channels, kernel_size, padding=kernel_size // 2)
        self.of_modulation = InstanceNorm(channels)
        self.place(device, dtype)

    def modulate(self, cond: Condition, earlier: Modulation | None = None) -> Modulation:
        hidden = F.leaky_relu(self.shared(cond.class_ids))
        gamma, beta = (self.of_modulation(conv(hidden)) for conv in (self.gamma, self.beta))
        return Modulation(gamma=1 + gamma, beta=beta)

    def wrap(self, x: Tensor, given: Tensor) -> Condition:
        return super().wrap(x, self._ids_of(given) if given.is_floating_point() else given)

    def _ids_of(self, one_hot: Tensor) -> Tensor:
        """Class ids of a one-hot map, k where it is empty.

        Raises:
            InputError: for a map of another shape, or one that is soft.
        """
        if one_hot.ndim != 4 or one_hot.shape[1] != self.num_classes:
            shape = tuple(one_hot.shape)
            raise InputError(f"a one-hot map must be n k h w with k = {self.num_classes}, found shape {shape}.")
        top, ids = one_hot.max(1)
        if not is_traced() and not bool(((one_hot == 0) | (one_hot == 1)).all() & (one_hot.sum(1) == top).all()):
            raise InputError("MonaiSPADE takes class ids or one-hot maps, found a map with other values than 0 and 1.")
        return ids.where(top > 0, self.num_classes)

    def forward(self, x: Tensor, cond: Any, *, ready: Modulation | None = None, slope: float | None = None) -> Tensor:
        if isinstance(cond, PreparedCondition):
            return cond.run(self, x)
        return super().forward(x, cond, ready=ready, slope=slope)

    @classmethod
    def of(cls, spade: nn.Module) -> MonaiSPADE:
        """The same layer as one of MONAI's, with copies of its weights; its norm is shared.

        Raises:
            InputTypeError: for another module.
            InputError: for one of another shape than MONAI's, or of three dimensions.
        """
        theirs: Any = spade
        if type(spade).__name__ != "SPADE" or not hasattr(spade, "mlp_shared"):
            raise InputTypeError(f"MonaiSPADE.of takes MONAI's SPADE, found {type(spade).__name__}.")
        weight, of_gamma = theirs.mlp_shared.conv.weight, theirs.mlp_gamma.conv.weight
        if weight.ndim != 4:
            raise InputError(f"MonaiSPADE is for two dimensions, found one of {weight.ndim - 2}.")
        layer = cls(
            of_gamma.shape[0],
            weight.shape[1],
            hidden=weight.shape[0],
            kernel_size=weight.shape[2],
            norm=lambda _: theirs.param_free_norm,
            device=weight.device,
            dtype=weight.dtype,
        )
        layer.load_state_dict({_rename(key, OURS): t for key, t in spade.state_dict().items()})
        return layer.train(spade.training)

    @classmethod
    def replace_in(cls, network: nn.Module) -> nn.Module:
        """Put a layer with the same weights in the place of every SPADE of a MONAI network, in place.

        Returns:
            the network, which takes class ids or a `PreparedCondition` as ``seg``, and one-hot maps as before.

        Raises:
            InputError: if there is none, or they are of three dimensions; then the network is as it was.
        """
        found = {name: m for name, m in network.named_modules() if type(m).__name__ == "SPADE" and name}
        if not found:
            raise InputError(f"{type(network).__name__} has no SPADE of MONAI's in it.")
        layers = {name: cls.of(spade) for name, spade in found.items()}
        for name, layer in layers.items():
            parent, _, last = name.rpartition(".")
            network.get_submodule(parent)._modules[last] = layer
        return network

    @staticmethod
    def monai_state(network: nn.Module) -> dict[str, Tensor]:
        """The state of a network with such layers, or of one, by the names that MONAI has for it."""
        layers = [f"{name}." if name else "" for name, m in network.named_modules() if isinstance(m, MonaiSPADE)]
        state = {}
        for key, tensor in network.state_dict().items():
            prefix = next((prefix for prefix in layers if key.startswith(prefix)), None)
            state[key if prefix is None else prefix + _rename(key[len(prefix) :], THEIRS)] = tensor
        return state


def _rename(key: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        if key.startswith(f"{old}."):
            return new + key[len(old) :]
    raise CheckpointError(f"{key!r} is no part of SPADE, whose parts are {', '.join(names)}.")
