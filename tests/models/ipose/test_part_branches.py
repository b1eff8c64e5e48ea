"""PartNet's training: what the branches are, that permuted channels change no loss, and that a few steps help."""

import torch
from torch import Tensor

from semsyn.models.ipose.part_branches import draw_replaced, part_net_branches
from semsyn.nn import PartNet, PartSupports


def make_maps(count: int) -> Tensor:
    """Discs of various places, cut into an upper part 1 and a lower part 2."""
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    middles = torch.randint(24, 40, (count, 2, 1, 1), generator=torch.Generator().manual_seed(0))
    inside = (y - middles[:, 0]) ** 2 + (x - middles[:, 1]) ** 2 < 400
    return inside * (1 + (y > middles[:, 0]))


def make(dtype: torch.dtype = torch.float32) -> tuple[PartNet, Tensor, PartSupports]:
    torch.manual_seed(0)
    maps = make_maps(5)
    return PartNet((4, 4, 6, 8)).to(dtype), maps[:2], PartSupports.of({3: maps[2:]})


def test_the_branches() -> None:
    network, part_ids, supports = make()
    categories, silhouettes = torch.tensor([3, 3]), part_ids[:, None] > 0
    synthesis, reconstruction = part_net_branches(network, silhouettes, part_ids, categories, supports, replaced=1)
    encoding = network.encode_supports(supports)
    assert torch.equal(synthesis.logits, network(silhouettes, encoding, categories).logits)
    own = PartSupports.of(torch.stack([supports.part_ids[0], supports.part_ids[0]]).long(), [0, 1])
    own.part_ids[:, 1] = part_ids
    rebuilt = network(silhouettes, network.encode_supports(own), torch.tensor([0, 1])).logits
    torch.testing.assert_close(reconstruction.logits, rebuilt, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(synthesis.logits, reconstruction.logits, atol=1e-3)


def test_permuted_channels_permute_the_logits() -> None:
    """Part 0 stays: silhouettes are taken before the permutation."""
    network, part_ids, supports = make(torch.float64)
    categories, order = torch.tensor([3, 3]), torch.tensor([0, 5, 7, 1, 2, 3, 4, 6, 8])
    moved = PartSupports.of(order[supports.part_ids.long()], [3])
    branches = [
        part_net_branches(network, ids[:, None] > 0, ids, categories, s, replaced=0)
        for ids, s in ((part_ids, supports), (order[part_ids], moved))
    ]
    for plain, permuted in zip(*branches, strict=True):
        torch.testing.assert_close(permuted.logits[:, order], plain.logits, atol=1e-9, rtol=1e-9)
        torch.testing.assert_close(permuted.binary, plain.binary)
        torch.testing.assert_close(permuted.multiclass, plain.multiclass)


def test_a_few_steps_teach_the_parts() -> None:
    network, part_ids, supports = make()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(30):
        branches = part_net_branches(
            network, part_ids[:, None] > 0, part_ids, torch.tensor([3, 3]), supports, replaced=0
        )
        loss = torch.stack([b.binary + b.multiclass for b in branches]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    inferred = network(part_ids[:, None] > 0, network.encode_supports(supports), torch.tensor([3, 3])).part_ids
    assert losses[-1] < 0.3 * losses[0]
    assert (inferred == part_ids).float().mean() > 0.9


def test_the_last_support_is_never_replaced() -> None:
    rng = torch.Generator().manual_seed(0)
    assert {draw_replaced(3, rng) for _ in range(40)} == {0, 1}
    assert {draw_replaced(1, rng) for _ in range(5)} == {0}
