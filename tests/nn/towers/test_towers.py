import pytest
import torch
import torch.nn.functional as F
from torch import nn

from semsyn.errors import CheckpointError, InputError
from semsyn.nn.initialize import initialize
from semsyn.nn.towers.alexnet import AlexNetFeatures
from semsyn.nn.towers.efficientnet_lite0 import EfficientNetLite0
from semsyn.nn.towers.tower import DEVIATION, MEAN, Tower
from semsyn.nn.towers.vgg16 import VGG16Features
from semsyn.nn.towers.vgg19 import VGG19Features

WIDTHS = (2, 3, 4, 5, 6)
VGG16_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # among torchvision's features
SMALL = {
    "vgg16": lambda: VGG16Features(WIDTHS),
    "vgg19": lambda: VGG19Features(WIDTHS[:4]),
    "alexnet": lambda: AlexNetFeatures(WIDTHS),
    "efficientnet-lite0": EfficientNetLite0,
}
FULL = {  # parameters of torchvision's features (VGG19's up to conv5_1), and of the trained file but its classifier
    VGG16Features: 14_714_688,
    VGG19Features: 12_944_960,
    AlexNetFeatures: 2_469_696,
    EfficientNetLite0: 3_371_008,
}


@pytest.fixture(scope="module", params=SMALL)
def tower(request):
    torch.manual_seed(0)
    return SMALL[request.param]()


def test_the_full_networks_have_their_parameters():
    with torch.device("meta"):
        assert {kind: sum(p.numel() for p in kind().parameters()) for kind in FULL} == FULL


def test_maps_are_as_they_say(tower):
    maps = tower(torch.zeros(2, 3, 64, 96))
    assert len(maps) == len(tower.maps) == len(set(tower.maps))
    assert tuple(m.shape[1] for m in maps) == tower.channels
    for m, stride in zip(maps, tower.strides, strict=True):
        assert abs(m.shape[2] - 64 / stride) <= 1 and abs(m.shape[3] - 96 / stride) <= 1


def test_nothing_learns_and_statistics_stay(tower):
    host = nn.Sequential(tower).train()
    assert not any(module.training for module in tower.modules())
    before = {key: t.clone() for key, t in tower.state_dict().items()}
    x = torch.randn(1, 3, 32, 32, requires_grad=True)
    host(x)[-1].sum().backward()
    assert x.grad is not None
    assert not any(p.requires_grad for p in tower.parameters())
    torch.testing.assert_close(tower.state_dict(), before)


def test_initialisation_of_a_network_leaves_its_tower_alone(tower):
    host = nn.ModuleList([tower, nn.Conv2d(3, 3, 1)])
    before = {key: t.clone() for key, t in host.state_dict().items()}
    initialize(host)
    changed = {key for key, t in host.state_dict().items() if not torch.equal(t, before[key])}
    assert changed == {"1.weight", "1.bias"}


def test_small_pictures_are_refused(tower):
    with pytest.raises(InputError, match=f"at least {tower.least}"):
        tower(torch.zeros(1, 3, tower.least - 1, 64))
    tower(torch.zeros(1, 3, tower.least, tower.least))


def test_weights_come_under_the_names_of_their_origin(tower):
    own = {key: torch.randn_like(t) if t.is_floating_point() else t for key, t in tower.state_dict().items()}
    theirs = {tower.their_name(key): t for key, t in own.items()}
    tower.load_torchvision({**theirs, "classifier.weight": torch.zeros(1)})
    torch.testing.assert_close(dict(tower.state_dict()), own)
    name = next(iter(theirs))
    with pytest.raises(CheckpointError, match="missing"):
        tower.load_torchvision({key: t for key, t in theirs.items() if key != name})
    with pytest.raises(CheckpointError, match="shape"):
        tower.load_torchvision({**theirs, name: torch.zeros(1)})


@pytest.mark.parametrize(("kind", "places"), [(VGG16Features, VGG16_CONVOLUTIONS), (AlexNetFeatures, (0, 3, 6, 8, 10))])
def test_names_are_torchvisions(kind, places):
    names = [key for key in kind(WIDTHS).state_dict() if key.endswith("weight")]
    assert names == [f"features.{place}.weight" for place in places]


@pytest.mark.parametrize("kind", [VGG16Features, AlexNetFeatures])
def test_imagenets_mean_and_deviation_are_taken_out(kind):
    torch.manual_seed(0)
    tower, bare = kind(WIDTHS), kind(WIDTHS, is_normalized=False)
    bare.load_state_dict(tower.state_dict())
    x = torch.rand(2, 3, 40, 48) * 2 - 1
    mean, deviation = (torch.tensor(t)[:, None, None] for t in (MEAN, DEVIATION))
    torch.testing.assert_close(tower(x), bare((x / 2 + 0.5 - mean) / deviation))


def test_vgg16s_maps_are_those_of_the_plain_stack():
    tower = VGG16Features(WIDTHS, is_normalized=False)
    image = torch.randn(1, 3, 40, 33)
    x, layers = image, [tower.features[i] for i in VGG16_CONVOLUTIONS]
    expected = []
    for i, layer in enumerate(layers):
        x = F.max_pool2d(x, 2) if i in (2, 4, 7, 10) else x
        x = F.relu(F.conv2d(x, layer.weight, layer.bias, padding=1))
        expected += [x] if i in (1, 3, 6, 9, 12) else []
    torch.testing.assert_close(tower(image), expected)


@pytest.mark.parametrize(("size", "kernel", "stride"), [(8, 3, 2), (9, 3, 2), (8, 5, 2), (9, 5, 1)])
def test_lite0_pads_as_tensorflow_does(size, kernel, stride):
    """Its rule, pixel by pixel: output i sees inputs from i·stride - left on, left being the smaller half."""
    from semsyn.nn.towers.efficientnet_lite0 import _SameConv

    conv = _SameConv(1, 1, kernel, stride=stride, bias=False)
    nn.init.ones_(conv.weight)
    x = torch.randn(1, 1, size, size)
    count = -(-size // stride)
    left = max((count - 1) * stride + kernel - size, 0) // 2
    spans = [slice(max(i * stride - left, 0), max(i * stride - left + kernel, 0)) for i in range(count)]
    expected = torch.stack([torch.stack([x[0, 0, rows, columns].sum() for columns in spans]) for rows in spans])
    torch.testing.assert_close(conv(x)[0, 0], expected)


def test_wrong_counts_are_refused():
    for kind in (VGG16Features, AlexNetFeatures):
        with pytest.raises(InputError, match="widths must give five"):
            kind((1, 2))


def test_all_are_towers():
    assert all(issubclass(kind, Tower) for kind in FULL)
