import pytest
import torch

from semsyn.errors import InputError
from semsyn.records.layout import Layout
from semsyn.records.objects import NO_PART_MAP, Objects


def make_table() -> dict[str, torch.Tensor]:
    return {
        "images": torch.tensor([0, 0, 2]),
        "instance_ids": torch.tensor([5, 7, 5]),
        "categories": torch.tensor([24, 26, 24]),
        "boxes": torch.tensor([[4, 16, 4, 12], [10, 20, 10, 30], [0, 40, 0, 50]]),
        "original_sizes": torch.tensor([[1, 1], [3, 2], [1, 1]]),
    }


def make_map() -> torch.Tensor:
    ids = torch.zeros(3, 40, 50, dtype=torch.int64)
    ids[0, 4:17, 4:13] = 5
    ids[0, 10:21, 10:31] = 7
    ids[2] = 5
    return ids


def make_objects() -> Objects:
    return Objects.of(make_map(), **make_table())


def same(a: Objects, b: Objects) -> bool:
    def equal(x: object, y: object) -> bool:
        return torch.equal(x, y) if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor) else x == y

    return all(equal(value, vars(b)[name]) for name, value in vars(a).items())


def test_silhouettes_are_what_has_the_id_inside_the_window() -> None:
    objects = make_objects()
    assert len(objects) == 3 and objects.map_size == (40, 50)
    assert objects.silhouettes.shape == (3, 64, 64) and objects.silhouettes.dtype == torch.bool
    assert objects.silhouettes[2].float().mean() == pytest.approx(40 / 50, abs=0.02), "40 x 50 in a square of 50"
    assert objects.silhouettes[0].any() and not objects.silhouettes[0].all()


def test_a_batch_of_other_images() -> None:
    objects = make_objects()
    chosen = objects.of_images(torch.tensor([2, 1, 0, 0]))
    assert chosen.images.tolist() == [0, 2, 2, 3, 3]
    assert chosen.instance_ids.tolist() == [5, 5, 7, 5, 7]
    assert torch.equal(chosen.silhouettes[[1, 2]], objects.silhouettes[:2])
    assert same(objects.of_images(torch.arange(3)), objects)
    assert len(objects.of_images(torch.tensor([1]))) == 0


def test_layouts_take_their_objects_along() -> None:
    layout = Layout.of(make_map(), space=9, objects=make_objects(), requires=("objects",))
    assert layout.objects is not None
    for changed in (layout.repeat(2), layout[torch.tensor([0, 0, 1, 1, 2, 2])]):
        assert changed.objects is not None
        assert changed.objects.images.tolist() == [0, 0, 1, 1, 4, 5]
    both = Layout.cat([layout, layout[1:]])
    assert both.objects is not None and both.objects.images.tolist() == [0, 0, 2, 4]
    assert layout[1:2].objects is not None and len(layout[1:2].objects) == 0
    assert [level.objects for level in layout.pyramid([(40, 50), (8, 8)])] == [None, None]
    assert layout.to("cpu").objects is not None


def test_layouts_that_objects_do_not_fit() -> None:
    with pytest.raises(InputError, match="reads the objects of the scene: give objects="):
        Layout.of(make_map(), space=9, requires=("objects",))
    with pytest.raises(InputError, match=r"found in maps of \(40, 50\), but the layout is \(20, 25\)"):
        Layout.of(make_map(), space=9, size=(20, 25), objects=make_objects())
    with pytest.raises(InputError, match="some of the layouts have objects"):
        Layout.cat([Layout.of(make_map(), space=9, objects=make_objects()), Layout.of(make_map(), space=9)])
    with pytest.raises(InputError, match="use one size"):
        Objects.cat([make_objects(), Objects.none((8, 8))], [3, 1])


def test_known_part_maps() -> None:
    objects = make_objects()
    wanted = objects.silhouettes[1].long() * 2
    changed = objects.with_part_maps({1: wanted})
    assert objects.part_maps is None and changed.part_maps is not None
    assert torch.equal(changed.part_maps[1], wanted)
    assert (changed.part_maps[[0, 2]] == NO_PART_MAP).all()
    again = changed.with_part_maps({0: wanted})
    assert again.part_maps is not None and torch.equal(again.part_maps[:2], torch.stack([wanted, wanted]))
    both = Objects.cat([objects, changed], [3, 3])
    assert both.part_maps is not None and (both.part_maps[:4] == NO_PART_MAP).all()
    assert objects.find(7) == 1 and objects.find(5, image=2) == 2


@pytest.mark.parametrize(
    ("part_maps", "message"),
    [({3: torch.zeros(64, 64)}, "objects 0 to 2, not 3"), ({0: torch.zeros(32, 32)}, "must be s s")],
)
def test_part_maps_that_do_not_fit(part_maps: dict[int, torch.Tensor], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_objects().with_part_maps(part_maps)


def test_an_object_that_is_not_there() -> None:
    with pytest.raises(InputError, match=r"image 0 has the objects \[5, 7\], not 6"):
        make_objects().find(6)


def test_maps_drawn_over_the_scene_become_maps_of_objects() -> None:
    parts = torch.ones(3, 40, 50, dtype=torch.int64)
    parts[:, 10:] = 3
    crops = make_objects().crop(parts)
    silhouettes = make_objects().silhouettes
    assert torch.equal(crops > 0, silhouettes)
    assert crops[0][silhouettes[0]].unique().tolist() == [1, 3]
    assert crops[1][silhouettes[1]].unique().tolist() == [3]
    with pytest.raises(InputError, match="maps must be n h w"):
        make_objects().crop(parts[:, :20])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": torch.tensor([0, 2, 0])}, "numbers in .* that do not fall"),
        ({"images": torch.tensor([0, 0, 3])}, "numbers in"),
        ({"boxes": torch.tensor([[4, 4, 4, 12]] * 3)}, "is empty or not inside of 40 x 50"),
        ({"boxes": torch.tensor([[4, 41, 4, 12]] * 3)}, "is empty or not inside of 40 x 50"),
        ({"boxes": torch.tensor([[4, 16, -1, 12]] * 3)}, "is empty or not inside of 40 x 50"),
        ({"original_sizes": torch.tensor([[1, 1], [0, 1], [1, 1]])}, "must be positive"),
        ({"categories": torch.tensor([24])}, "categories must be o"),
    ],
)
def test_tables_that_make_no_sense(change: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Objects.of(make_map(), **(make_table() | change))


def test_no_objects() -> None:
    nothing = Objects.none((4, 6))
    assert len(nothing) == 0 and nothing.silhouettes.shape == (0, 64, 64)
    table = {name: column[:0] for name, column in make_table().items()}
    assert same(Objects.of(torch.zeros(1, 4, 6, dtype=torch.int64), **table), nothing)
    assert len(nothing.of_images(torch.tensor([0, 0]))) == 0
