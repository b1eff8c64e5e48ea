"""Golden files of training steps with other options than the released ones, see `test_variants`. Losses and critics are
plain torch's; the pictures are those of our generators, which other files check.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.functional import edges
from semsyn.generator.config import Config
from semsyn.generator.generator import Generator
from semsyn.models import IPOSEConfig, OASISConfig, SPADEConfig, get_family
from semsyn.nn.initialize import initialize
from semsyn.records.layout import Layout
from semsyn.records.objects import Objects
from semsyn.testing.cases import randomize
from semsyn.testing.plain.maps import one_hot
from tests.models.cases import make_supports
from tests.testing.golden import originals as o
from tests.testing.golden.test_variants_critics import GAN
from tests.testing.golden.variants import Variant, check, ids, noise

VGG = {1: (0,), 2: (2, 5), 3: (7, 10), 4: (12, 14, 16, 19), 5: (21, 23, 25, 28)}  # convolutions of each slice
POOLED = (5, 10, 19, 28)  # those behind a pool


class NarrowVGG(nn.Module):
    """The slices ``slice1.0``, … with few channels."""

    def __init__(self, widths: tuple[int, ...] = (2, 3, 4, 5, 5)) -> None:
        super().__init__()
        before = 3
        for level, places in VGG.items():
            convs = nn.Module()
            for place in places:
                after = widths[level - 1] if place == places[-1] else before
                convs.add_module(str(place), nn.Conv2d(before, after, 3, padding=1))
                before = after
            self.add_module(f"slice{level}", convs)

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for convs in self.children():
            for name, conv in convs.named_children():
                x = F.relu(conv(F.max_pool2d(x, 2) if int(name) in POOLED else x))
            maps.append(x)
        return maps


def make(config: Config) -> Generator:
    torch.manual_seed(0)
    return randomize(initialize(config.build(), "kaiming")).train()


def original(net: Generator, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return get_family(net.config.family).released.keymap(net.config).invert(tensors)


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + key: t.detach().clone() for key, t in tensors.items()}


def grads(module: nn.Module) -> dict[str, Tensor]:
    return {name: p.grad for name, p in module.named_parameters() if p.grad is not None}


def descend(optimizer: torch.optim.Optimizer, losses: Iterable[Tensor]) -> None:
    optimizer.zero_grad()
    torch.stack(list(losses)).sum().backward()
    optimizer.step()


def patch_step(scales: int, layers: int, mode: str, said: dict[str, Any], weights: tuple[float, float]) -> Variant:
    """SPADE's step against PatchGANs; ``weights`` are those of matched features and of VGG's."""
    net = make(SPADEConfig(num_classes=3, image_size=(64, 64), width=1, hidden=4, has_edges=True))
    critic, vgg = o.randomise(o.PatchGAN(7, 3, layers, scales)).train(), o.randomise(NarrowVGG())
    instance_ids = ids(5, 2, 64, 64)
    layout, real = Layout(class_ids=ids(3, 2, 64, 64), edges=edges(instance_ids)), noise(2, 3, 64, 64).tanh()
    assert layout.edges is not None
    seg = torch.cat([one_hot(layout.class_ids, 3), layout.edges[:, None].float()], 1)
    state = {
        **prefixed("netG.", original(net, net.state_dict())),
        **prefixed("netD.", critic.state_dict()),
        **prefixed("criterionVGG.vgg.", vgg.state_dict()),
    }
    lr, betas = said.get("lr", 2e-4), said.get("betas", (said.get("beta1"), said.get("beta2")))
    factors = (0.5, 2.0) if said.get("TTUR", not said.get("no_TTUR", False)) else (1.0, 1.0)

    def judge(fake: Tensor) -> tuple[list[list[Tensor]], list[list[Tensor]]]:
        maps = critic(torch.cat([seg.repeat(2, 1, 1, 1), torch.cat([fake, real])], 1))
        fakes, reals = ([[m.chunk(2)[half] for m in found] for found in maps] for half in (0, 1))
        return fakes, reals

    def mean(loss: Callable[[Tensor], Tensor], maps: list[list[Tensor]]) -> Tensor:
        return torch.stack([loss(found[-1]) for found in maps]).mean()

    def run(module: nn.Module, x: dict[str, Tensor]) -> dict[str, Tensor]:
        of_net, of_critic = (
            torch.optim.Adam(m.parameters(), lr=lr * f, betas=tuple(betas))
            for m, f in zip((net, critic), factors, strict=True)
        )
        fake = net(layout, net.style())
        fakes, reals = judge(fake)
        pairs = [
            (a, b.detach())
            for one, two in zip(fakes, reals, strict=True)
            for a, b in zip(one[:-1], two[:-1], strict=True)
        ]
        losses = {"GAN": mean(GAN[mode][0], fakes)}
        if weights[0]:
            losses["GAN_Feat"] = weights[0] / scales * sum((a - b).abs().mean() for a, b in pairs)
        if weights[1]:
            shown = zip((1 / 32, 1 / 16, 1 / 8, 1 / 4, 1), vgg(fake), vgg(real), strict=True)
            losses["VGG"] = weights[1] * sum(w * (a - b.detach()).abs().mean() for w, a, b in shown)
        descend(of_net, losses.values())
        of_generator = original(net, grads(net))
        with torch.no_grad():
            second = net(layout, net.style())
        fakes, reals = judge(second)
        losses |= {"D_Fake": mean(GAN[mode][1], fakes), "D_real": mean(GAN[mode][2], reals)}
        descend(of_critic, [losses["D_Fake"], losses["D_real"]])
        # None before a norm, which takes its mean off: its gradient is rounding, and Adam makes a whole step of that.
        shown_keys = ("netG.conv_img.weight", "netG.conv_img.bias", "netD.discriminator_0.model0.0.weight")
        both = prefixed("netG.", of_generator) | prefixed("netD.", grads(critic))
        after = prefixed("netG.", original(net, net.state_dict())) | prefixed("netD.", critic.state_dict())
        return {
            "fake_G_step": fake,
            **{f"loss/{name}": loss for name, loss in losses.items()},
            **{f"grad/{key}": both[key] for key in shown_keys},
            **{f"after/{key}": after[key] for key in shown_keys},
        }

    config = {
        "label_nc": 3,
        "contain_dontcare_label": False,
        "no_instance": False,
        "semantic_nc": 4,
        "ngf": 1,
        "ndf": 3,
    }
    config |= {"crop_size": 64, "aspect_ratio": 1.0, "num_D": scales, "n_layers_D": layers, "gan_mode": mode, **said}
    inputs = {"label": layout.class_ids[:, None], "instance": instance_ids[:, None], "image": real}
    return Variant("spade", "train_step", config, nn.Identity(), inputs, run, train=True, state=state)


def segmented_step(config: Config, options: dict[str, Any], critic: o.UNet, *, void: bool, balanced: bool) -> Variant:
    """The step of OASIS and iPOSE, whose optimisers leave the weights alone; a batch without objects."""
    net, size = make(config), config.image_size
    layout, real = Layout(class_ids=ids(config.num_classes, 2, *size)), noise(2, 3, *size).tanh()
    inputs = {"label": layout.class_ids[:, None], "image": real, "draws": ids(2, len(layout.class_ids.unique()))}
    names = {"noise": "z", "parts": "z_part"}
    extents = {"noise": (), "parts": (size[0] // 32, size[1] // 32)}
    codes = {
        step: {spec.name: noise(2, *spec.shape, *extents[spec.name]) * times for spec in net.codes}
        for step, times in {"G": 1, "D": 2}.items()
    }
    inputs |= {f"{names[name]}_{step}": code for step, found in codes.items() for name, code in found.items()}
    if isinstance(config, IPOSEConfig):
        net.attach("supports", make_supports()).train()
        layout = Layout(class_ids=layout.class_ids, objects=Objects.none(size))
        inputs |= {"instance": torch.zeros(2, 1, *size), "crop_params": torch.zeros(2, 3, 7, dtype=torch.int64)}
        inputs |= {"ins_num": torch.zeros(2, dtype=torch.int64), "supports": make_supports().part_ids.movedim(1, 0)}
    o.randomise(critic).train()
    state = prefixed("G.", original(net, net.state_dict())) | prefixed("D.", critic.state_dict())
    label, count = layout.class_ids, config.num_classes

    def n1(logits: Tensor) -> Tensor:
        counts = torch.bincount(label.flatten(), minlength=count).float()
        if void:
            counts[0] = 0
        weights = (
            (label.numel() / (counts * (counts > 0).sum())).where(counts > 0, 0) if balanced else torch.ones(count)
        )
        return (weights[label] * F.cross_entropy(logits, label + 1, reduction="none")).mean()

    def fake_n1(logits: Tensor) -> Tensor:
        return F.cross_entropy(logits, torch.zeros_like(label))

    def run(module: nn.Module, x: dict[str, Tensor]) -> dict[str, Tensor]:
        logits, head = critic(net(layout, net.style(**codes["G"])))
        loss = n1(logits) - (0 if head is None else head.mean())
        loss.backward()
        norms = {f"gradnorm/G/{key}": g.norm() for key, g in original(net, grads(net)).items()}
        critic.zero_grad()
        with torch.no_grad():
            fake = net(layout, net.style(**codes["D"]))
        (on_fake, head_fake), (on_real, head_real) = critic(fake), critic(real)
        bits = torch.zeros(count).index_copy(0, label.unique(), x["draws"].float())
        mask = bits[label][:, None]  # class 0 shares the bit of class 1 if it drew 1
        mask[(label == 0)[:, None]] = bits[1] if bits[0] and (label == 1).any() else bits[0]
        on_mixed, _ = critic(mask * real + (1 - mask) * fake)
        losses = {"loss_D_fake": fake_n1(on_fake), "loss_D_real": n1(on_real)}
        if head_fake is not None and head_real is not None:
            losses["loss_D_fake"] = losses["loss_D_fake"] + F.relu(1 + head_fake).mean()
            losses["loss_D_real"] = losses["loss_D_real"] + F.relu(1 - head_real).mean()
        mix = F.mse_loss(mask * on_real + (1 - mask) * on_fake, on_mixed)
        losses["loss_D_labelmix"] = options["lambda_labelmix"] * mix
        return {
            "loss_G": loss,
            **({} if head is None else {"loss_G_adv": loss, "loss_G_clip": torch.zeros(())}),
            **losses,
            "loss_D": torch.stack(list(losses.values())).sum(),
            **norms,
        }

    said = {"contain_dontcare_label": void, "class_balancing": balanced, "crop_size": size[1], "aspect_ratio": 1.0}
    kind = (config.family, "train_losses", {**options, **said}, nn.Identity(), inputs, run)
    return Variant(*kind, train=True, state=state, info={"atol": 2e-4, "rtol": 2e-3})


def oasis_step(*, void: bool, balanced: bool, code_dim: int | None) -> Variant:
    config = OASISConfig(num_classes=4, image_size=(64, 64), width=1, hidden=3, code_dim=code_dim, kernel_size=5)
    options = {"channels_G": 1, "semantic_nc": 4, "lambda_labelmix": 3.0, "spade_ks": 5}
    options |= {"no_3dnoise": True} if code_dim is None else {"z_dim": code_dim}
    return segmented_step(config, options, o.UNet(4, [3, 4, 5], 2, True, False), void=void, balanced=balanced)


def ipose_step(style: str) -> Variant:
    widths = (4, 4, 4, 6)
    config = IPOSEConfig(
        num_classes=4,
        image_size=(64, 64),
        width=1,
        hidden=3,
        code_dim=2,
        part_channels=4,
        part_widths=widths,
        num_parts=4,
    )
    options = {"channels_G": 1, "semantic_nc": 4, "z_dim": 2, "lambda_labelmix": 5.0, "style": style}
    options |= {"category_index_kept": [6, 8], "dataset": "ade20kins"}
    options |= {"clip": {"width": 8, "heads": 2, "patch": 32, "layers": 3, "block_index": 2}}
    variant = segmented_step(config, options, o.UNet(4, [3, 4, 5, 6], 2, True, True), void=True, balanced=True)
    tower = {"conv1.weight": (8, 3, 32, 32), "class_embedding": (8,), "positional_embedding": (50, 8)}
    tower |= {f"ln_pre.{p}": (8,) for p in ("weight", "bias")}
    for i in range(3):
        block = f"transformer.resblocks.{i}."
        tower |= {f"{block}ln_{j}.{p}": (8,) for j in (1, 2) for p in ("weight", "bias")}
        tower |= {f"{block}attn.in_proj_weight": (24, 8), f"{block}attn.in_proj_bias": (24,)}
        tower |= {f"{block}attn.out_proj.weight": (8, 8), f"{block}attn.out_proj.bias": (8,)}
        tower |= {f"{block}mlp.c_fc.weight": (32, 8), f"{block}mlp.c_fc.bias": (32,)}
        tower |= {f"{block}mlp.c_proj.weight": (8, 32), f"{block}mlp.c_proj.bias": (8,)}
    variant.state |= {f"clip.visual.{key}": noise(*shape) * 0.1 for key, shape in tower.items()}
    return variant


NO_TTUR: dict[str, Any] = {"no_TTUR": True, "beta1": 0.5, "beta2": 0.999, "lr": 1e-3}
VARIANTS: dict[str, Callable[[], Variant]] = {
    "one scale, least squares": lambda: patch_step(1, 3, "ls", {**NO_TTUR, "lambda_feat": 2.0}, (2.0, 10.0)),
    "three scales, no vgg": lambda: patch_step(
        3, 2, "original", {"TTUR": True, "betas": (0.1, 0.9), "no_vgg_loss": True}, (10.0, 0.0)
    ),
    "without matching": lambda: patch_step(
        2, 4, "w", {"TTUR": False, "betas": (0.0, 0.9), "no_ganFeat_loss": True, "lambda_vgg": 1.5}, (0.0, 1.5)
    ),
    "oasis without void": lambda: oasis_step(void=False, balanced=True, code_dim=3),
    "oasis without noise or balance": lambda: oasis_step(void=True, balanced=False, code_dim=None),
    "ipose without objects, local style": lambda: ipose_step("local crops"),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_passes_and_any_changed_number_of_it_fails(name: str, tmp_path: Path) -> None:
    check(VARIANTS[name]().write(tmp_path))
