"""The residual block of every modulated generator."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputTypeError
from semsyn.nn.checkpointing import checkpointed
from semsyn.nn.conditional import Conditional, ConditionalNorm, MakeNorm, Modulation, as_condition
from semsyn.nn.features import check_features, make_module
from semsyn.nn.spectral_norm import spectral_norm
from semsyn.records.condition import Condition
from semsyn.signature import checked

MakeConv = Callable[[int, int], nn.Module]
BlockModulations = Mapping[str, Modulation]

SLOPE = 0.2  # of the leaky ReLUs


class ModulatedResBlock(nn.Module):
    """Two modulated, activated convolutions beside a shortcut.

    out = shortcut(x) + conv_1(act(norm_1(conv_0(act(norm_0(x)))))), act = leaky ReLU 0.2. The shortcut is x itself, or
    conv_s(norm_s(x)) without activation where the channels change. With a modulation in front, x is
    conv_p(act(norm_p(x))) to begin with.

    Args:
        in_channels, out_channels: of x and of the result.
        modulation: makes the conditional norm of c channels: ``partial(CLADE, num_classes=19)``. Convolutions take as
            many channels as it returns (`Conditional.out_channels`).
        front_modulation: makes the norm in front; None: there is none.
        convolution: makes conv_0 and conv_1 of their input and output channels, at the same size; one that is
            `Conditional` is called with the condition. None: 3 x 3 with bias.
        shortcut_modulation: makes norm_s; None: as the others.
        shortcut_kernel_size: of conv_s.
        has_shortcut_bias: whether conv_s has one.
        has_spectral_norm: put spectral normalisation on the convolutions, except those that ``convolution`` makes.

    Shape: x is n c h w at the condition's size, or smaller: then it is enlarged to it (nearest); the result n c' h w.
    Where the norms read nothing else, the condition may be class_ids alone.

    Attributes:
        checkpoints: whether backward computes activations again instead of keeping them (`checkpoint_activations`).

    Reference: Park et al., arXiv:1903.07291, figure 3.
    """

    checkpoints: bool = False

    @checked(in_channels=1, out_channels=1)
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        modulation: MakeNorm,
        *,
        front_modulation: MakeNorm | None = None,
        convolution: MakeConv | None = None,
        shortcut_modulation: MakeNorm | None = None,
        shortcut_kernel_size: int = 1,
        has_shortcut_bias: bool = False,
        has_spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        middle = min(in_channels, out_channels)

        def plain(channels_in: int, channels: int, kernel_size: int = 3, bias: bool = True) -> nn.Module:
            layer = nn.Conv2d(channels_in, channels, kernel_size, padding=kernel_size // 2, bias=bias)
            return spectral_norm(layer) if has_spectral_norm else layer

        conv = convolution or plain
        modulation_s = shortcut_modulation or modulation

        self.norm_p = (
            None if front_modulation is None else _make_norm(front_modulation, "front_modulation", in_channels)
        )
        self.conv_p = None if self.norm_p is None else plain(self.norm_p.out_channels, in_channels)
        self.norm_0 = _make_norm(modulation, "modulation", in_channels)
        self.conv_0 = make_module(conv, "convolution", self.norm_0.out_channels, middle)
        self.norm_1 = _make_norm(modulation, "modulation", middle)
        self.conv_1 = make_module(conv, "convolution", self.norm_1.out_channels, out_channels)
        self.norm_s = None
        if in_channels != out_channels:
            self.norm_s = _make_norm(modulation_s, "shortcut_modulation", in_channels)
        self.conv_s = (
            None
            if self.norm_s is None
            else plain(self.norm_s.out_channels, out_channels, shortcut_kernel_size, has_shortcut_bias)
        )
        layers = (self.norm_p, self.norm_0, self.conv_0, self.norm_s)
        self.reads = tuple(dict.fromkeys(f for layer in layers if isinstance(layer, Conditional) for f in layer.reads))

    def norms(self) -> dict[str, ConditionalNorm]:
        """The norms there are, by name."""
        named = {"norm_p": self.norm_p, "norm_0": self.norm_0, "norm_1": self.norm_1, "norm_s": self.norm_s}
        return {name: norm for name, norm in named.items() if norm is not None}

    def prepare(
        self, cond: Condition, drawn: Sequence[str] = (), earlier: BlockModulations | None = None
    ) -> BlockModulations:
        """The modulations of its norms, all that does not depend on the features; see `ConditionalNorm.modulate`.

        Args:
            cond: of the stage.
            drawn: `Condition` fields that are not known yet: norms that read one are left out.
            earlier: those of the maps before an edit.
        """
        known = earlier or {}
        early = {
            name: norm
            for name, norm in self.norms().items()
            # One that somebody wrapped, hooked or patched is entered by its forward alone, when its turn comes.
            if isinstance(norm, ConditionalNorm) and norm.can_be_entered() and not set(norm.reads) & set(drawn)
        }
        return {name: norm.modulate(cond, known.get(name)) for name, norm in early.items()}

    def forward(self, x: Tensor, cond: Condition | Tensor, ready: BlockModulations | None = None) -> Tensor:
        check_features(x)
        cond, known = as_condition(cond, x.shape[0], type(self).__name__), ready or {}
        x = x if x.shape[2:] == cond.size else F.interpolate(x, cond.size)
        step = partial(checkpointed, _step) if self.checkpoints else _step
        if self.norm_p is not None and self.conv_p is not None:
            x = step(self.norm_p, self.conv_p, x, cond, known.get("norm_p"), SLOPE)
        shortcut = x
        if self.norm_s is not None and self.conv_s is not None:
            shortcut = step(self.norm_s, self.conv_s, x, cond, known.get("norm_s"), None)
        x = step(self.norm_0, self.conv_0, x, cond, known.get("norm_0"), SLOPE)
        x = step(self.norm_1, self.conv_1, x, cond, known.get("norm_1"), SLOPE)
        return shortcut + x


def _step(
    norm: ConditionalNorm, conv: nn.Module, x: Tensor, cond: Condition, ready: Modulation | None, slope: float | None
) -> Tensor:
    """What activation checkpointing computes again as one."""
    return convolve(conv, norm(x, cond, ready=ready, slope=slope), cond)


def _make_norm(make: MakeNorm, name: str, channels: int) -> ConditionalNorm:
    made: Any = make_module(make, name, channels)
    if not isinstance(getattr(made, "out_channels", None), int):
        raise InputTypeError(
            f"{name} must make a ConditionalNorm, which says its out_channels: {type(made).__name__} does not."
        )
    return made


def convolve(conv: nn.Module, x: Tensor, cond: Condition) -> Tensor:
    """A convolution of x, which may read the condition, also where somebody wrapped it."""
    is_conditional = any(isinstance(module, Conditional) for module in conv.modules())
    return conv(x, cond) if is_conditional else conv(x)
