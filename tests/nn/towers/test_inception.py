import pytest
import torch
import torch.nn.functional as F

from semsyn.errors import CheckpointError, InputError, InputTypeError
from semsyn.nn.towers.inception import Inception


@pytest.fixture(scope="module")
def narrow() -> dict[str, torch.Tensor]:
    """A state of the FID's network, a sixteenth as wide, whose batch norms do something."""
    torch.manual_seed(0)
    state = Inception(width=2).state_dict()
    for key, t in state.items():
        if "running" in key:
            t.uniform_(0.5, 1.5)
    return state


def as_torchvision(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    others = {"fc.weight": torch.randn(1000, 128), "fc.bias": torch.randn(1000)}
    return {**state, **others, "AuxLogits.fc.weight": torch.randn(1000, 768)}


def test_sizes_of_the_maps(narrow):
    network = Inception.of(narrow)
    maps = network(torch.rand(2, 3, 40, 60) * 2 - 1)
    assert [tuple(m.shape[1:]) for m in maps] == [(4, 73, 73), (12, 35, 35), (48, 17, 17), (128, 8, 8)]
    assert network.channels == (4, 12, 48, 128) and network.kind == "fid"
    assert network.logits(maps[-1].mean((2, 3))).shape == (2, 1008)
    assert not network.train().training and not any(p.requires_grad for p in network.parameters())
    own = Inception.of(narrow, size=None)(torch.zeros(1, 3, 75, 91))
    assert own[-1].shape[2:] == (1, 1)


def test_pictures_are_resized_without_antialiasing(narrow):
    picture = torch.rand(1, 3, 500, 320) * 2 - 1
    resized = F.interpolate(picture, (299, 299), mode="bilinear", align_corners=False)
    assert torch.equal(Inception.of(narrow)(picture)[-1], Inception.of(narrow, size=None)(resized)[-1])


def test_the_two_networks_differ_in_their_pools(narrow):
    fid, other = Inception.of(narrow, size=None), Inception.of(as_torchvision(narrow), size=None)
    assert other.kind == "torchvision" and other.fc.out_features == 1000
    x = torch.rand(1, 12, 9, 9)
    ones = torch.ones_like(x)
    # As defined: a mean over 3 x 3, of the places inside the map, or of all nine.
    inside = F.avg_pool2d(x, 3, 1, 1) / F.avg_pool2d(ones, 3, 1, 1)
    block, name = "Mixed_5b", "branch_pool"
    for network, pooled in ((fid, inside), (other, F.avg_pool2d(x, 3, 1, 1))):
        own = network.get_submodule(block)
        torch.testing.assert_close(own(x)[:, -2:], own.get_submodule(name)(pooled))
    x = torch.rand(1, 128, 5, 5)
    for network, pooled in ((fid, F.max_pool2d(x, 3, 1, 1)), (other, F.avg_pool2d(x, 3, 1, 1))):
        own = network.Mixed_7c
        torch.testing.assert_close(own(x)[:, -12:], own.get_submodule(name)(pooled))


def test_a_full_one_has_the_published_names_and_sizes():
    with torch.device("meta"):
        state = Inception("torchvision").state_dict()
    weights = {key: t for key, t in state.items() if "running" not in key and "num_batches" not in key}
    assert (
        sum(t.numel() for t in weights.values()) == 23_834_568
    )  # what torchvision tells, without the classifier aside
    assert state["Mixed_6b.branch7x7dbl_4.conv.weight"].shape == (128, 128, 7, 1)
    assert state["Mixed_7c.branch3x3dbl_3b.conv.weight"].shape == (384, 384, 3, 1)


def test_other_weights_are_refused(narrow):
    def broken(**changes):
        return {key: t for key, t in {**narrow, **changes}.items() if t is not None}

    wrong = {
        "no weights of Inception v3: expected pytorch-fid's": broken(**{"fc.bias": torch.zeros(10)}),
        "fc of 0": {"a": torch.zeros(1)},
        "Mixed_7a.branch3x3_1.conv.weight is missing": broken(**{"Mixed_7a.branch3x3_1.conv.weight": None}),
        "strange is not known": broken(strange=torch.zeros(1)),
        "size mismatch for Mixed_5b.branch1x1.bn.bias": broken(**{"Mixed_5b.branch1x1.bn.bias": torch.zeros(3)}),
    }
    for message, state in wrong.items():
        with pytest.raises(CheckpointError, match=message):
            Inception.of(state)
    with pytest.raises(InputError, match="width must be even"):
        Inception(width=3)
    with pytest.raises(InputError, match="a side has at least 75"):
        Inception.of(narrow, size=None)(torch.zeros(1, 3, 74, 99))
    with pytest.raises(InputTypeError):
        Inception.of(narrow)(torch.zeros(1, 3, 80, 80, dtype=torch.uint8))
