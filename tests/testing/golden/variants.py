"""Golden files that no original wrote: how they are made, and what it takes that they pass."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from semsyn.testing.golden.case import Case
from semsyn.testing.golden.replay import compare, find_handler
from semsyn.testing.plain.maps import one_hot
from tests.testing.golden.originals import randomise


@dataclass
class Variant:
    """A golden file to be.

    Attributes:
        family, kind, config: as there.
        module: the original, in its state before.
        inputs: by name.
        run: of the original and the inputs, to the results by name; ``grad/x`` stands among them.
        train: the mode. Then statistics and vectors afterwards are expected, too, by the name ``after``.
        info: more of the file's metadata.
        state: in place of the module's, which then is not asked for one.
    """

    family: str
    kind: str
    config: dict[str, Any]
    module: nn.Module
    inputs: dict[str, Tensor]
    run: Callable[[Any, dict[str, Tensor]], Mapping[str, Tensor]]
    train: bool = False
    after: str = "state_after"
    info: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Tensor] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        randomise(self.module).train(self.train)
        state = {f"state/{k}": t.clone() for k, t in (self.state or self.module.state_dict()).items()}
        inputs = {name: t.clone() for name, t in self.inputs.items()}
        results = self.run(self.module, inputs)
        if self.train:
            after = {k: t for k, t in self.module.state_dict().items() if "running" in k or k[-2:] in ("_u", "_v")}
            results = {**results, **{f"{self.after}/{k}": t for k, t in after.items()}}
        named = {(k if k.startswith("grad/") else f"out/{k}"): t.detach() for k, t in results.items()}
        tensors = state | {f"in/{k}": t for k, t in self.inputs.items()} | named
        config = {**self.config, "train": self.train}
        info = {"family": self.family, "case": "variant", "kind": self.kind, "area": "network", "config": config}
        path = folder / "variant.safetensors"
        metadata = {"info": json.dumps({**info, "atol": 1e-4, "rtol": 1e-3, **self.info})}
        save_file({k: t.contiguous().clone() for k, t in tensors.items()}, path, metadata=metadata)
        return path


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def ids(count: int, *shape: int) -> Tensor:
    return torch.randint(count, shape, generator=torch.Generator().manual_seed(count))


def classes(count: int, *shape: int) -> Tensor:
    return one_hot(ids(count, *shape), count)


def with_edges(planes: Tensor) -> Tensor:
    return torch.cat([planes, (noise(*planes[:, :1].shape) > 1).float()], 1)


def probed(call: Callable[..., Tensor], *leaves: str) -> Callable[[Any, dict[str, Tensor]], dict[str, Tensor]]:
    """y, and the gradients of sum(y · linspace(-1, 1)) in some inputs."""

    def run(module: Any, x: dict[str, Tensor]) -> dict[str, Tensor]:
        for name in leaves:
            x[name].requires_grad_()
        y = call(module, x)
        (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum().backward()
        return {"y": y, **{f"grad/{name}": x[name].grad for name in leaves}}

    return run


def mixed(call: Callable[..., Tensor], *leaves: str) -> Callable[[Any, dict[str, Tensor]], dict[str, Tensor]]:
    """y, and SCGAN's gradients: of sum(y · grad_out), in some inputs and in all parameters."""

    def run(module: Any, x: dict[str, Tensor]) -> dict[str, Tensor]:
        for name in leaves:
            x[name].requires_grad_()
        y = call(module, x)
        (y * x["grad_out"]).sum().backward()
        of_weights = {f"grad/state_{name}": p.grad for name, p in module.named_parameters()}
        return {"y": y, **{f"grad/{name}": x[name].grad for name in leaves}, **of_weights}

    return run


def check(path: Path) -> None:
    """A file passes, and fails once one number of any expected tensor is another, by the name of that tensor."""
    case = Case.read(path)
    handler = find_handler(case.info["family"], case.kind)
    assert handler is not None
    results = handler(case)
    verdict = compare(case, results)
    assert verdict.passed, verdict
    for key, expected in case.tensors.items():
        if key.startswith(("out/", "grad/")) and expected.numel():
            changed = expected.clone()
            changed.view(-1)[-1] += 0.1 + changed.abs().max() / 10 if changed.is_floating_point() else 9
            verdict = compare(replace(case, tensors={key: changed}), results)
            assert not verdict.passed and key.removeprefix("out/") in verdict.reason
