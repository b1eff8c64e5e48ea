import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.nn import CLADE
from semsyn.records.condition import Condition
from semsyn.testing.plain.maps import one_hot


def make(has_edges: bool = False, has_offsets: bool = False) -> tuple[CLADE, Tensor, Condition]:
    torch.manual_seed(0)
    layer = CLADE(4, 5, has_edges=has_edges, has_offsets=has_offsets)
    for p in layer.parameters():
        nn.init.normal_(p)
    ids = torch.randint(5, (3, 9, 7))
    cond = Condition(class_ids=ids, edges=torch.rand(3, 9, 7) > 0.5, offsets=torch.rand(3, 2, 9, 7) * 2 - 1)
    return layer, torch.randn(3, 4, 9, 7), cond


@pytest.mark.parametrize("training", [True, False])
def test_it_is_one_row_per_class(training: bool) -> None:
    layer, x, cond = make()
    layer.train(training)
    planes = one_hot(cond.class_ids, 5)
    gamma, beta = (torch.einsum("nkhw,kc->nchw", planes, t) for t in (layer.gamma, layer.beta))
    torch.testing.assert_close(layer(x, cond), layer.norm(x) * gamma + beta)
    assert layer.out_channels == 4


def test_edges_become_the_last_channel() -> None:
    layer, x, cond = make(has_edges=True)
    layer.eval()
    y = layer(x, cond)
    assert y.shape == (3, 5, 9, 7) and layer.out_channels == 5
    weight, bias = layer.tail.conv.weight.item(), layer.tail.conv.bias.item()
    torch.testing.assert_close(y[:, 4], cond.edges.float() * weight + bias)
    rows = layer.gamma[cond.class_ids], layer.beta[cond.class_ids]
    torch.testing.assert_close(y[:, :4], layer.norm(x) * rows[0].movedim(-1, 1) + rows[1].movedim(-1, 1))


def test_offsets_scale_both_rows() -> None:
    layer, x, cond = make(has_offsets=True)
    layer.eval()
    gains = [1 + F.conv2d(cond.offsets, conv.weight, conv.bias) for conv in (layer.gamma_gain, layer.beta_gain)]
    gamma, beta = (t[cond.class_ids].movedim(-1, 1) * g for t, g in zip((layer.gamma, layer.beta), gains, strict=True))
    torch.testing.assert_close(layer(x, cond), layer.norm(x) * gamma + beta)


def test_offsets_start_without_effect() -> None:
    layer, (_, x, cond) = CLADE(4, 5, has_offsets=True).eval(), make()
    plain = CLADE(4, 5).eval()
    plain.load_state_dict({k: t for k, t in layer.state_dict().items() if "gain" not in k})
    torch.testing.assert_close(layer(x, cond), plain(x, cond))


def test_no_class_uses_row_zero() -> None:
    layer, x, cond = make()
    layer.eval()
    nothing, first = torch.full_like(cond.class_ids, 5), torch.zeros_like(cond.class_ids)
    assert torch.equal(layer(x, nothing), layer(x, first))


def test_bare_class_ids_of_any_size_are_enough() -> None:
    layer, x, _ = make()
    layer.eval()
    ids = torch.randint(6, (3, 20, 4))
    expected = layer(x, Condition(class_ids=resize_ids(ids, (9, 7))))
    for dtype in (torch.int64, torch.int32, torch.uint8):
        assert torch.equal(layer(x, ids.to(dtype)), expected)


def test_what_is_missing_is_named() -> None:
    layer, x, cond = make(has_edges=True, has_offsets=True)
    with pytest.raises(InputError, match=r"CLADE reads \['edges', 'offsets'\]"):
        layer(x, cond.class_ids)


def test_absent_classes_do_not_learn_and_present_ones_do() -> None:
    layer, x, cond = make(has_edges=True, has_offsets=True)
    ids = cond.class_ids.clamp(max=2)
    layer(x, Condition(class_ids=ids, edges=cond.edges, offsets=cond.offsets)).square().sum().backward()
    for table in (layer.gamma, layer.beta):
        assert not table.grad[3:].any() and table.grad[:3].abs().sum(1).all()
    assert all(p.grad.abs().sum() > 0 for p in layer.parameters())


def test_half_precision() -> None:
    layer, x, cond = make(has_edges=True, has_offsets=True)
    exact = layer.eval()(x, cond)
    y = layer.bfloat16()(x.bfloat16(), cond)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), exact, rtol=0.05, atol=0.15)
