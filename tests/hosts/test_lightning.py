"""Lightning: true half precision converts the fields of a batch, but ids stay integers."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from semsyn import Layout

lightning = pytest.importorskip("lightning", reason="lightning is not installed")


def make_module(generator: torch.nn.Module) -> torch.nn.Module:
    class Training(lightning.LightningModule):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.generator = generator
            self.seen: list[tuple[Layout, Tensor]] = []

        def training_step(self, batch: tuple[Layout, Tensor], index: int) -> Tensor:
            self.seen.append(batch)
            layout, image = batch
            return (self.generator(layout) - image).square().mean()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=1e-4)

    return Training()


@pytest.mark.parametrize(("precision", "dtype"), [("16-true", torch.float16), ("bf16-true", torch.bfloat16)])
def test_a_step_in_true_half_precision(precision: str, dtype: torch.dtype, build: Callable, scenes: Dataset) -> None:
    module = make_module(build())
    trainer = lightning.Trainer(
        accelerator="cpu",
        precision=precision,
        max_steps=2,
        logger=False,
        barebones=True,
    )
    trainer.fit(module, DataLoader(scenes, batch_size=2))
    assert len(module.seen) == 2
    layout, image = module.seen[0]
    assert isinstance(layout, Layout) and len(layout) == 2
    assert layout.class_ids.dtype == layout.instance_ids.dtype == torch.int64 and layout.edges.dtype == torch.bool
    assert layout.offsets.dtype == image.dtype == dtype
    assert {p.dtype for p in module.generator.parameters()} == {dtype}
