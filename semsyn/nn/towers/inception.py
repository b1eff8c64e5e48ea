"""Inception v3: the network that the FID is defined by, and torchvision's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import CheckpointError, InputError
from semsyn.nn.towers.tower import Tower
from semsyn.signature import checked

SIDE = 299  # of the pictures that it was trained on
LEAST = 75  # below, the last reduction has nothing to reduce
FULL = 32  # channels of the first convolution; all others are multiples of half of it
CLASSES = {"fid": 1008, "torchvision": 1000}

Kind = Literal["fid", "torchvision"]
Kernel: TypeAlias = int | tuple[int, int]
Conv: TypeAlias = tuple[str, int, Kernel] | tuple[str, int, Kernel, int]  # name, channels, kernel, stride (halving: 2)
Branch: TypeAlias = Sequence[Conv | list[Conv] | str]  # convolutions in a row; a list: side by side; POOL

Count: TypeAlias = Callable[[int], int]  # channels of the full network to those of one of this width

POOL = "pool"


class BasicConv(nn.Module):
    """Convolution without bias, batch norm of running statistics, ReLU."""

    def __init__(self, c_in: int, c_out: int, kernel: Kernel, stride: int = 1, padding: Kernel = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(c_out, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Mixed(nn.Module):
    """Branches of convolutions on the same features, side by side in what comes out.

    Args:
        c_in: channels of the features.
        branches: of each its steps; convolutions keep the size but for those with a stride, which do not pad.
        pool: what the step `POOL` is.
    """

    def __init__(self, c_in: int, branches: Sequence[Branch], pool: nn.Module) -> None:
        super().__init__()
        self.branches, self.pool = branches, pool
        self.channels = 0
        for branch in branches:
            channels = c_in
            for step in branch:
                if not isinstance(step, str):
                    convs = step if isinstance(step, list) else [step]
                    for conv in convs:
                        self.add_module(conv[0], _make(channels, conv))
                    channels = sum(conv[1] for conv in convs)
            self.channels += channels

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self._run(branch, x) for branch in self.branches], 1)

    def _run(self, branch: Branch, x: Tensor) -> Tensor:
        for step in branch:
            if isinstance(step, str):
                x = self.pool(x)
            elif isinstance(step, list):
                x = torch.cat([self.get_submodule(conv[0])(x) for conv in step], 1)
            else:
                x = self.get_submodule(step[0])(x)
        return x


def _make(c_in: int, conv: Conv) -> BasicConv:
    _, c_out, kernel, *strides = conv
    h, w = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    return BasicConv(c_in, c_out, kernel, *(strides or (1, (h // 2, w // 2))))


class Inception(Tower):
    """Inception v3 up to its last features; gives the maps that FIDs are computed of, and logits.

    Its names are those of pytorch-fid's file and of torchvision's ``inception_v3``: ``Conv2d_1a_3x3.conv.weight``. The
    two networks differ. That of the FID leaves the border out of its average pools, its last pool takes maxima, and it
    knows 1008 classes.

    Args:
        kind: which one.
        size: side that pictures are resized to first, bilinearly without antialiasing, as the FID is defined; None: as
            they are, 75 pixels at least.
        width: channels of the first convolution, an even number; 32 is the real one.

    Shape: x is n 3 h w in [-1, 1]. Of 299 pixels the maps have 73, 35, 17 and 8.

    Reference: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", arXiv:1512.00567.
    """

    maps = ("pool1", "pool2", "mixed6e", "mixed7c")
    strides = (4, 8, 16, 32)

    @checked(size=LEAST, width=2)
    def __init__(self, kind: Kind = "fid", *, size: int | None = SIDE, width: int = FULL) -> None:
        super().__init__(None, None)
        if width % 2:
            raise InputError(f"width must be even, found {width}: other convolutions have multiples of its half.")
        self.kind, self.size, self.width = kind, size, width
        self.least = 1 if size else LEAST

        def c(channels: int) -> int:
            return channels * width // FULL

        self.channels = (c(64), c(192), c(768), c(2048))
        is_fid = kind == "fid"
        mean, self.halve = nn.AvgPool2d(3, 1, 1, count_include_pad=not is_fid), nn.MaxPool2d(3, 2)
        self.Conv2d_1a_3x3 = BasicConv(3, c(32), 3, 2)
        self.Conv2d_2a_3x3 = BasicConv(c(32), c(32), 3)
        self.Conv2d_2b_3x3 = BasicConv(c(32), c(64), 3, padding=1)
        self.Conv2d_3b_1x1 = BasicConv(c(64), c(80), 1)
        self.Conv2d_4a_3x3 = BasicConv(c(80), c(192), 3)
        self.Mixed_5b = Mixed(c(192), _wide(c, 32), mean)
        self.Mixed_5c = Mixed(c(256), _wide(c, 64), mean)
        self.Mixed_5d = Mixed(c(288), _wide(c, 64), mean)
        self.Mixed_6a = Mixed(c(288), _first_reduction(c), self.halve)
        self.Mixed_6b = Mixed(c(768), _long(c, 128), mean)
        self.Mixed_6c = Mixed(c(768), _long(c, 160), mean)
        self.Mixed_6d = Mixed(c(768), _long(c, 160), mean)
        self.Mixed_6e = Mixed(c(768), _long(c, 192), mean)
        self.Mixed_7a = Mixed(c(768), _second_reduction(c), self.halve)
        self.Mixed_7b = Mixed(c(1280), _forked(c), mean)
        self.Mixed_7c = Mixed(c(2048), _forked(c), nn.MaxPool2d(3, 1, 1) if is_fid else mean)
        self.fc = nn.Linear(c(2048), CLASSES[kind])
        self.requires_grad_(False).eval()

    @classmethod
    def of(cls, state: Mapping[str, Tensor], *, size: int | None = SIDE) -> "Inception":
        """The network that a state dict of either project fits.

        Args:
            state: with the published names; torchvision's auxiliary classifier (``AuxLogits``) is passed over.
            size: see above.

        Raises:
            CheckpointError: for anything else.
        """
        own = {key: t for key, t in state.items() if not key.startswith("AuxLogits.")}
        rows = len(own["fc.bias"]) if own.get("fc.bias", torch.zeros(())).ndim else 0
        kind: Kind | None = next((kind for kind in ("fid", "torchvision") if CLASSES[kind] == rows), None)
        first = own.get("Conv2d_1a_3x3.conv.weight")
        if kind is None or first is None or first.ndim != 4 or len(first) not in range(2, FULL + 1, 2):
            raise CheckpointError(
                "no weights of Inception v3: expected pytorch-fid's (pt_inception-2015-12-05-6726825d.pth, fc of 1008 "
                f"rows) or those of torchvision's inception_v3 (1000 rows), found {len(state)} tensors, fc of {rows}."
            )
        network = cls(kind, size=size, width=len(first))
        try:
            found = network.load_state_dict(own, strict=False)
        except RuntimeError as error:
            raise CheckpointError(f"no weights of Inception v3: {str(error).splitlines()[-1].strip()}") from error
        lacking = [key for key in found.missing_keys if not key.endswith("num_batches_tracked")]
        if lacking or found.unexpected_keys:
            what = f"{lacking[0]} is missing" if lacking else f"{found.unexpected_keys[0]} is not known"
            raise CheckpointError(f"no weights of Inception v3: {what}.")
        return network

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.read(x)
        if self.size is not None and x.shape[2:] != (self.size, self.size):
            x = F.interpolate(x, (self.size, self.size), mode="bilinear", align_corners=False)
        maps = []
        for stage in (
            (self.Conv2d_1a_3x3, self.Conv2d_2a_3x3, self.Conv2d_2b_3x3, self.halve),
            (self.Conv2d_3b_1x1, self.Conv2d_4a_3x3, self.halve),
            (self.Mixed_5b, self.Mixed_5c, self.Mixed_5d, self.Mixed_6a)
            + (self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e),
            (self.Mixed_7a, self.Mixed_7b, self.Mixed_7c),
        ):
            for layer in stage:
                x = layer(x)
            maps.append(x)
        return maps

    def logits(self, features: Tensor) -> Tensor:
        """What the classifier says of the means of the last map, n 2048: n 1008 or n 1000."""
        return self.fc(features)


def _wide(c: Count, pooled: int) -> list[Branch]:
    return [
        [("branch1x1", c(64), 1)],
        [("branch5x5_1", c(48), 1), ("branch5x5_2", c(64), 5)],
        [("branch3x3dbl_1", c(64), 1), ("branch3x3dbl_2", c(96), 3), ("branch3x3dbl_3", c(96), 3)],
        [POOL, ("branch_pool", c(pooled), 1)],
    ]


def _first_reduction(c: Count) -> list[Branch]:
    return [
        [("branch3x3", c(384), 3, 2)],
        [("branch3x3dbl_1", c(64), 1), ("branch3x3dbl_2", c(96), 3), ("branch3x3dbl_3", c(96), 3, 2)],
        [POOL],
    ]


def _long(c: Count, inner: int) -> list[Branch]:
    row, column = (1, 7), (7, 1)
    return [
        [("branch1x1", c(192), 1)],
        [("branch7x7_1", c(inner), 1), ("branch7x7_2", c(inner), row), ("branch7x7_3", c(192), column)],
        [
            ("branch7x7dbl_1", c(inner), 1),
            ("branch7x7dbl_2", c(inner), column),
            ("branch7x7dbl_3", c(inner), row),
            ("branch7x7dbl_4", c(inner), column),
            ("branch7x7dbl_5", c(192), row),
        ],
        [POOL, ("branch_pool", c(192), 1)],
    ]


def _second_reduction(c: Count) -> list[Branch]:
    return [
        [("branch3x3_1", c(192), 1), ("branch3x3_2", c(320), 3, 2)],
        [
            ("branch7x7x3_1", c(192), 1),
            ("branch7x7x3_2", c(192), (1, 7)),
            ("branch7x7x3_3", c(192), (7, 1)),
            ("branch7x7x3_4", c(192), 3, 2),
        ],
        [POOL],
    ]


def _forked(c: Count) -> list[Branch]:
    def fork(name: str) -> list[Conv]:
        return [(f"{name}a", c(384), (1, 3)), (f"{name}b", c(384), (3, 1))]

    return [
        [("branch1x1", c(320), 1)],
        [("branch3x3_1", c(384), 1), fork("branch3x3_2")],
        [("branch3x3dbl_1", c(448), 1), ("branch3x3dbl_2", c(384), 3), fork("branch3x3dbl_3")],
        [POOL, ("branch_pool", c(192), 1)],
    ]
