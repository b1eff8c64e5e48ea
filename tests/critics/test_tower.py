import pytest
import torch
from torch import nn

from semsyn.critics.tower import TowerCritic
from semsyn.errors import InputError, UnknownNameError
from semsyn.nn.towers.alexnet import AlexNetFeatures
from semsyn.nn.towers.efficientnet_lite0 import EfficientNetLite0
from semsyn.nn.towers.vgg16 import VGG16Features
from semsyn.records.layout import Layout

K, SIZE = 4, (40, 56)
TOWERS = {
    "vgg16": lambda: VGG16Features((2, 3, 4, 5, 6)),
    "alexnet": lambda: AlexNetFeatures((2, 3, 4, 5, 6)),
    "lite0": EfficientNetLite0,
}


@pytest.fixture(scope="module", params=TOWERS)
def tower(request):
    torch.manual_seed(0)
    return TOWERS[request.param]()


@pytest.fixture(scope="module", params=["classes", "patches"])
def critic(request, tower):
    torch.manual_seed(1)
    return TowerCritic(K, tower, judges=request.param, width=3)


def layout(n=2):
    return Layout(class_ids=torch.randint(K + 1, (n, *SIZE), generator=torch.Generator().manual_seed(0)))


def pictures(n=2):
    return torch.rand(n, 3, *SIZE, generator=torch.Generator().manual_seed(1)) * 2 - 1


def numbers(verdict):
    return [*verdict.logits, *(m for maps in verdict.features for m in maps), verdict.classes]


def test_it_says_what_its_objective_asks_for(critic):
    said = critic(layout(), pictures())
    if critic.judges == "classes":
        assert said.classes.shape == (2, K + 1, *SIZE) and not said.logits
    else:
        assert said.classes is None and len(said.logits) == len(said.features) == len(critic.levels) >= 2
        assert all(t.shape[:2] == (2, 1) for t in said.logits)


def test_heads_learn_and_the_tower_does_not(critic):
    image = pictures().requires_grad_()
    sum(t.square().sum() for t in numbers(critic.train()(layout(), image)) if t is not None).backward()
    assert image.grad.abs().sum() > 0
    for name, p in critic.named_parameters():
        assert (p.grad is not None) == (not name.startswith("tower.")), name
    assert not critic.tower.training
    critic.zero_grad()


def test_pictures_are_judged_one_by_one(critic):
    critic.eval()
    whole = critic(layout(), torch.cat([pictures(), -pictures()]))
    alone = critic(layout()[1:2], -pictures()[1:])
    for a, b in zip(numbers(whole), numbers(alone), strict=True):
        if a is not None:
            torch.testing.assert_close(a[3:], b, rtol=1e-3, atol=1e-4)


def test_only_patches_read_the_layout(critic):
    critic.eval()
    other = Layout(class_ids=(layout().class_ids + 1) % K)
    said, changed = critic(layout(), pictures()), critic(other, pictures())
    if critic.judges == "classes":
        torch.testing.assert_close(said.classes, changed.classes)
    else:
        assert all(not torch.allclose(a, b) for a, b in zip(said.logits, changed.logits, strict=True))


def test_maps_are_chosen_by_name(tower):
    critic = TowerCritic(K, tower, width=2, maps=tower.maps[-1:])
    assert critic.levels == (len(tower.maps) - 1,)
    with pytest.raises(UnknownNameError, match="map of the tower"):
        TowerCritic(K, tower, maps=("relu9",))


def test_patches_need_coarse_maps():
    with pytest.raises(InputError, match="1/4 of a picture"):
        TowerCritic(K, TOWERS["vgg16"](), judges="patches", maps=("relu1_2",))


def test_it_is_saved_and_loaded_whole(critic):
    copy = TowerCritic(K, TOWERS_OF[type(critic.tower)](), judges=critic.judges, width=3)
    copy.load_state_dict(critic.state_dict())
    with torch.no_grad():
        said, again = critic.eval()(layout(), pictures()), copy.eval()(layout(), pictures())
    for a, b in zip(numbers(said), numbers(again), strict=True):
        if a is not None:
            torch.testing.assert_close(a, b)
    assert isinstance(copy.laterals, nn.ModuleList)


TOWERS_OF = {VGG16Features: TOWERS["vgg16"], AlexNetFeatures: TOWERS["alexnet"], EfficientNetLite0: EfficientNetLite0}
