import torch

from semsyn.train.adam import TensorFlowAdam


def test_steps_are_the_equation():
    weight = torch.nn.Parameter(torch.randn(4, dtype=torch.float64))
    adam = TensorFlowAdam([weight], lr=0.01, betas=(0.8, 0.95), eps=1e-3)
    x, m, v = weight.detach().clone(), torch.zeros(4), torch.zeros(4)
    for t in range(1, 6):
        grad = torch.randn(4, dtype=torch.float64) * 1e-3
        weight.grad = grad.clone()
        adam.step()
        m, v = 0.8 * m + 0.2 * grad, 0.95 * v + 0.05 * grad**2
        x = x - 0.01 * (1 - 0.95**t) ** 0.5 / (1 - 0.8**t) * m / (v.sqrt() + 1e-3)
        torch.testing.assert_close(weight.detach(), x)


def test_large_gradients_move_as_torchs_adam_does_and_tiny_ones_less():
    start = torch.randn(5)
    for scale, is_same in ((1.0, True), (1e-8, False)):
        weights = [torch.nn.Parameter(start.clone()) for _ in range(2)]
        optimizers = TensorFlowAdam([weights[0]], 0.1), torch.optim.Adam([weights[1]], 0.1)
        for _ in range(3):
            grad = torch.randn(5) * scale
            for weight, optimizer in zip(weights, optimizers, strict=True):
                weight.grad = grad.clone()
                optimizer.step()
        assert torch.allclose(*weights, atol=1e-5) == is_same
        if not is_same:
            moved = [(weight.detach() - start).abs().sum() for weight in weights]
            assert moved[0] < moved[1]


def test_a_state_goes_on():
    def make():
        weight = torch.nn.Parameter(torch.ones(3))
        return weight, TensorFlowAdam([weight], 0.1)

    (first, one), (second, two) = make(), make()
    for weight, adam in ((first, one), (second, two)):
        weight.grad = torch.tensor([1.0, 2, 3])
        adam.step()
    three = TensorFlowAdam([second], 0.3)
    three.load_state_dict(two.state_dict())
    one.step()
    three.step()
    assert torch.equal(first, second)
    first.grad = None
    one.step()
    assert torch.equal(first, second), "a weight without a gradient stays"


def test_a_closure_is_called():
    weight = torch.nn.Parameter(torch.ones(3))
    adam = TensorFlowAdam([weight], 0.1)

    def closure():
        adam.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss

    assert adam.step(closure).item() == 3 and (weight < 1).all()
