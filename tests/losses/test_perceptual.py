import pytest
import torch
import torch.nn.functional as F

from semsyn.errors import CheckpointError, InputError
from semsyn.losses import PerceptualLoss, VGG19Features
from semsyn.models.inade.recipe import VGG_WEIGHTS

WIDTHS = (2, 3, 4, 5)
TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)  # convolutions among vgg19().features up to relu5_1


def test_keys_carry_torchvisions_indices():
    keys = [k.split(".") for k in VGG19Features(WIDTHS).state_dict() if k.endswith("weight")]
    assert [int(index) for _, index, _ in keys] == list(TORCHVISION)
    assert [name for name, _, _ in keys] == [f"slice{s}" for s in (1, 2, 2, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5)]


def test_parameter_count_is_vgg19s():
    with torch.device("meta"):
        net = VGG19Features()
    assert sum(p.numel() for p in net.parameters()) == 12_944_960  # vgg19().features up to conv5_1


def test_maps_are_those_of_the_plain_stack():
    net = VGG19Features(WIDTHS)
    state = {k.split(".", 1)[1]: v for k, v in net.state_dict().items()}
    x = image = torch.randn(1, 3, 40, 33)
    expected = []
    for i in TORCHVISION:
        x = F.relu(F.conv2d(x, state[f"{i}.weight"], state[f"{i}.bias"], padding=1))
        if i in (0, 5, 10, 19, 28):
            expected.append(x)
        if i in (2, 7, 16, 25):
            x = F.max_pool2d(x, 2)
    torch.testing.assert_close(net(image), expected)


def test_loads_torchvisions_file_past_its_surplus():
    source, target = VGG19Features(WIDTHS), VGG19Features(WIDTHS)
    theirs = {f"features.{k.split('.', 1)[1]}": v for k, v in source.state_dict().items()}
    target.load_torchvision(theirs | {"features.30.weight": torch.zeros(1), "classifier.0.weight": torch.zeros(1)})
    torch.testing.assert_close(target.state_dict(), source.state_dict())


def test_another_network_is_refused():
    with pytest.raises(CheckpointError, match="no weights of VGG19"):
        VGG19Features(WIDTHS).load_torchvision({"conv1.weight": torch.zeros(1)})


def test_gradient_reaches_the_fake_picture_alone():
    torch.manual_seed(0)
    loss_of = PerceptualLoss(VGG19Features((8, 8, 8, 8)), weights=VGG_WEIGHTS)
    fake, real = (torch.randn(1, 3, 32, 32, requires_grad=True) for _ in range(2))
    loss_of(fake, real).backward()
    assert fake.grad is not None and fake.grad.abs().sum() > 0
    assert real.grad is None
    assert all(p.grad is None for p in loss_of.parameters())


@pytest.mark.parametrize(
    "make", [lambda: VGG19Features((1, 2)), lambda: PerceptualLoss(VGG19Features(WIDTHS), weights=(1.0,))]
)
def test_wrong_counts_are_refused(make):
    with pytest.raises(InputError):
        make()


def test_a_mask_weighs_places_and_the_mean_stays_over_all():
    loss_of = PerceptualLoss(VGG19Features(WIDTHS))
    fake, real = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    plain = loss_of(fake, real)
    torch.testing.assert_close(loss_of(fake, real, mask=torch.full((2, 1, 8, 8), 0.5)), plain / 2)
    left = torch.zeros(2, 1, 8, 8)
    left[..., :4] = 1
    halves = [loss_of(fake, real, mask=mask) for mask in (left, 1 - left)]
    torch.testing.assert_close(sum(halves), plain)
    assert all(half > 0 for half in halves)
