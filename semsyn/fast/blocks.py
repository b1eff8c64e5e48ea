"""The residual block for inference."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.fast.conv import FastConv2d, SplitConv2d
from semsyn.fast.norm import FastNorm
from semsyn.nn.conditional import as_condition
from semsyn.nn.features import check_features
from semsyn.nn.resblock import SLOPE, BlockModulations, ModulatedResBlock, convolve
from semsyn.nn.untouched import is_untouched
from semsyn.ops.modes import share_memory
from semsyn.records.condition import Condition


class FastResBlock(ModulatedResBlock):
    """A residual block that owns its features: works in place, and convolves channels apart that norms append.

    Args:
        norms: norm_p, norm_0, norm_1 and norm_s, as far as there are any.
        convs: conv_p and so on, likewise.
        reads: of the block.
    """

    def __init__(self, norms: dict[str, nn.Module], convs: dict[str, nn.Module], reads: tuple[str, ...]) -> None:
        super(ModulatedResBlock, self).__init__()
        self.reads = reads
        for name in "p01s":
            norm, conv = norms.get(f"norm_{name}"), convs.get(f"conv_{name}")
            tail = getattr(norm, "tail", None)
            appended = 0 if tail is None else tail.appended
            if appended and isinstance(conv, FastConv2d):
                conv = SplitConv2d(conv, appended)
            setattr(self, f"norm_{name}", norm)
            setattr(self, f"conv_{name}", conv)

    def forward(self, x: Tensor, cond: Condition | Tensor, ready: BlockModulations | None = None) -> Tensor:
        check_features(x)
        cond = as_condition(cond, x.shape[0], type(self).__name__)
        given, is_own = x, x.shape[2:] != cond.size
        x = F.interpolate(x, cond.size) if is_own else x
        if self.norm_p is not None:
            x = self._step("p", x, cond, ready, inplace=is_own)
            is_own = True
        shortcut = x if self.norm_s is None else self._step("s", x, cond, ready, slope=None)

        def is_free(x: Tensor) -> bool:
            """Whether nobody needs it: a layer that somebody put in may give these as they are, or a view of them."""
            return not (share_memory(x, given) or share_memory(x, shortcut))

        x = self._step("0", x, cond, ready, inplace=is_own and is_free(x))
        x = self._step("1", x, cond, ready, inplace=is_free(x))
        if torch.is_grad_enabled() or x.dtype != shortcut.dtype or not is_free(x):
            return shortcut + x
        return x.add_(shortcut)

    def _step(
        self,
        name: str,
        x: Tensor,
        cond: Condition,
        ready: BlockModulations | None,
        *,
        slope: float | None = SLOPE,
        inplace: bool = False,
    ) -> Tensor:
        norm, conv = getattr(self, f"norm_{name}"), getattr(self, f"conv_{name}")
        known = None if ready is None else ready.get(f"norm_{name}")
        if isinstance(norm, FastNorm) and norm.can_be_entered() and is_untouched(conv):
            return norm.convolved(conv, x, cond, known, slope=slope, inplace=inplace)
        return convolve(conv, norm(x, cond, ready=known, slope=slope), cond)
