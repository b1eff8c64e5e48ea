"""The residual block of every modulated generator."""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.nn.conditional import Conditional
from semsyn.nn.inference_conv import SplitConv2d
from semsyn.nn.modulation import Modulation
from semsyn.nn.spectral_norm import spectral_norm
from semsyn.records.condition import Condition

MakeNorm = Callable[[int], Conditional]
MakeConv = Callable[[int, int], nn.Module]
BlockModulations = Mapping[str, Modulation]


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

    Reference: Park et al., arXiv:1903.07291, figure 3.
    """

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

        self.norm_p = None if front_modulation is None else front_modulation(in_channels)
        self.conv_p = None if self.norm_p is None else plain(self.norm_p.out_channels, in_channels)
        self.norm_0 = modulation(in_channels)
        self.conv_0 = conv(self.norm_0.out_channels, middle)
        self.norm_1 = modulation(middle)
        self.conv_1 = conv(self.norm_1.out_channels, out_channels)
        self.norm_s = modulation_s(in_channels) if in_channels != out_channels else None
        self.conv_s = (
            None
            if self.norm_s is None
            else plain(self.norm_s.out_channels, out_channels, shortcut_kernel_size, has_shortcut_bias)
        )
        layers = (self.norm_p, self.norm_0, self.conv_0, self.norm_s)
        self.reads = tuple(dict.fromkeys(f for layer in layers if isinstance(layer, Conditional) for f in layer.reads))

    def prepare(
        self, cond: Condition, drawn: Sequence[str] = (), earlier: BlockModulations | None = None
    ) -> BlockModulations:
        """The modulations of its norms, all that does not depend on the features; see `Conditional.modulate`.

        Args:
            cond: of the stage.
            drawn: `Condition` fields that are not known yet: norms that read one are left out.
            earlier: those of the maps before an edit.
        """
        known = earlier or {}
        norms = {"norm_p": self.norm_p, "norm_0": self.norm_0, "norm_1": self.norm_1, "norm_s": self.norm_s}
        return {
            name: norm.prepare(cond, known.get(name))
            for name, norm in norms.items()
            if norm is not None and not set(norm.reads) & set(drawn)
        }

    def forward(self, x: Tensor, cond: Condition, prepared: BlockModulations | None = None) -> Tensor:
        ready = prepared or {}
        is_own = x.shape[2:] != cond.size
        x = F.interpolate(x, cond.size) if is_own else x
        if self.norm_p is not None and self.conv_p is not None:
            x = self.norm_p.convolve(self.conv_p, x, cond, ready.get("norm_p"), negative_slope=0.2, inplace=is_own)
            is_own = True
        shortcut = x
        if self.norm_s is not None and self.conv_s is not None:
            shortcut = self.norm_s.convolve(self.conv_s, x, cond, ready.get("norm_s"))
        inplace = is_own and shortcut is not x
        x = self.norm_0.convolve(self.conv_0, x, cond, ready.get("norm_0"), negative_slope=0.2, inplace=inplace)
        x = self.norm_1.convolve(self.conv_1, x, cond, ready.get("norm_1"), negative_slope=0.2, inplace=True)
        if torch.is_grad_enabled() or x.dtype != shortcut.dtype:
            return shortcut + x
        return x.add_(shortcut)

    def fold(self) -> None:
        """Take the inference form, in place: channels that norms append are convolved apart."""
        for name in ("0", "1", "s"):
            norm, conv = getattr(self, f"norm_{name}"), getattr(self, f"conv_{name}")
            if norm is not None and norm.appended_channels and isinstance(conv, nn.Conv2d):
                setattr(self, f"conv_{name}", SplitConv2d(conv, norm.appended_channels))
