"""Classes that move and come new: the pictures of the old ones stay what they were."""

from dataclasses import replace

import pytest
import torch

from semsyn.errors import InputError, UnknownNameError
from semsyn.generator.adapt_classes import adapt_classes
from semsyn.labels import LabelSpace
from semsyn.records.layout import Layout
from tests.models.small import SMALL

K = 15
OLD = LabelSpace(name="old", classes=tuple(f"class {i}" for i in range(K)))
NEW = LabelSpace(name="new", classes=("new", *(f"Class {i}" for i in reversed(range(K))), "other"))
MOVED = torch.arange(K, 0, -1)  # new ids of the old classes


@pytest.fixture(scope="module", params=["clade", "inade", "oasis", "scgan"])
def trained(request):
    torch.manual_seed(0)
    config = SMALL[request.param]
    if request.param == "scgan":  # under a spectral norm new columns change what the old ones are divided by
        config = replace(config, has_routing_spectral_norm=False)
    generator = config.build().eval()
    for p in generator.parameters():  # tables start alike for all classes
        p.data += torch.rand_like(p) * 0.1
    generator.label_space = OLD
    return generator


def layout(ids):
    return Layout(class_ids=ids, instance_ids=ids * 0 + torch.arange(ids.shape[2]) // 64)


@torch.no_grad()
def test_old_classes_look_as_before_under_their_new_ids(trained):
    adapted = adapt_classes(trained, NEW).eval()
    assert adapted.config.num_classes == K + 2 and adapted.label_space is NEW
    ids = torch.randint(K, (1, 8, 8), generator=torch.Generator().manual_seed(1))
    ids = ids.repeat_interleave(16, 1).repeat_interleave(16, 2)
    style = trained.sample_style(layout(ids), seeds=[3])
    pictures = [net(layout(i), style) for net, i in ((trained, ids), (adapted, MOVED[ids]))]
    torch.testing.assert_close(pictures[1], pictures[0], rtol=1e-4, atol=1e-5)


def test_names_may_be_said_to_be_the_same():
    torch.manual_seed(0)
    trained = SMALL["clade"].build()
    trained.label_space = OLD
    space = LabelSpace(name="new", classes=("meadow", "class 1"))
    adapted = adapt_classes(trained, space, same={"meadow": "class 7"})
    tables = [net.painter.stages[0].norm_0.gamma for net in (trained, adapted)]
    torch.testing.assert_close(tables[1], tables[0][[7, 1]])
    with pytest.raises(UnknownNameError, match="class of old"):
        adapt_classes(trained, space, same={"meadow": "grass"})
    with pytest.raises(UnknownNameError, match="class of new"):
        adapt_classes(trained, space, same={"grass": "class 7"})


def test_vectors_of_spectral_norms_move_with_the_columns():
    torch.manual_seed(0)
    trained = SMALL["scgan"].build()
    trained.label_space = OLD
    adapted = adapt_classes(trained, NEW)
    key = "conditioner.network.levels.1.conv_0.parametrizations.weight.0.v"
    old, new = (net.state_dict()[key].unflatten(0, (-1, 9)) for net in (trained, adapted))
    first = len(old) - K  # features come before the classes
    torch.testing.assert_close(new[:first], old[:first])
    torch.testing.assert_close(new[first:][MOVED], old[first:])


def test_without_names_nothing_can_be_adapted():
    with pytest.raises(InputError, match="label_space first"):
        adapt_classes(SMALL["clade"].build(), NEW)
