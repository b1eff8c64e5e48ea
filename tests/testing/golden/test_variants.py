"""Golden files of layers with other options than the released ones: a replay takes all of them from the file. What is
expected was computed in plain torch, see `originals`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from semsyn.testing.golden.__main__ import main
from tests.testing.golden import originals as o
from tests.testing.golden.variants import Variant, check, classes, ids, mixed, noise, probed, with_edges


def spade_norm(code: str, kind: str, ks: int, *, edges: bool = False, train: bool = False, **options: float) -> Variant:
    planes = with_edges(classes(4, 2, 12, 10)) if edges else classes(4, 2, 12, 10)
    module = o.SPADE(kind, 6, planes.shape[1], ks, 8, **options)
    inputs = {"x": noise(2, 6, 8, 5), "segmap": planes}
    config = {"config_text": code, "norm_nc": 6, "label_nc": 4, "no_instance": not edges, **options}
    run = probed(lambda m, x: m(x["x"], x["segmap"]), "x")
    return Variant("spade", "norm", config, module, inputs, run, train, after="after")


def clade_norm(kind: str, *, edges: bool, dist: bool, train: bool = False) -> Variant:
    planes = with_edges(classes(3, 2, 6, 8)) if edges else classes(3, 2, 6, 8)
    inputs = {"x": noise(2, 5, 9, 7), "segmap": planes, **({"dist": noise(2, 2, 12, 10)} if dist else {})}
    config = {"config_text": f"spade{kind}5x5", "norm_nc": 5, "label_nc": 3, "no_instance": not edges, "add_dist": dist}
    run = probed(lambda m, x: m(x["x"], x["segmap"], x.get("dist")), "x")
    module = o.CLADE(kind, 5, 3, edges, dist)
    return Variant("clade", "norm", config, module, inputs, run, train, after="after")


def inade_norm(kind: str, *, sketch: bool, train: bool = False, **said: Any) -> Variant:
    instances = {"instances": classes(5, 2, 8, 6), "noise": noise(2, 5, 2, 3)}
    inputs = {"x": noise(2, 4, 4, 9), "segmap": with_edges(classes(3, 2, 8, 6)), **instances}
    inputs |= {"sketch": noise(2, 1, 16, 12)} if sketch else {}
    config = {"config_text": f"spade{kind}3x3", "norm_nc": 4, "noise_nc": 3, "add_sketch": sketch, **said}
    run = probed(lambda m, x: m(x["x"], x["segmap"], x["instances"], x["noise"], x.get("sketch")), "x", "noise")
    module = o.INADE(kind, 4, 3, 3, sketch)
    return Variant("inade", "norm", config, module, inputs, run, train, after="after")


def spade_block(fin: int, fout: int, code: str, kind: str, ks: int, train: bool = False) -> Variant:
    block = o.Block(fin, fout, lambda c: o.SPADE(kind, c, 4, ks, 8), code.startswith("spectral"))
    inputs = {"x": noise(2, fin, 6, 5), "seg": classes(4, 2, 12, 10)}
    run = probed(lambda m, x: m(x["x"], x["seg"]), "x")
    config = {"fin": fin, "fout": fout, "norm_G": code, "no_instance": True}
    return Variant("spade", "resblk", config, block, inputs, run, train, after="after")


def clade_block(fin: int, fout: int, code: str, kind: str, dist: bool) -> Variant:
    block = o.Block(fin, fout, lambda c: o.CLADE(kind, c, 3, True, dist), code.startswith("spectral"))
    inputs = {"x": noise(2, fin, 6, 5), "seg": with_edges(classes(3, 2, 6, 5))} | (
        {"dist": noise(2, 2, 6, 5)} if dist else {}
    )
    run = probed(lambda m, x: m(x["x"], x["seg"], *([x["dist"]] if dist else [])), "x")
    config = {"fin": fin, "fout": fout, "norm_G": code, "no_instance": False, "add_dist": dist, "norm_mode": "clade"}
    return Variant("clade", "resblk", config, block, inputs, run)


def oasis_norm(kind: str, ks: int, hidden: int, train: bool = False) -> Variant:
    module = o.SPADE(kind, 5, 7, ks, hidden, "first_norm")
    inputs = {"x": noise(2, 5, 6, 8), "seg": noise(2, 7, 9, 11)}
    config = {"norm_nc": 5, "label_nc": 7, "hidden": hidden, "ks": ks, "param_free_norm": kind}
    return Variant("oasis", "spade", config, module, inputs, probed(lambda m, x: m(x["x"], x["seg"]), "x"), train)


def oasis_block(kind: str, ks: int, spectral: bool, train: bool = False) -> Variant:
    block = o.Block(6, 4, lambda c: o.SPADE(kind, c, 7, ks, 9, "first_norm"), spectral)
    inputs = {"x": noise(2, 6, 6, 8), "seg": noise(2, 7, 9, 11)}
    config = {"fin": 6, "fout": 4, "spade_ks": ks, "param_free_norm": kind, "spectral_norm": spectral}
    return Variant("oasis", "g_block", config, block, inputs, probed(lambda m, x: m(x["x"], x["seg"]), "x"), train)


def part_norm(kind: str, parts: int, hidden: int, mask: bool, train: bool = False) -> Variant:
    inputs = {"x": noise(2, 5, 6, 8), "part": noise(2, parts, 12, 16), "part_nos": noise(2, parts, 6, 8)}
    inputs |= {"mask": (noise(2, 1, 12, 16) > 0).float()} if mask else {}
    run = probed(lambda m, x: m(x["x"], x["part"], x["part_nos"], x.get("mask")), "x")
    config = {"norm_nc": 5, "part_ch": parts, "hidden": hidden, "param_free_norm": kind, "mask": mask}
    return Variant("ipose", "psm", config, o.PSM(kind, 5, parts, hidden), inputs, run, train)


def part_block(kind: str, fout: int, ks: int, spectral: bool) -> Variant:
    def front(channels: int) -> nn.Module:
        return o.PSM(kind, channels, 3, 6)

    block = o.Block(6, fout, lambda c: o.SPADE(kind, c, 7, ks, 9, "first_norm"), spectral, front=front)
    maps = {"part": noise(2, 3, 12, 16), "part_nos": noise(2, 3, 6, 8), "mask": (noise(2, 1, 12, 16) > 0).float()}
    inputs = {"x": noise(2, 6, 6, 8), "seg": noise(2, 7, 9, 11), **maps}
    run = probed(lambda m, x: m(x["x"], x["seg"], front=(x["part"], x["part_nos"], x["mask"])), "x")
    config = {"fin": 6, "fout": fout, "hidden": 9, "semantic_nc": 4, "z_dim": 3, "param_free_norm": kind}
    return Variant("ipose", "g_block", config, block, inputs, run)


def scgan_spade(kind: str, ks: int, train: bool = False) -> Variant:
    inputs = {"x": noise(2, 5, 6, 8), "segmap": classes(4, 2, 12, 16)}
    config = {"norm": kind, "ks": ks, "channels": 5, "label_nc": 4}
    run = probed(lambda m, x: m(x["x"], x["segmap"]))
    return Variant("scgan", "spade", config, o.SPADE(kind, 5, 4, ks), inputs, run, train)


def scgan_norm(kind: str, experts: int, train: bool = False, **options: float) -> Variant:
    inputs = {"x": noise(2, 5, 6, 8), "routing": noise(2, experts, 6, 8).softmax(1), "grad_out": noise(2, 5, 6, 8)}
    config = {"norm": kind, "channels": 5, "experts": experts, **options}
    run = mixed(lambda m, x: m(x["x"], x["routing"]), "x", "routing")
    return Variant("scgan", "scnorm", config, o.SCNorm(kind, 5, experts, **options), inputs, run, train)


def scgan_conv(k: int, experts: int, spectral: bool, planes: int, bias: bool = False, **options: int) -> Variant:
    module = o.SCConv(4, 6, k, experts, spectral, bias=bias, **options)
    size = nn.Conv2d(4, 6, k, bias=bias, **options)(noise(2, 4, 9, 8)).shape
    inputs = {"x": noise(2, 4, 9, 8), "routing": noise(2, planes, *size[2:]), "grad_out": noise(*size)}
    config = {"in_channels": 4, "out_channels": 6, "kernel_size": k, "bias": bias, "num_experts": experts, **options}
    run = mixed(lambda m, x: m(x["x"], x["routing"]), "x", "routing")
    return Variant("scgan", "scconv", {**config, "spectral": spectral}, module, inputs, run)


def scgan_block(fin: int, fout: int, code: str, kind: str, ks: int, train: bool = False) -> Variant:
    module = o.SCBlock(fin, fout, kind, ks, 4, 2, 5, code.startswith("spectral"))
    routing = {"routing_conv": noise(2, 2, 6, 8).softmax(1), "routing_norm": noise(2, 5, 6, 8).softmax(1)}
    inputs = {"x": noise(2, fin, 6, 8), "segmap": classes(4, 2, 12, 16), **routing, "grad_out": noise(2, fout, 6, 8)}
    config = {"fin": fin, "fout": fout, "num_experts_conv": 2, "num_experts_norm": 5, "label_nc": 3, "norm_G": code}
    run = mixed(lambda m, x: m(x["x"], x["segmap"], x["routing_conv"], x["routing_norm"]), "x", *routing)
    return Variant("scgan", "scblock", config, module, inputs, run, train)


def position_map(size: int, sigma: float, steps: int, relative: bool) -> Variant:
    def run(module: nn.Module, x: dict[str, Tensor]) -> dict[str, Tensor]:
        profile = torch.exp(-((torch.arange(size) - size // 2) ** 2) / (2 * sigma**2))
        window = profile.outer(profile).expand(3, 1, -1, -1)
        y = x["x"]
        for _ in range(steps):
            before, y = y, F.conv2d(y, window, padding=size // 2, groups=3) * x["x"]
        return {"y": y / (before + 1e-8) if relative else y}

    config = {"win_size": size, "sigma": sigma, "iters": steps, "relative": relative}
    return Variant("scgan", "gaussian", config, nn.Identity(), {"x": classes(3, 1, 9, 13)}, run)


def pools() -> Variant:
    def run(module: nn.Module, x: dict[str, Tensor]) -> dict[str, Tensor]:
        return {
            k: F.adaptive_avg_pool1d(t.flatten(2).mT, int(k.split("_")[2])).mT.view(1, -1, 2, 3) for k, t in x.items()
        }

    pairs = [(9, 4), (2, 5), (7, 7), (13, 1)]
    inputs = {f"c{c}_to_{e}": noise(1, c, 2, 3) for c, e in pairs}
    return Variant("scgan", "channel_pool", {"cases": pairs}, nn.Identity(), inputs, run)


def instance_conv(k: int, stride: int) -> Variant:
    def run(module: nn.Module, x: dict[str, Tensor]) -> dict[str, Tensor]:
        results = probed(lambda m, x: m(x["x"], x["instances"]), "x")(module, x)
        return results | {f"grad/{name}": p.grad for name, p in module.named_parameters()}

    inputs = {"x": noise(2, 3, 12, 8), "instances": ids(3, 2, 1, 12, 8)}
    config = {"fin": 3, "fout": 5, "k": k, "stride": stride, "padding": k // 2}
    return Variant("inade", "instconv", config, o.InstanceConv(3, 5, k, stride), inputs, run)


def replicas(count: int, train: bool = True, **options: float) -> Variant:
    """As released: sums and squares over all replicas, the variance clamped."""
    eps, momentum = options.get("eps", 1e-5), options.get("momentum", 0.1)

    def run(norm: nn.Module, x: dict[str, Tensor]) -> dict[str, Tensor]:
        whole = torch.cat([x[f"x{i}"] for i in range(count)]).double()
        mean, var = whole.mean((0, 2, 3)), whole.var((0, 2, 3), unbiased=False)
        y = (whole - mean[:, None, None]) / var.clamp(min=eps).sqrt()[:, None, None]
        norm.running_mean.lerp_(mean.float(), momentum)
        norm.running_var.lerp_(whole.var((0, 2, 3)).float(), momentum)
        return {f"y{i}": part.float() for i, part in enumerate(y.split(2))}

    small = torch.tensor([1e-4, 1.0, 3.0])[:, None, None]  # the first channel's variance is below eps
    inputs = {f"x{i}": (noise(2, 3, 4, 5) + i) * small for i in range(count)}
    config = {"replicas": count, "C": 3, **options}
    module = nn.BatchNorm2d(3, affine=False)
    return Variant("spade", "syncbn_replicas_legacy", config, module, inputs, run, train, after="after")


VARIANTS: dict[str, Callable[[], Variant]] = {
    "spade norm 5x5": lambda: spade_norm("spadebatch5x5", "batch", 5, train=True),
    "spade norm 1x1 with edges": lambda: spade_norm("spadesyncbatch1x1", "syncbatch", 1, edges=True),
    "spade norm 7x7 of instances": lambda: spade_norm("spadeinstance7x7", "instance", 7, edges=True, train=True),
    "spade norm with another eps": lambda: spade_norm("spadebatch3x3", "batch", 3, train=True, eps=0.1, momentum=0.3),
    "clade norm of instances": lambda: clade_norm("instance", edges=True, dist=False),
    "clade norm with offsets": lambda: clade_norm("syncbatch", edges=False, dist=True, train=True),
    "clade norm with edges and offsets": lambda: clade_norm("batch", edges=True, dist=True, train=True),
    "inade norm with a sketch": lambda: inade_norm("instance", sketch=True, no_instance=False),
    "inade norm without a word of edges": lambda: inade_norm("batch", sketch=False, train=True),
    "spade block 5x5 without spectral norm": lambda: spade_block(6, 4, "spadeinstance5x5", "instance", 5),
    "spade block in training": lambda: spade_block(5, 5, "spectralspadebatch1x1", "batch", 1, train=True),
    "clade block without spectral norm": lambda: clade_block(4, 6, "spadebatch3x3", "batch", dist=True),
    "clade block without offsets": lambda: clade_block(4, 4, "spectralspadeinstance3x3", "instance", dist=False),
    "oasis norm 5x5": lambda: oasis_norm("batch", 5, 12, train=True),
    "oasis norm 1x1 of instances": lambda: oasis_norm("instance", 1, 3),
    "oasis block 5x5": lambda: oasis_block("instance", 5, spectral=True, train=True),
    "oasis block without spectral norm": lambda: oasis_block("batch", 3, spectral=False, train=True),
    "ipose norm": lambda: part_norm("batch", 3, 7, mask=True, train=True),
    "ipose norm of instances": lambda: part_norm("instance", 5, 5, mask=True),
    "ipose norm without a mask": lambda: part_norm("syncbatch", 4, 2, mask=False),
    "ipose block": lambda: part_block("instance", 6, 5, spectral=True),
    "ipose block without spectral norm": lambda: part_block("batch", 4, 3, spectral=False),
    "scgan spade 5x5": lambda: scgan_spade("syncbatch", 5),
    "scgan spade 1x1 in training": lambda: scgan_spade("batch", 1, train=True),
    "scgan spade 7x7 of instances": lambda: scgan_spade("instance", 7),
    "scgan norm of one expert": lambda: scgan_norm("batch", 1, train=True),
    "scgan norm with another eps": lambda: scgan_norm("instance", 6, eps=0.2),
    "scgan conv 5x5": lambda: scgan_conv(5, 4, True, 4, padding=2),
    "scgan conv 1x1 with bias": lambda: scgan_conv(1, 2, False, 2, bias=True),
    "scgan conv dilated": lambda: scgan_conv(3, 3, False, 3, padding=2, dilation=2, stride=2),
    "scgan conv in groups": lambda: scgan_conv(3, 2, True, 2, groups=2, padding=0),
    "scgan conv interleaved": lambda: scgan_conv(3, 4, True, 24, padding=1),
    "scgan block 5x5": lambda: scgan_block(6, 4, "spectralsccbatch5x5", "batch", 5, train=True),
    "scgan block without spectral norm": lambda: scgan_block(4, 6, "sccinstance1x1", "instance", 1),
    "scgan block without a shortcut": lambda: scgan_block(4, 4, "spectralsccsyncbatch3x3", "syncbatch", 3),
    "position map": lambda: position_map(5, 0.8, 2, relative=False),
    "relative position map": lambda: position_map(3, 2.5, 4, relative=True),
    "channel pools": pools,
    "instance conv 5x5": lambda: instance_conv(5, 1),
    "instance conv 1x1 of stride 2": lambda: instance_conv(1, 2),
    "three replicas": lambda: replicas(3),
    "a single replica with another eps": lambda: replicas(1, eps=1e-2, momentum=0.5),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_passes_and_any_changed_number_of_it_fails(name: str, tmp_path: Path) -> None:
    check(VARIANTS[name]().write(tmp_path))


def test_the_program_takes_a_kernel_size_from_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = scgan_spade("syncbatch", 5).write(tmp_path)
    assert main([str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 0 failed"
    with safe_open(path, framework="pt") as file:
        info = json.loads(file.metadata()["info"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    info["config"]["ks"] = 3
    save_file(tensors, path, metadata={"info": json.dumps(info)})
    assert main([str(path)]) == 1
    assert "size mismatch" in capsys.readouterr().out
