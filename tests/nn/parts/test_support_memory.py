import copy

import pytest
import torch

from semsyn.errors import InputError
from semsyn.nn import PartNet, PartSupports
from semsyn.nn.parts.part_supports import SupportEncoding
from semsyn.nn.parts.support_memory import SupportMemory


def make_network() -> PartNet:
    torch.manual_seed(0)
    return PartNet((4, 4, 4, 6), num_parts=5).eval().requires_grad_(False)


def make_memory() -> SupportMemory:
    memory = SupportMemory()
    rng = torch.Generator().manual_seed(1)
    coarse = torch.randint(0, 4, (3, 2, 8, 8), generator=rng)
    maps = coarse.repeat_interleave(8, 2).repeat_interleave(8, 3)
    maps[1][maps[1] == 3] = 2
    memory.attach(PartSupports.of(maps, [7, 9, 24]))
    return memory


def infer(network: PartNet, encoding: SupportEncoding, category: int) -> torch.Tensor:
    silhouette = torch.zeros(1, 1, 64, 64)
    silhouette[..., 10:50, 20:40] = 1
    return network(silhouette, encoding, torch.tensor([category])).logits


def count_encoded(network: PartNet, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many categories each call of `encode_supports` gets, from now on."""
    calls: list[int] = []
    encode = network.encode_supports

    def counting(supports: PartSupports) -> SupportEncoding:
        calls.append(len(supports))
        return encode(supports)

    monkeypatch.setattr(network, "encode_supports", counting)
    return calls


def test_each_category_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network, memory = make_network(), make_memory()
    calls = count_encoded(network, monkeypatch)
    for categories in ([9], [9, 9, 7], [7, 9], [24, 7], [24]):
        encoding = memory.encode(network, torch.tensor(categories))
        assert encoding.has(torch.tensor(categories)).all()
    assert calls == [1, 1, 1]


def test_added_later_is_the_same_as_at_once() -> None:
    network, memory = make_network(), make_memory()
    for category in (9, 24, 7):
        encoding = memory.encode(network, torch.tensor([category]))
    together = make_memory().encode(network, torch.tensor([7, 9, 24]))
    for category in (7, 9, 24):
        torch.testing.assert_close(infer(network, encoding, category), infer(network, together, category))


def test_new_weights_and_new_maps_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    network, memory = make_network(), make_memory()
    calls = count_encoded(network, monkeypatch)
    seven = torch.tensor([7])
    memory.encode(network, seven)
    network.to_logit.bias.add_(1)
    memory.encode(network, seven)
    network.load_state_dict(copy.deepcopy(network.state_dict()))
    memory.encode(network, seven)
    memory.attach(PartSupports.of(memory.part_ids.flip(3), memory.categories))
    memory.encode(network, seven)
    memory.encode(network, seven)
    assert calls == [1, 1, 1, 1]


def test_weights_in_training_are_not_remembered() -> None:
    network, memory = make_network().requires_grad_(), make_memory()
    encoding = memory.encode(network, torch.tensor([9]))
    assert encoding.keys.requires_grad
    with torch.no_grad():
        assert not memory.encode(network, torch.tensor([9])).keys.requires_grad


def test_what_inference_made_serves_training() -> None:
    network, memory = make_network(), make_memory()
    with torch.inference_mode():
        memory.encode(network, torch.tensor([9]))
    assert not memory.encode(network, torch.tensor([9])).keys.is_inference()


def test_maps_are_part_of_the_state() -> None:
    memory, twin = make_memory(), SupportMemory(3, 2)
    twin.load_state_dict(memory.state_dict())
    assert torch.equal(twin.part_ids, memory.part_ids) and torch.equal(twin.categories, memory.categories)
    assert twin.has(torch.tensor([7, 8, 24])).tolist() == [True, False, True]
    assert SupportMemory().has(torch.tensor([7])).tolist() == [False]


def test_categories_without_supports() -> None:
    with pytest.raises(InputError, match="no support maps for category 8"):
        make_memory().encode(make_network(), torch.tensor([7, 8]))
