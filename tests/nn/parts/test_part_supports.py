import pytest
import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.nn import PartNet, PartSupports
from semsyn.nn.parts.part_supports import SupportEncoding


def make_maps(count: int) -> Tensor:
    return torch.randint(0, 5, (count, 3, 64, 64), generator=torch.Generator().manual_seed(0))


def make_encoding() -> SupportEncoding:
    torch.manual_seed(0)
    maps = make_maps(3)
    maps[1] = maps[1].clamp(max=2)
    with torch.no_grad():
        return PartNet((4, 4, 6, 8)).encode_supports(PartSupports.of(maps, [9, 2, 30]))


def test_supports_survive_as_tensors() -> None:
    supports = PartSupports.of(make_maps(2), [7, 24])
    tensors = supports.tensors()
    assert {name: t.dtype for name, t in tensors.items()} == {"part_ids": torch.uint8, "categories": torch.int64}
    again = PartSupports.from_tensors(tensors)
    assert torch.equal(again.part_ids, supports.part_ids) and torch.equal(again.categories, supports.categories)
    assert len(again) == 2 and again.count == 3


def test_a_mapping_names_the_categories() -> None:
    maps = make_maps(2)
    supports = PartSupports.of({7: maps[0], 24: maps[1]})
    assert supports.categories.tolist() == [7, 24]
    assert torch.equal(supports.select([24]).part_ids[0].long(), maps[1])


def test_selecting_leaves_encodings_as_they_are() -> None:
    encoding = make_encoding()
    few = encoding.select(torch.tensor([30, 9]))
    assert few.categories.tolist() == [30, 9] and few.keys.shape[1] == 6 < encoding.keys.shape[1] == 9
    for new, old in ((0, 2), (1, 0)):
        for name in ("keys", "key_bias"):
            assert torch.equal(
                getattr(few, name)[:, few.key_rows[new]], getattr(encoding, name)[:, encoding.key_rows[old]]
            )
        assert torch.equal(few.values[:, few.value_rows[new]], encoding.values[:, encoding.value_rows[old]])
    assert torch.equal(few.values[:, 0], encoding.values[:, 0]), "the absent part stays first"


def test_absent_parts_share_a_block() -> None:
    encoding = make_encoding()
    assert encoding.value_rows.shape == (3, 9, 3)
    assert (encoding.value_rows[1, 3:] == 0).all() and (encoding.value_rows[:, 5:] == 0).all()
    assert (encoding.value_rows[1, :3] > 0).all()
    assert encoding.values.shape[1] == 1 + (encoding.value_rows > 0).sum()


def test_which_categories_there_are() -> None:
    assert make_encoding().has(torch.tensor([30, 3, 9])).tolist() == [True, False, True]


BAD = {
    "twice": (lambda: PartSupports.of(make_maps(2), [3, 3]), "holds an id twice"),
    "count": (lambda: PartSupports.of(make_maps(2), [3]), "categories must be c"),
    "shape": (lambda: PartSupports.of(make_maps(2)[0], [3, 4, 5]), "part_ids must be c n h w"),
    "none": (lambda: PartSupports.of({}), "there are no support maps"),
    "categories without maps": (lambda: PartSupports.of(make_maps(2)[:, :0], [3, 4]), "there are no support maps"),
    "sizes": (lambda: PartSupports.of({1: make_maps(1)[0], 2: make_maps(1)[0, :2]}), "as many support maps"),
    "ids": (lambda: PartSupports.of(make_maps(1) - 1, [3]), "part ids go from -1 to 3"),
    "missing": (lambda: PartSupports.of(make_maps(1), [3]).select([4, 3]), "no support maps for category 4"),
    "unknown": (lambda: make_encoding().select(torch.tensor([9, 8])), r"category 8; there are some for \[9, 2, 30\]"),
}


@pytest.mark.parametrize(("call", "message"), BAD.values(), ids=BAD)
def test_bad_input(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
