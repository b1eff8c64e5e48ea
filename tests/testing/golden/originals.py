"""What the papers and the released code compute, in plain torch with the names of the released files: from these the
tests make golden files that no original wrote, with whatever options.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

MakeNorm = Callable[[int], nn.Module]


def randomise(module: nn.Module) -> nn.Module:
    """Weights and statistics that nothing cancels; u and v near the largest singular value, but not at it."""
    rng = torch.Generator().manual_seed(len(list(module.state_dict())))
    for name, t in [*module.named_parameters(), *module.named_buffers()]:
        if t.is_floating_point() and not name.endswith(("_u", "_v")):
            spread = max(1.0, t[0].numel()) ** -0.5 if t.ndim > 1 else 0.3
            t.data = torch.randn(t.shape, generator=rng) * spread + float(name.endswith("running_var"))
            t.data = t.data.abs() + 0.5 if name.endswith("running_var") else t.data
    for m in module.modules():
        if hasattr(m, "weight_orig"):
            matrix = m.weight_orig.detach().flatten(1)
            for _ in range(4):
                m.weight_v.data = F.normalize(matrix.mT @ m.weight_u, dim=0)
                m.weight_u.data = F.normalize(matrix @ m.weight_v, dim=0)
    return module


def free_norm(kind: str, channels: int, **options: float) -> nn.Module:
    if kind == "instance":
        return nn.InstanceNorm2d(channels, affine=False, **options)
    return nn.BatchNorm2d(channels, affine=False, **options)


def resize(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[2:], mode="nearest")


class SPADE(nn.Module):
    def __init__(
        self,
        kind: str,
        channels: int,
        planes: int,
        ks: int,
        hidden: int = 128,
        free: str = "param_free_norm",
        **options,
    ) -> None:
        super().__init__()
        self.free = free
        setattr(self, free, free_norm(kind, channels, **options))
        self.mlp_shared = nn.Sequential(nn.Conv2d(planes, hidden, ks, padding=ks // 2), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, ks, padding=ks // 2)
        self.mlp_beta = nn.Conv2d(hidden, channels, ks, padding=ks // 2)
        self.channels = channels

    def forward(self, x: Tensor, seg: Tensor) -> Tensor:
        hidden = self.mlp_shared(resize(seg, x))
        return getattr(self, self.free)(x) * (1 + self.mlp_gamma(hidden)) + self.mlp_beta(hidden)


class _ClassAffine(nn.Module):
    def __init__(self, channels: int, classes: int, has_offsets: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, channels))
        self.bias = nn.Parameter(torch.empty(classes, channels))
        if has_offsets:
            self.dist_conv_w, self.dist_conv_b = nn.Conv2d(2, 1, 1), nn.Conv2d(2, 1, 1)

    def forward(self, x: Tensor, mask: Tensor, dist: Tensor | None = None) -> Tensor:
        ids = mask.argmax(1)
        weight, bias = (F.embedding(ids, table).permute(0, 3, 1, 2) for table in (self.weight, self.bias))
        if dist is not None:
            dist = resize(dist, x)
            weight, bias = weight * (1 + self.dist_conv_w(dist)), bias * (1 + self.dist_conv_b(dist))
        return x * weight + bias


class CLADE(nn.Module):
    """Of semantics with or without an edge plane."""

    def __init__(
        self, kind: str, channels: int, classes: int, has_edges: bool, has_offsets: bool, **options: float
    ) -> None:
        super().__init__()
        self.param_free_norm = free_norm(kind, channels, **options)
        self.class_specified_affine = _ClassAffine(channels, classes, has_offsets)
        self.inst_conv = nn.Conv2d(1, 1, 1) if has_edges else None
        self.classes, self.channels = classes, channels + has_edges

    def forward(self, x: Tensor, seg: Tensor, dist: Tensor | None = None) -> Tensor:
        seg = resize(seg, x)
        y = self.class_specified_affine(self.param_free_norm(x), seg[:, : self.classes], dist)
        return y if self.inst_conv is None else torch.cat([y, self.inst_conv(seg[:, -1:])], 1)


class INADE(nn.Module):
    """Of semantics whose last plane is not read."""

    def __init__(self, kind: str, channels: int, classes: int, noise: int, has_sketch: bool, **options: float) -> None:
        super().__init__()
        self.param_free_norm = free_norm(kind, channels, **options)
        self.weight = nn.Parameter(torch.empty(classes, channels, 2))
        self.bias = nn.Parameter(torch.empty(classes, channels, 2))
        self.fc_noise = nn.Linear(noise, channels)
        if has_sketch:
            self.sketch_conv = nn.Conv2d(1, channels, 3, padding=1)
            self.merge_conv = nn.Conv2d(2 * channels, channels, 1, bias=False)
        self.channels = channels

    def forward(self, x: Tensor, seg: Tensor, instances: Tensor, noise: Tensor, sketch: Tensor | None = None) -> Tensor:
        m, i = resize(seg, x)[:, :-1], resize(instances, x)
        scale, shift = (
            torch.einsum("nkhw,kc->nchw", m, self.weight[..., j])
            * torch.einsum("nihw,nic->nchw", i, self.fc_noise(noise[:, :, j]))
            + torch.einsum("nkhw,kc->nchw", m, self.bias[..., j])
            for j in (0, 1)
        )
        y = scale * self.param_free_norm(x) + shift
        if sketch is None:
            return y
        return self.merge_conv(torch.cat([y, self.sketch_conv(resize(sketch, x))], 1))


class SCConv(nn.Module):
    def __init__(self, fin: int, fout: int, k: int, experts: int, spectral: bool, **options) -> None:
        super().__init__()
        wrap = spectral_norm if spectral else lambda conv: conv
        self.conv_bases = nn.ModuleList(wrap(nn.Conv2d(fin, fout, k, **options)) for _ in range(experts))

    def forward(self, x: Tensor, routing: Tensor) -> Tensor:
        results = [conv(x) for conv in self.conv_bases]
        if routing.shape[1] == len(results):
            return sum(y * routing[:, e, None] for e, y in enumerate(results))
        z = torch.cat(results, 1) * routing
        return torch.stack([part.sum(1) for part in z.split(len(results), 1)], 1)


class SCNorm(nn.Module):
    def __init__(self, kind: str, channels: int, experts: int, **options: float) -> None:
        super().__init__()
        self.param_free_norm = free_norm(kind, channels, **options)
        self.affine_params_groups = nn.Parameter(torch.empty(experts, 2 * channels))
        self.channels = channels

    def forward(self, x: Tensor, routing: Tensor) -> Tensor:
        gamma, beta = torch.einsum("nehw,ec->nchw", routing, self.affine_params_groups).chunk(2, 1)
        return self.param_free_norm(x) * (1 + gamma) + beta


class PSM(nn.Module):
    def __init__(self, kind: str, channels: int, parts: int, hidden: int) -> None:
        super().__init__()
        self.first_norm = free_norm(kind, channels)
        for end in ("", "_nos"):
            setattr(self, f"mlp_shared{end}", nn.Sequential(nn.Conv2d(parts, hidden, 3, padding=1), nn.ReLU()))
            for name in ("gamma", "beta"):
                setattr(self, f"mlp_{name}{end}", nn.Conv2d(hidden, 1, 3, padding=1))
        self.channels = channels

    def forward(self, x: Tensor, part: Tensor, noise: Tensor, mask: Tensor | None) -> Tensor:
        of_noise = self.mlp_shared_nos(noise)
        gamma, beta = self.mlp_gamma_nos(of_noise), self.mlp_beta_nos(of_noise)
        if mask is not None:
            m, of_parts = resize(mask, x), self.mlp_shared(resize(part, x))
            gamma = self.mlp_gamma(of_parts) * m + gamma * (1 - m)
            beta = self.mlp_beta(of_parts) * m + beta * (1 - m)
        return self.first_norm(x) * (1 + gamma) + beta


class Block(nn.Module):
    """The residual block of every generator; norms are called with the maps that stand for them."""

    def __init__(self, fin: int, fout: int, norm: MakeNorm, spectral: bool, *, front: MakeNorm | None = None) -> None:
        super().__init__()
        middle = min(fin, fout)

        def conv(a: int, b: int, k: int = 3, bias: bool = True) -> nn.Module:
            layer = nn.Conv2d(a, b, k, padding=k // 2, bias=bias)
            return spectral_norm(layer) if spectral else layer

        self.norm_p, self.norm_0, self.norm_1 = front and front(fin), norm(fin), norm(middle)
        self.conv_p = conv(fin, fin) if front else None
        self.conv_0, self.conv_1 = conv(self.norm_0.channels, middle), conv(self.norm_1.channels, fout)
        self.norm_s = norm(fin) if fin != fout else None
        self.conv_s = conv(self.norm_s.channels, fout, 1, bias=False) if self.norm_s else None

    def forward(self, x: Tensor, *maps: Tensor, front: tuple[Tensor | None, ...] = ()) -> Tensor:
        if self.norm_p:
            x = self.conv_p(F.leaky_relu(self.norm_p(x, *front), 0.2))
        skip = self.conv_s(self.norm_s(x, *maps)) if self.norm_s else x
        x = self.conv_0(F.leaky_relu(self.norm_0(x, *maps), 0.2))
        return skip + self.conv_1(F.leaky_relu(self.norm_1(x, *maps), 0.2))


class SCBlock(nn.Module):
    def __init__(self, fin: int, fout: int, kind: str, ks: int, planes: int, conv: int, norm: int, spectral: bool):
        super().__init__()
        middle = min(fin, fout)
        self.conv_0 = SCConv(fin, middle, 3, conv, spectral, padding=1, bias=False)
        self.conv_1 = SCConv(middle, fout, 3, conv, spectral, padding=1, bias=False)
        self.norm_0, self.norm_1 = SCNorm(kind, fin, norm), SCNorm(kind, middle, norm)
        self.norm_s = SPADE(kind, fin, planes, ks) if fin != fout else None
        self.conv_s = spectral_norm(nn.Conv2d(fin, fout, 3, padding=1)) if fin != fout else None

    def forward(self, x: Tensor, seg: Tensor, conv: Tensor, norm: Tensor) -> Tensor:
        skip = self.conv_s(self.norm_s(x, seg)) if self.norm_s else x
        x = self.conv_0(F.leaky_relu(self.norm_0(x, norm), 0.2), conv)
        return skip + self.conv_1(F.leaky_relu(self.norm_1(x, norm), 0.2), conv)


class InstanceConv(nn.Module):
    def __init__(self, fin: int, fout: int, k: int, stride: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(fout, fin, k, k)), nn.Parameter(torch.empty(fout))
        self.taps = {"kernel_size": k, "padding": k // 2, "stride": stride}

    def forward(self, x: Tensor, ids: Tensor) -> Tensor:
        columns = F.unfold(x, **self.taps).unflatten(1, (x.shape[1], -1))
        around = F.unfold(ids.float(), **self.taps)
        gate = 1 - (around - around[:, around.shape[1] // 2, None]).abs().clamp(0, 1)
        y = self.weight.flatten(1) @ (columns * gate[:, None]).flatten(1, 2) + self.bias[:, None]
        return y.unflatten(2, (x.shape[2] // self.taps["stride"], -1))


class PatchGAN(nn.Module):
    """Several nets ``discriminator_i``; all maps of all scales."""

    def __init__(self, planes: int, width: int, layers: int, scales: int) -> None:
        super().__init__()
        for scale in range(scales):
            net = nn.Module()
            widths = [min(width * 2**i, 512) for i in range(layers)]
            net.model0 = nn.Sequential(nn.Conv2d(planes, width, 4, 2, 2), nn.LeakyReLU(0.2))
            for i in range(1, layers):
                stride = 1 if i == layers - 1 else 2
                conv = spectral_norm(nn.Conv2d(widths[i - 1], widths[i], 4, stride, 2, bias=False))
                block = nn.Sequential(conv, nn.InstanceNorm2d(widths[i]))
                net.add_module(f"model{i}", nn.Sequential(block, nn.LeakyReLU(0.2)))
            net.add_module(f"model{layers}", nn.Sequential(nn.Conv2d(widths[-1], 1, 4, 1, 2)))
            self.add_module(f"discriminator_{scale}", net)

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        scales = []
        for net in self.children():
            maps = [x]
            for block in net.children():
                maps.append(block(maps[-1]))
            scales.append(maps[1:])
            x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return scales


class ScalingBlock(nn.Module):
    def __init__(self, fin: int, fout: int, direction: int, first: bool, spectral: bool) -> None:
        super().__init__()
        wrap = spectral_norm if spectral else lambda conv: conv
        before = [] if first else [nn.LeakyReLU(0.2)]
        before += [nn.Upsample(scale_factor=2)] if direction > 0 else []
        self.conv1 = nn.Sequential(*before, wrap(nn.Conv2d(fin, fout, 3, padding=1)))
        self.conv2 = nn.Sequential(nn.LeakyReLU(0.2), wrap(nn.Conv2d(fout, fout, 3, padding=1)))
        self.conv_s = wrap(nn.Conv2d(fin, fout, 1)) if fin != fout else None
        self.direction = direction

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(self.conv1(x))
        skip = F.interpolate(x, scale_factor=2.0) if self.direction > 0 else x
        skip = self.conv_s(skip) if self.conv_s else skip
        return F.avg_pool2d(skip, 2) + F.avg_pool2d(y, 2) if self.direction < 0 else skip + y


class UNet(nn.Module):
    """OASIS' discriminator of given widths, perhaps with iPOSE's global head."""

    def __init__(self, classes: int, widths: list[int], last: int, spectral: bool, has_head: bool) -> None:
        super().__init__()
        ins = [3, *widths[:-1]]
        self.body_down = nn.ModuleList(
            ScalingBlock(a, b, -1, i == 0, spectral) for i, (a, b) in enumerate(zip(ins, widths, strict=True))
        )
        outs = [*widths[-2::-1], last]
        read = [widths[-1], *(2 * w for w in widths[-2::-1])]
        self.body_up = nn.ModuleList(ScalingBlock(a, b, 1, False, spectral) for a, b in zip(read, outs, strict=True))
        self.layer_up_last = nn.Conv2d(last, classes + 1, 1)
        self.conv_g = nn.Conv2d(widths[3], 1, 3, padding=1) if has_head else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        levels = []
        for block in self.body_down:
            x = block(x)
            levels.append(x)
        head = None if self.conv_g is None else self.conv_g(levels[3])
        x = self.body_up[0](levels.pop())
        for block in self.body_up[1:]:
            x = block(torch.cat([levels.pop(), x], 1))
        return self.layer_up_last(x), head


class ImageEncoder(nn.Module):
    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        widths = (3, *(m * width for m in (1, 2, 4, 8, 8, 8)))
        for i, (a, b) in enumerate(pairwise(widths), 1):
            conv = spectral_norm(nn.Conv2d(a, b, 3, 2, 1, bias=False))
            self.add_module(f"layer{i}", nn.Sequential(conv, nn.InstanceNorm2d(b)))
        self.fc_mu, self.fc_var = (nn.Linear(16 * widths[-1], dim) for _ in range(2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = F.interpolate(x, (256, 256), mode="bilinear")
        for i in range(1, 7):
            x = F.leaky_relu(self.get_submodule(f"layer{i}")(x), 0.2)
        return self.fc_mu(x.flatten(1)), self.fc_var(x.flatten(1))
