import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.nn import INADE
from semsyn.records.condition import Condition
from semsyn.testing.plain.maps import one_hot

K, I, C, D = 4, 5, 6, 3


def make(has_sketch: bool = False) -> tuple[INADE, Tensor, dict[str, Tensor]]:
    torch.manual_seed(0)
    layer = INADE(C, K, D, has_sketch=has_sketch)
    nn.init.normal_(layer.bias)
    maps = {
        "class_ids": torch.randint(K + 1, (3, 9, 7)),  # instances are shared across classes; K is no class
        "instance_ids": torch.randint(I, (3, 9, 7)),
        "instance_codes": torch.randn(3, I, 2, D),
    }
    return layer, torch.randn(3, C, 9, 7), maps


def plain_inade(layer: INADE, x: Tensor, class_ids: Tensor, instance_ids: Tensor, instance_codes: Tensor) -> Tensor:
    """Sums over one-hot classes and instances, as the paper writes it."""
    classes, instances = one_hot(class_ids, K), one_hot(instance_ids, I)
    rows = []
    for j in range(2):
        drawn = torch.einsum("nihw,nic->nchw", instances, layer.code_to_channels(instance_codes[:, :, j]))
        weight, bias = (torch.einsum("nkhw,kc->nchw", classes, t[..., j]) for t in (layer.weight, layer.bias))
        rows.append(weight * drawn + bias)
    return layer.norm(x) * rows[0] + rows[1]


@pytest.mark.parametrize("training", [True, False])
def test_it_equals_the_one_hot_form(training: bool) -> None:
    layer, x, maps = make()
    layer.train(training)
    torch.testing.assert_close(layer(x, Condition.of(**maps)), plain_inade(layer, x, **maps), rtol=1e-4, atol=1e-5)


def test_gradients_of_codes_and_parameters() -> None:
    grads = []
    for run in (lambda layer, x, maps: layer(x, Condition.of(**maps)), lambda layer, x, m: plain_inade(layer, x, **m)):
        layer, x, maps = make()
        maps["instance_codes"].requires_grad_()
        run(layer, x, maps).square().sum().backward()
        grads.append([maps["instance_codes"].grad, *(p.grad for p in layer.parameters())])
    for found, expected in zip(*grads, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)


def test_no_class_is_zero() -> None:
    layer, x, maps = make()
    y = layer(x, Condition.of(**maps))
    nothing = (maps["class_ids"] == K)[:, None].expand_as(y)
    assert nothing.any() and not y[nothing].any() and y[~nothing].all()


def test_a_sketch_is_merged() -> None:
    layer, x, maps = make(has_sketch=True)
    layer.eval()
    sketch = torch.rand(3, 1, 18, 14)
    y = layer(x, Condition.of(**maps, planes=sketch, size=(9, 7)))
    of_sketch, merge = layer.tail.sketch_conv, layer.tail.merge_conv
    drawing = F.conv2d(F.interpolate(sketch, (9, 7)), of_sketch.weight, of_sketch.bias, padding=1)
    merged = F.conv2d(torch.cat([plain_inade(layer, x, **maps), drawing], 1), merge.weight)
    torch.testing.assert_close(y, merged, rtol=1e-4, atol=1e-5)


def test_what_is_missing_is_named() -> None:
    layer, x, maps = make(has_sketch=True)
    with pytest.raises(InputError, match=r"INADE reads \['regions', 'planes'\].*Condition.of"):
        layer(x, maps["class_ids"])
    ids = {"class_ids": maps["class_ids"], "instance_ids": maps["instance_ids"]}
    with pytest.raises(InputError, match=r"reads \['planes'\]"):
        layer(x, Condition.of(**ids))
    with pytest.raises(InputError, match=r"INADE reads the codes of regions.*Condition.of\(..., instance_codes=\)"):
        layer(x, Condition.of(**ids, planes=torch.zeros(3, 1, 9, 7)))


def test_only_the_edited_instance_changes() -> None:
    layer, x, maps = make()
    layer.eval()
    before = layer(x, Condition.of(**maps))
    maps["instance_codes"] = maps["instance_codes"].clone()
    maps["instance_codes"][:, 2] += 1
    changed = (layer(x, Condition.of(**maps)) != before).any(1)
    assert torch.equal(changed, (maps["instance_ids"] == 2) & (maps["class_ids"] < K))
