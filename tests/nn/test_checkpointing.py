"""Activation checkpointing: everything is as without it, but for what is kept."""

import copy
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from semsyn import Generator, Layout
from semsyn.bench.memory import peak_bytes
from semsyn.errors import InputError
from semsyn.models import CLADEConfig, OASISConfig, SPADEConfig
from semsyn.nn import CLADE, SPADE, BatchNorm, InstanceNorm, ModulatedResBlock, checkpoint_activations, replace_norms

K, SIZE = 5, (32, 32)
CONFIGS = {
    "spade": SPADEConfig(num_classes=K, image_size=SIZE, width=2, hidden=4),
    "clade": CLADEConfig(num_classes=K, image_size=SIZE, width=2, has_offsets=True),
    "oasis": OASISConfig(num_classes=K, image_size=SIZE, width=2, hidden=4, code_dim=4),
}
IDS = torch.arange(K).repeat_interleave(7)[None, None, :32].expand(2, 32, 32).contiguous()


def state_after(network: nn.Module, losses: Callable[[nn.Module], Tensor]) -> dict[str, Tensor]:
    """Gradients and buffers after a step, and torch's random numbers."""
    torch.manual_seed(1)
    losses(network).backward()
    gradients = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    return {**gradients, **dict(network.named_buffers()), "random": torch.get_rng_state()}


def peak(network: nn.Module, losses: Callable[[nn.Module], Tensor]) -> int:
    """Bytes that forward and backward need at most, gradients of weights included."""
    losses(network).backward()  # the gradients are there
    return peak_bytes(lambda: losses(network).backward(), torch.device("cpu"))


@pytest.fixture(scope="module")
def layout() -> Layout:
    return Layout.of(IDS, space=K, requires=("instance_ids", "edges", "offsets"))


@pytest.fixture(params=CONFIGS, scope="module")
def generator(request: pytest.FixtureRequest) -> Generator:
    torch.manual_seed(0)
    return CONFIGS[request.param].build().train()


def test_a_generator_learns_the_same(generator: Generator, layout: Layout) -> None:
    style = generator.sample_style(layout, seeds=[0, 1])

    def losses(network: nn.Module) -> Tensor:
        return network(layout, style).square().mean()

    usual, other = copy.deepcopy(generator), checkpoint_activations(copy.deepcopy(generator))
    torch.testing.assert_close(state_after(other, losses), state_after(usual, losses))


def test_half_the_memory_will_do() -> None:
    torch.manual_seed(0)
    ids = IDS.repeat_interleave(2, 1).repeat_interleave(2, 2)
    layout = Layout.of(ids, space=K)
    generator = CLADEConfig(num_classes=K, image_size=(64, 64), width=8, upsampling="normal").build()

    def losses(network: nn.Module) -> Tensor:
        return network(layout).square().mean()

    usual = peak(generator, losses)
    assert peak(checkpoint_activations(generator), losses) < 0.6 * usual
    assert peak(checkpoint_activations(generator, False), losses) == usual


class Odd(nn.Module):
    """Draws, counts, and normalises spectrally in torch's own way: the block of another library."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 4, 3, padding=1))
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.drop(self.norm(self.conv(x))) * float(self.calls)


def test_a_block_of_any_modules_and_a_forward_between_forward_and_backward() -> None:
    torch.manual_seed(0)
    block = ModulatedResBlock(4, 4, partial(CLADE, num_classes=K), convolution=lambda a, b: Odd())
    x = torch.randn(2, 4, 32, 32)

    def losses(network: nn.Module) -> Tensor:
        loss = network(x, IDS).square().mean()
        network(2 * x, IDS)  # moves the buffers
        return loss

    usual, other = copy.deepcopy(block), checkpoint_activations(copy.deepcopy(block))
    torch.testing.assert_close(state_after(other, losses), state_after(usual, losses))


def test_a_checkpointed_block_inside_of_another() -> None:
    torch.manual_seed(0)
    block = ModulatedResBlock(4, 6, partial(CLADE, num_classes=K, norm=BatchNorm))
    x = torch.randn(2, 4, 32, 32, requires_grad=True)
    usual, other = copy.deepcopy(block), checkpoint_activations(copy.deepcopy(block))
    outer = partial(torch.utils.checkpoint.checkpoint, use_reentrant=False)
    found = state_after(other, lambda network: outer(network, x, IDS).square().mean())
    torch.testing.assert_close(found, state_after(usual, lambda network: network(x, IDS).square().mean()))


@pytest.mark.parametrize("norm", [BatchNorm, InstanceNorm])
def test_norms_that_were_replaced(norm: Callable[[int], nn.Module]) -> None:
    torch.manual_seed(0)
    layers = [m for _ in range(4) for m in (nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())]
    unet = nn.Sequential(nn.Conv2d(3, 8, 1), *layers)
    network = replace_norms(unet, partial(SPADE, num_classes=K, hidden=16, norm=norm))
    x = torch.randn(2, 3, 32, 32)

    def losses(network: nn.Module) -> Tensor:
        return network(x, cond=IDS).square().mean()

    usual, other = copy.deepcopy(network), checkpoint_activations(copy.deepcopy(network))
    torch.testing.assert_close(state_after(other, losses), state_after(usual, losses))
    assert peak(other, losses) < 0.6 * peak(usual, losses)


def test_nothing_to_be_computed_again() -> None:
    with pytest.raises(InputError, match="Sequential has no ModulatedResBlock"):
        checkpoint_activations(nn.Sequential(nn.Conv2d(1, 1, 1)))
