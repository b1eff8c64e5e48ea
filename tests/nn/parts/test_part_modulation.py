import pytest
import torch

from semsyn.errors import InputError
from semsyn.nn import InstanceNorm, ModulatedResBlock, PartModulation
from semsyn.records.condition import Condition, Parts


def make_layer() -> PartModulation:
    torch.manual_seed(0)
    return PartModulation(5, part_channels=3, hidden=4, norm=InstanceNorm)


def make_parts(*, mask: bool = True) -> Parts:
    torch.manual_seed(1)
    return Parts(
        noise=torch.randn(2, 3, 8, 6),
        features=torch.randn(2, 3, 32, 24),
        mask=torch.rand(2, 1, 32, 24) > 0.5 if mask else None,
    )


def test_parts_decide_where_they_are_and_noise_elsewhere() -> None:
    layer, parts, x = make_layer(), make_parts(), torch.randn(2, 5, 8, 6)
    cond = Condition.of(parts=parts, size=(8, 6))
    assert cond.parts is not None and cond.parts.mask is not None and cond.parts.features is not None
    mask = cond.parts.mask.float()
    gamma, beta = (
        a * mask + b * (1 - mask)
        for a, b in zip(layer.of_parts(cond.parts.features), layer.of_noise(parts.noise), strict=True)
    )
    assert gamma.shape == (2, 1, 8, 6)
    torch.testing.assert_close(layer(x, cond), layer.norm(x) * (1 + gamma) + beta)


def test_without_a_mask_noise_is_everywhere() -> None:
    layer, x = make_layer(), torch.randn(2, 5, 8, 6)
    masked = make_parts()
    for parts in (make_parts(mask=False), Parts(noise=masked.noise)):
        nowhere = Parts(noise=parts.noise, features=masked.features, mask=torch.zeros(2, 1, 32, 24).bool())
        expected = layer(x, Condition.of(parts=nowhere, size=(8, 6)))
        assert torch.equal(layer(x, Condition.of(parts=parts, size=(8, 6))), expected)


def test_gradients() -> None:
    layer = make_layer().double()
    parts = make_parts()

    def run(x: torch.Tensor, noise: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        at = Parts(noise=noise, features=features, mask=parts.mask)
        return layer(x, Condition.of(parts=at, size=(8, 6)), slope=0.2)

    leaves = [torch.randn(2, 5, 8, 6), parts.noise, parts.features]
    leaves = [t.double().requires_grad_() for t in leaves if t is not None]
    assert torch.autograd.gradcheck(run, leaves, fast_mode=True)


def test_a_condition_without_parts() -> None:
    with pytest.raises(InputError, match="PartModulation reads \\['parts'\\]"):
        make_layer()(torch.randn(2, 5, 8, 6), Condition.of(class_ids=torch.zeros(2, 8, 6, dtype=torch.int64)))


def test_noise_is_not_resized() -> None:
    cond = Condition.of(parts=make_parts(), size=(16, 12))
    with pytest.raises(InputError, match=r"the condition is for \(8, 6\)"):
        make_layer()(torch.randn(2, 5, 16, 12), cond)


def test_in_front_of_a_block() -> None:
    torch.manual_seed(0)

    def modulation(channels: int) -> PartModulation:
        return PartModulation(channels, part_channels=3, norm=InstanceNorm)

    block = ModulatedResBlock(5, 4, modulation, front_modulation=modulation, has_spectral_norm=False)
    plain = ModulatedResBlock(5, 4, modulation, has_spectral_norm=False)
    plain.load_state_dict({k: t for k, t in block.state_dict().items() if not k.startswith(("norm_p", "conv_p"))})
    cond, x = Condition.of(parts=make_parts(), size=(8, 6)), torch.randn(2, 5, 8, 6)
    assert block.norm_p is not None and block.conv_p is not None and plain.norm_p is None
    before = block.conv_p(block.norm_p(x, cond, slope=0.2))
    torch.testing.assert_close(block(x, cond), plain(before, cond))
    torch.testing.assert_close(block(x, cond, block.prepare(cond)), block(x, cond))
    assert set(block.reads) == {"parts"}


def test_compiles_in_one_graph() -> None:
    layer, cond, x = make_layer(), Condition.of(parts=make_parts(), size=(8, 6)), torch.randn(2, 5, 8, 6)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, cond), layer(x, cond))
