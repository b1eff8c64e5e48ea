from collections.abc import Callable
from types import ModuleType

import torch


def test_it_learns_and_knows_its_regions(example: Callable[[str], ModuleType]) -> None:
    script = example("regional_tokens")
    losses = script.train(True, 3)
    assert len(losses) == 3 and losses[2] < losses[0]
    network = script.Transformer()
    for block in network.blocks:
        for norm in block.norms:
            torch.nn.init.normal_(norm.linear.weight)
    x, ids, levels = torch.randn(1, 3, 32, 32), torch.zeros(1, 32, 32, dtype=torch.int64), torch.rand(1)
    other = ids.clone()
    other[:, :16] = 1
    with torch.no_grad():
        assert not torch.allclose(network(x, ids, levels), network(x, other, levels))
