"""The example at its smallest: all three networks learn, routing is a mixture, and the script says what came of it."""

import sys

import pytest
import torch


@pytest.fixture(scope="module")
def script(example):
    return example("conditional_conv_in_your_unet")


@pytest.fixture(scope="module")
def batches(script):
    return script.draw_batches(2, "train", size=4)


def test_background_is_noisy_and_things_are_blurred(script, batches) -> None:
    broken, image, class_ids = batches[0]
    is_stuff = torch.isin(class_ids, script.STUFF_IDS)[:, None].expand_as(image)
    assert (broken - image)[is_stuff].std() == pytest.approx(0.3, rel=0.05)
    assert not torch.equal(broken[~is_stuff], image[~is_stuff]) and broken[~is_stuff].abs().max() <= 1


@pytest.mark.parametrize("source", ["features", "labels"])
def test_routing_is_a_mixture_at_both_sizes(script, batches, source) -> None:
    torch.manual_seed(0)
    broken, _, class_ids = batches[0]
    network = script.UNet(source)
    for routing, side in zip(network.route(torch.randn(4, 24, 32, 32), class_ids), (32, 64), strict=True):
        assert routing.shape == (4, script.EXPERTS, side, side) and routing.std() > 0
        torch.testing.assert_close(routing.sum(1), torch.ones(4, side, side))
    assert network(broken, class_ids).shape == broken.shape


@pytest.mark.parametrize("source", ["none", "features", "labels"])
def test_it_learns(script, batches, source) -> None:
    network = script.train(source, batches, 12).train()  # running statistics need more steps
    before, after = script.measure(network, batches)
    assert after < 0.95 * before


def test_gradients_reach_the_routing(script, batches) -> None:
    broken, image, class_ids = batches[0]
    network = script.UNet("labels")
    (network(broken, class_ids) - image).abs().mean().backward()
    assert network.logits.grad[class_ids.unique()].abs().min() > 0


def test_the_script_says_what_came_of_it(script, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["conditional_conv_in_your_unet.py", "--steps", "2", "--batches", "1"])
    script.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines if line.startswith("routing from")] == ["none", "features", "labels"]
    named = [name for line in lines if "is strongest in" in line for name in line.split(": ")[1].split(", ")]
    assert sorted(set(named) - {"nothing"}) == sorted(script.CLASSES)
