"""What hosts do with records: collate, pin, move, walk through, copy, set the fields of a copy."""

import copy
import pickle
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from torch.utils import _pytree as pytree
from torch.utils.data import DataLoader, default_collate

from semsyn.errors import InputError, InputTypeError
from semsyn.records.codes import Codes
from semsyn.records.condition import Condition
from semsyn.records.layout import Layout
from semsyn.records.objects import Objects
from semsyn.records.style import Gaussian, Posterior, Style

NEEDS = ("instance_ids", "edges", "offsets", "planes", "objects")


def make_layout(images: int = 3) -> Layout:
    ids = torch.randint(4, (images, 6, 8), generator=torch.Generator().manual_seed(0))
    planes = torch.arange(images * 96.0).view(images, 2, 6, 8)
    return Layout.of(ids, ids, space=4, requires=NEEDS, planes=planes, objects=Objects.none((6, 8)))


def make_style(images: int = 3) -> Style:
    table = torch.arange(images * 5.0).view(images, 1, 5)
    ids = torch.zeros(images, 6, 8, dtype=torch.int64)
    return Style({"start": Codes(table=table), "noise": Codes(table=table, per="region", ids=ids)})


def same(a: Any, b: Any) -> bool:
    (left, spec), (right, other) = pytree.tree_flatten(a), pytree.tree_flatten(b)
    return spec == other and all(torch.equal(x, y) for x, y in zip(left, right, strict=True))


@pytest.mark.parametrize("make", [make_layout, make_style], ids=["layout", "style"])
def test_a_loader_makes_a_batch_of_single_scenes(make) -> None:
    record = make()
    singles = [record[i] for i in range(3)]
    assert same(default_collate(singles), record)
    (batch,) = DataLoader([{"scene": one, "number": i} for i, one in enumerate(singles)], batch_size=3)
    assert same(batch["scene"], record) and batch["number"].tolist() == [0, 1, 2]


def test_workers_hand_records_over() -> None:
    layout = make_layout()
    (batch,) = DataLoader([layout[i] for i in range(3)], batch_size=3, num_workers=1)
    assert same(batch, layout)


@pytest.mark.parametrize("make", [make_layout, make_style], ids=["layout", "style"])
def test_pictures_are_chosen_as_in_a_list(make) -> None:
    record = make()
    assert same(record[1], record[1:2]) and same(record[-1], record[2:])
    assert same(record[[0, 2]], record[torch.tensor([0, 2])])
    with pytest.raises(IndexError, match="there are 3 pictures, not one of number 3"):
        record[3]
    with pytest.raises(InputTypeError, match="a number, a slice or a tensor, found 1.5"):
        record[1.5]


def test_a_loop_over_a_layout_ends() -> None:
    layout = make_layout()
    assert [one.class_ids.shape for one in layout] == [(1, 6, 8)] * 3
    assert same(Layout.cat(list(layout)), layout)


def test_a_half_keeps_ids() -> None:
    layout = make_layout().to("cpu", torch.float16, non_blocking=True)
    assert layout.class_ids.dtype == layout.instance_ids.dtype == torch.int64 and layout.edges.dtype == torch.bool
    assert layout.planes.dtype == layout.offsets.dtype == torch.float16
    style = make_style().to(torch.bfloat16)
    assert style["noise"].table.dtype == torch.bfloat16 and style["noise"].ids.dtype == torch.int64


def test_everything_moves() -> None:
    posterior = Posterior({"start": Gaussian(mu=torch.zeros(2, 1, 5), logvar=torch.zeros(2, 1, 5))})
    for record in (make_layout(), make_style(), posterior, Condition(class_ids=torch.zeros(1, 2, 2).long())):
        assert {t.device.type for t in record.to("meta").tensors()} == {"meta"}
    assert len(list(make_layout().tensors())) == 5 + 6, "five maps and six columns of objects"


