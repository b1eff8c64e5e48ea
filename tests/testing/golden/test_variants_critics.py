"""Golden files of critics and losses with other options than the released ones, see `test_variants`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.testing.golden import originals as o
from tests.testing.golden.variants import Variant, check, ids, noise

Results = Mapping[str, Tensor]


def patches(scales: int, layers: int, width: int, *, train: bool, logits_only: bool = False) -> Variant:
    def run(net: Any, x: dict[str, Tensor]) -> Results:
        maps = [found[-1:] if logits_only else found for found in net(x["x"])]
        return {f"D{s}_feat{i}": m for s, found in enumerate(maps) for i, m in enumerate(found)}

    config = {"semantic_nc": 4, "ndf": width, "num_D": scales, "n_layers_D": layers, "no_ganFeat_loss": logits_only}
    net = o.PatchGAN(7, width, layers, scales)
    return Variant("spade", "discriminator", config, net, {"x": noise(2, 7, 40, 48)}, run, train, after="after")


def scgan_patches(scales: int, layers: int, width: int) -> Variant:
    def run(net: Any, x: dict[str, Tensor]) -> Results:
        both = torch.cat([torch.cat([x["semantics"], x[name]], 1) for name in ("fake", "real")])
        return {f"d{s}_feat{i}": m for s, found in enumerate(net(both)) for i, m in enumerate(found)}

    config = {"num_D": scales, "n_layers_D": layers, "ndf": width, "input_nc": 5}
    inputs = {"semantics": noise(1, 2, 36, 44), "fake": noise(1, 3, 36, 44), "real": noise(1, 3, 36, 44) + 1}
    return Variant("scgan", "multiscale_d", config, o.PatchGAN(5, width, layers, scales), inputs, run, train=True)


def unet(widths: list[int], last: int, classes: int, *, spectral: bool, has_head: bool, train: bool) -> Variant:
    def run(net: Any, x: dict[str, Tensor]) -> Results:
        logits, head = net(x["x"])
        return {"logits": logits, **({} if head is None else {"global_logits": head})}

    family, kind = ("ipose", "discriminator_global") if has_head else ("oasis", "discriminator")
    config = {"channels": [3, *widths], "last": last, "semantic_nc": classes, "spectral_norm": spectral}
    side = 2 ** len(widths)
    net = o.UNet(classes, widths, last, spectral, has_head)
    return Variant(family, kind, config, net, {"x": noise(2, 3, side, 2 * side)}, run, train)


def scaling_block(fin: int, fout: int, direction: int, *, first: bool = False, spectral: bool = True) -> Variant:
    config = {"fin": fin, "fout": fout, "up_or_down": direction, "first": first, "spectral_norm": spectral}
    block = o.ScalingBlock(fin, fout, direction, first, spectral)
    run: Callable[[Any, dict[str, Tensor]], Results] = lambda m, x: {"y": m(x["x"])}  # noqa: E731
    return Variant("oasis", "d_block", config, block, {"x": noise(2, fin, 6, 10)}, run, train=True)


def with_gradients(leaves: dict[str, Tensor], losses: dict[str, Callable[[], Tensor]], name: str) -> dict[str, Tensor]:
    results = {}
    for key, make in losses.items():
        for leaf in leaves.values():
            leaf.requires_grad_().grad = None
        loss = make()
        loss.backward()
        results[key] = loss
        results |= {
            f"grad/{name.format(key, leaf)}": t.grad.clone() for leaf, t in leaves.items() if t.grad is not None
        }
    return results


GAN = {
    "hinge": (lambda x: -x.mean(), lambda x: F.relu(1 + x).mean(), lambda x: F.relu(1 - x).mean()),
    "ls": (lambda x: ((x - 1) ** 2).mean(), lambda x: (x**2).mean(), lambda x: ((x - 1) ** 2).mean()),
    "original": (lambda x: F.softplus(-x).mean(), lambda x: F.softplus(x).mean(), lambda x: F.softplus(-x).mean()),
    "w": (lambda x: -x.mean(), lambda x: x.mean(), lambda x: -x.mean()),
}


def game(scales: int, *modes: str) -> Variant:
    def run(module: nn.Module, x: dict[str, Tensor]) -> Results:
        def mean(loss: Callable[[Tensor], Tensor]) -> Callable[[], Tensor]:
            return lambda: torch.stack([loss(x[f"pred{s}"]) for s in range(scales)]).mean()

        roles = ("g", "d_fake", "d_real")
        losses = {f"{m}_{role}": mean(loss) for m in modes for role, loss in zip(roles, GAN[m], strict=True)}
        return with_gradients(x, losses, "{}/{}")

    inputs = {f"pred{s}": noise(2, 1, 4 + s, 5) for s in range(scales)}
    return Variant("spade", "loss_gan", {"modes": list(modes)}, nn.Identity(), inputs, run)


def matching(scales: int, layers: int, weight: float) -> Variant:
    def run(module: nn.Module, x: dict[str, Tensor]) -> Results:
        for name in x:
            x[name].requires_grad_(name.startswith("fake"))
        pairs = [(x[f"fake_D{s}_{i}"], x[f"real_D{s}_{i}"]) for s in range(scales) for i in range(layers - 1)]
        loss = weight / scales * sum((a - b).abs().mean() for a, b in pairs)
        return {"feat": loss, **_gradients(loss, {k: t for k, t in x.items() if k.startswith("fake")})}

    maps = [(s, i) for s in range(scales) for i in range(layers)]
    inputs = {f"fake_D{s}_{i}": noise(1, 2, 3 + s + i, 4) for s, i in maps}
    inputs |= {f"real_D{s}_{i}": noise(1, 2, 3 + s + i, 4).flip(3) for s, i in maps}
    config = {"lambda_feat": weight, "num_D": scales, "layers": layers}
    return Variant("spade", "loss_featmatch", config, nn.Identity(), inputs, run)


def _gradients(loss: Tensor, leaves: Mapping[str, Tensor]) -> dict[str, Tensor]:
    grads = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return {f"grad/{k}": g for k, g in zip(leaves, grads, strict=True) if g is not None}


def segmentation(count: int, *, void: bool, balanced: bool) -> Variant:
    def run(module: nn.Module, x: dict[str, Tensor]) -> Results:
        logits, label = x["logits"].requires_grad_(), x["label"][:, 0]
        counts = torch.bincount(label.flatten(), minlength=count).float()
        if void:
            counts[0] = 0
        weights = (
            (label.numel() / (counts * (counts > 0).sum())).where(counts > 0, 0) if balanced else torch.ones(count)
        )
        real = (weights[label] * F.cross_entropy(logits, label + 1, reduction="none")).mean()
        fake = F.cross_entropy(logits, torch.zeros_like(label))
        grads = {f"grad/logits_{k}": torch.autograd.grad(t, logits)[0] for k, t in {"real": real, "fake": fake}.items()}
        return {"loss_real": real, "loss_fake": fake, **grads}

    config = {"semantic_nc": count, "contain_dontcare_label": void, "class_balancing": balanced}
    inputs = {"logits": noise(2, count + 1, 6, 9), "label": ids(count, 2, 1, 6, 9)}
    return Variant("oasis", "n1_loss", config, nn.Identity(), inputs, run)


def averaged(decay: float) -> Variant:
    modules = nn.ModuleDict({"ema": nn.Conv2d(2, 3, 5), "g": nn.Conv2d(2, 3, 5)})
    run: Callable[[Any, dict[str, Tensor]], Results] = lambda m, x: {  # noqa: E731
        k: decay * t + (1 - decay) * m["g"].state_dict()[k] for k, t in m["ema"].state_dict().items()
    }
    return Variant("oasis", "ema_update", {"decay": decay}, modules, {}, run)


def rates(lr: float, constant: int, decay: int, *, two: bool) -> Variant:
    def run(module: nn.Module, x: dict[str, Tensor]) -> Results:
        """Epoch by epoch: the rate falls at the end of each epoch after the constant ones."""
        found, rate = [], lr
        for epoch in range(1, constant + decay + 1):
            found.append(rate)
            rate -= lr / decay if epoch > constant else 0
        factors = {"lr_G": 0.5 if two else 1, "lr_D": 2 if two else 1}
        return {name: torch.tensor(found, dtype=torch.float64) * factor for name, factor in factors.items()}

    config = {"lr": lr, "niter": constant, "niter_decay": decay, "TTUR": two}
    return Variant("spade", "lr_schedule", config, nn.Identity(), {}, run, info={"atol": 1e-9})


def frechet(family: str, kind: str, names: tuple[str, str], covariance: str, n: tuple[int, int], d: int) -> Variant:
    def run(module: nn.Module, x: dict[str, Tensor]) -> Results:
        means, covs = ([f(x[name].double()) for name in names] for f in (lambda t: t.mean(0), lambda t: t.T.cov()))
        roots = torch.linalg.eigvals(covs[0] @ covs[1]).real.clamp(min=0).sqrt().sum()
        fid = (means[0] - means[1]).square().sum() + covs[0].trace() + covs[1].trace() - 2 * roots
        return {"fid": fid, "mu1": means[0], "mu2": means[1], f"{covariance}1": covs[0], f"{covariance}2": covs[1]}

    inputs = {name: noise(count, d) * (i + 1) + i for i, (name, count) in enumerate(zip(names, n, strict=True))}
    return Variant(family, kind, {"n1": n[0], "n2": n[1]}, nn.Identity(), inputs, run, info={"atol": 1e-3})


def earth_mover(n: int, t: int, s: int, d: int) -> Variant:
    def run(module: nn.Module, x: dict[str, Tensor]) -> Results:
        tokens = x["x_tokens"].requires_grad_()
        cost = 1 - F.cosine_similarity(tokens[:, :, None], x["y_tokens"][:, None], dim=-1)
        loss = torch.maximum(cost.amin(2).mean(1), cost.amin(1).mean(1)).mean()
        return {"loss": loss, "grad/x_tokens": torch.autograd.grad(loss, tokens)[0]}

    inputs = {"x_tokens": noise(n, t, d), "y_tokens": noise(n, s, d) + 0.1}
    return Variant("ipose", "remd", {}, nn.Identity(), inputs, run)


def colors(family: str, *counts: int) -> Variant:
    def color(i: int) -> list[int]:
        bits = [(i + 1) >> k & 1 for k in range(24)]
        return [sum(bits[3 * j + c] << (7 - j) for j in range(7)) for c in range(3)]

    def run(module: nn.Module, x: dict[str, Tensor]) -> Results:
        name = "cmap" if family == "oasis" else "colormap"
        return {f"{name}_{n}": torch.tensor([color(i) for i in range(n)], dtype=torch.uint8) for n in counts}

    return Variant(family, "colormaps", {} if family == "oasis" else {"N": counts}, nn.Identity(), {}, run)


VARIANTS: dict[str, Callable[[], Variant]] = {
    "three scales of two layers": lambda: patches(3, 2, 5, train=True),
    "one scale of five layers": lambda: patches(1, 5, 2, train=False),
    "logits alone": lambda: patches(2, 3, 4, train=False, logits_only=True),
    "one of scgan's": lambda: scgan_patches(1, 3, 6),
    "a u-net of three levels": lambda: unet([4, 6, 5], 3, 4, spectral=True, has_head=False, train=True),
    "a plain u-net": lambda: unet([3, 4, 4, 5, 6], 7, 2, spectral=False, has_head=False, train=False),
    "a u-net with a head": lambda: unet([4, 4, 6, 6], 2, 9, spectral=True, has_head=True, train=True),
    "a plain block": lambda: scaling_block(5, 7, -1, spectral=False),
    "a block that keeps its width": lambda: scaling_block(4, 4, 1),
    "a plain first block": lambda: scaling_block(3, 2, -1, first=True, spectral=False),
    "a game at one scale": lambda: game(1, "ls"),
    "a game at four scales": lambda: game(4, "w", "hinge", "original"),
    "features of one scale": lambda: matching(1, 3, 2.5),
    "features of three scales": lambda: matching(3, 6, 7.0),
    "many classes": lambda: segmentation(23, void=True, balanced=True),
    "one class": lambda: segmentation(1, void=False, balanced=True),
    "all void": lambda: segmentation(1, void=True, balanced=True),
    "without balance": lambda: segmentation(6, void=False, balanced=False),
    "another decay": lambda: averaged(0.75),
    "one rate": lambda: rates(1e-3, 0, 4, two=False),
    "two rates": lambda: rates(3e-4, 6, 2, two=True),
    "frechet": lambda: frechet("oasis", "frechet", ("feat_real", "feat_fake"), "cov", (40, 25), 5),
    "fid_distance": lambda: frechet("clade", "fid_distance", ("act1", "act2"), "sigma", (30, 60), 3),
    "earth mover of few tokens": lambda: earth_mover(3, 4, 9, 5),
    "colours of few labels": lambda: colors("oasis", 2, 7),
    "colours of many labels": lambda: colors("spade", 61, 300),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_passes_and_any_changed_number_of_it_fails(name: str, tmp_path: Path) -> None:
    check(VARIANTS[name]().write(tmp_path))