def test_pinning_reaches_every_tensor(monkeypatch) -> None:
    pinned: list[torch.Size] = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda t: pinned.append(t.shape) or t)
    for record in (make_layout(), make_style()):
        pinned.clear()
        assert type(record.pin_memory()) is type(record)
        assert len(pinned) == len(list(record.tensors()))


@pytest.mark.parametrize("make", [make_layout, make_style], ids=["layout", "style"])
def test_they_are_pytrees(make) -> None:
    record = make()
    leaves, spec = pytree.tree_flatten(record)
    assert len(leaves) == len(list(record.tensors()))
    assert same(pytree.tree_unflatten(leaves, spec), record)
    shapes = pytree.tree_map(lambda t: t.shape, record)
    assert type(shapes) is type(record), "whatever stands where tensors stood"


@pytest.mark.parametrize("make", [make_layout, make_style], ids=["layout", "style"])
def test_they_are_equal_to_themselves_alone(make) -> None:
    record, other = make(), make()
    assert record == record and record != other and len({record, other}) == 2


@pytest.mark.parametrize("make", [make_layout, make_style], ids=["layout", "style"])
def test_they_copy_and_pickle(make) -> None:
    record = make()
    assert same(copy.deepcopy(record), record) and same(pickle.loads(pickle.dumps(record)), record)


def test_only_a_deep_copy_can_be_changed() -> None:
    layout = make_layout()
    with pytest.raises(AttributeError, match="a Layout cannot be changed: use dataclasses.replace"):
        layout.class_ids = layout.instance_ids
    changed = copy.deepcopy(layout)  # Lightning: convert the fields, set them on a copy
    for field in fields(changed):
        value = getattr(layout, field.name)
        half = value.half() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
        setattr(changed, field.name, half)
    assert changed.planes.dtype == torch.float16 and changed.class_ids.dtype == torch.int64


def test_they_show_sizes() -> None:
    assert repr(make_layout(2)[:1]).startswith("Layout(class_ids=int64[1, 6, 8], instance_ids=int64[1, 6, 8], edges=")
    assert repr(make_style()["start"]) == "Codes(table=float32[3, 1, 5], per='image', is_divisible=False)"
    assert "'noise': Codes(table=float32[3, 1, 5], per='region'" in repr(make_style())
    assert repr(Condition(class_ids=torch.zeros(1, 2, 3).long())) == "Condition(class_ids=int64[1, 2, 3])"


def test_a_layout_holds_maps_that_belong_together() -> None:
    layout = make_layout()
    for changes, error, message in (
        ({"class_ids": None}, InputTypeError, "class_ids must be a Tensor, found NoneType"),
        ({"class_ids": layout.class_ids.numpy()}, InputTypeError, "class_ids must be a Tensor, found ndarray"),
        ({"class_ids": layout.class_ids[0]}, InputError, r"class_ids must be n h w"),
        ({"class_ids": layout.class_ids.int()}, InputTypeError, "class_ids must be int64, found torch.int32"),
        ({"edges": layout.edges[:, :3]}, InputError, r"edges must be n h w = \(3 6 8\), found shape \(3, 3, 8\)"),
    ):
        with pytest.raises(error, match=message):
            replace(layout, **changes)


def test_one_name_is_no_collection_of_names() -> None:
    ids = torch.zeros(4, 4, dtype=torch.int64)
    with pytest.raises(InputTypeError, match=r"requires takes several names, found 'edges' alone: requires=\('edges',"):
        Layout.of(ids, space=2, requires="edges")
    style = make_style()
    with pytest.raises(InputTypeError, match=r"only takes several names, found 'noise' alone"):
        style.mix(style, only="noise")
    with pytest.raises(InputTypeError, match=r"classes takes several numbers, found 3 alone: classes=\(3,\)"):
        style.mix(style, classes=3)
    with pytest.raises(InputTypeError, match="other must be a Style, found a tensor of shape"):
        style.mix(torch.zeros(2), only=["noise"])
