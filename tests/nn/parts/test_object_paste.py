import pytest
import torch

from semsyn.errors import InputError
from semsyn.nn.parts import object_paste
from semsyn.nn.parts.object_paste import object_owners, paste_objects, sample_objects, window_matrices
from semsyn.records.objects import Objects
from semsyn.testing.plain.ipose import plain_paste_all

SIZE = (40, 36)


def make_objects(*, squashed: bool, count: int = 12) -> Objects:
    """Overlapping objects of two images; the second image has fewer."""
    rng = torch.Generator().manual_seed(3)
    first = torch.randint(0, 26, (count, 2), generator=rng)
    last = torch.minimum(first + 2 * torch.randint(1, 8, (count, 2), generator=rng), torch.tensor(SIZE))
    boxes = torch.stack([first[:, 0], last[:, 0], first[:, 1], last[:, 1]], dim=1)
    originals = torch.tensor([[300, 450], [512, 333], [1, 1]])[torch.arange(count) % 3]
    objects = Objects.of(
        torch.zeros(2, *SIZE, dtype=torch.int64),
        images=(torch.arange(count) >= count - 3).long(),
        instance_ids=torch.zeros(count, dtype=torch.int64),
        categories=torch.zeros(count, dtype=torch.int64),
        boxes=boxes,
        original_sizes=originals if squashed else torch.ones(count, 2, dtype=torch.int64),
    )
    noise = torch.rand(count, 8, 8, generator=rng).repeat_interleave(8, 1).repeat_interleave(8, 2) > 0.3
    return Objects(**{**vars(objects), "silhouettes": noise})


PLACE = {"num_images": 2, "size": SIZE}
SQUASHED = pytest.mark.parametrize("squashed", [False, True], ids=["square", "squashed"])


@SQUASHED
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_pasting_by_owner_is_pasting_one_after_another(squashed: bool, mode: str) -> None:
    objects = make_objects(squashed=squashed)
    patches = torch.randn(len(objects), 5, 64, 64, generator=torch.Generator().manual_seed(0))
    found = paste_objects(patches, objects.silhouettes, objects.images, objects.frame, mode=mode, **PLACE)
    expected = plain_paste_all(patches, objects, 2, mode=mode)
    assert (expected != 0).any() and (expected == 0).any()
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(found == 0, expected == 0)


@SQUASHED
def test_matrices_give_what_sampling_gives(squashed: bool) -> None:
    objects = make_objects(squashed=squashed)
    patches = torch.randn(len(objects), 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for i in range(len(objects)):
        frame = objects.frame[torch.tensor([i])]
        rows, columns = window_matrices(frame, 64)
        top, bottom, left, right = frame.windows[0].tolist()
        row, column = torch.meshgrid(torch.arange(top, bottom), torch.arange(left, right), indexing="ij")
        zeros = torch.zeros(row.numel(), dtype=torch.int64)
        sampled = sample_objects(patches[i : i + 1], zeros, row.flatten(), column.flatten(), frame)
        torch.testing.assert_close((rows @ patches[i] @ columns.T).flatten(1).T, sampled, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(rows.sum(1), torch.ones(len(rows)))


def test_later_objects_own_the_pixels_they_share() -> None:
    objects = make_objects(squashed=True)
    owners = object_owners(objects.silhouettes, objects.images, objects.frame, **PLACE)
    whole = object_owners(torch.ones_like(objects.silhouettes), objects.images, objects.frame, **PLACE)
    for i in range(len(objects)):
        top, bottom, left, right = objects.frame.windows[i].tolist()
        image = int(objects.images[i])
        assert (whole[image, top:bottom, left:right] >= i).all()
        there = owners[image] == i
        assert not there[:top].any() and not there[bottom:].any()
        assert not there[:, :left].any() and not there[:, right:].any()
    for image in (0, 1):
        mine = owners[image][owners[image] >= 0]
        assert (objects.images[mine] == image).all()


def test_no_objects() -> None:
    objects = Objects.none(SIZE)
    pasted = paste_objects(torch.zeros(0, 4, 64, 64), objects.silhouettes, objects.images, objects.frame, **PLACE)
    assert pasted.shape == (2, 4, *SIZE) and not pasted.any()
    assert (object_owners(objects.silhouettes, objects.images, objects.frame, **PLACE) == -1).all()


@pytest.mark.parametrize("pixels", [1, 5 * 40 * 36])
def test_many_objects_in_pieces(pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_paste, "MASKED_AT_ONCE", pixels)
    few = make_objects(squashed=False)
    many = Objects(**{name: torch.cat([t] * 6) if isinstance(t, torch.Tensor) else t for name, t in vars(few).items()})
    owners = object_owners(many.silhouettes, many.images, many.frame, **PLACE)
    expected = object_owners(few.silhouettes, few.images, few.frame, **PLACE)
    assert torch.equal(torch.where(owners >= 0, owners - 5 * len(few), -1), expected), "only the last copy is seen"


def test_gradients_reach_the_patches() -> None:
    objects = make_objects(squashed=True, count=4)
    patches = torch.randn(4, 1, 64, 64, dtype=torch.float64, requires_grad=True)
    pasted = paste_objects(patches, objects.silhouettes, objects.images, objects.frame, **PLACE)
    (grad,) = torch.autograd.grad(pasted.sum(), patches)
    weights = [window_matrices(objects.frame[torch.tensor([i])], 64) for i in range(4)]
    owners = object_owners(objects.silhouettes, objects.images, objects.frame, **PLACE)
    for i, (rows, columns) in enumerate(weights):
        top, bottom, left, right = objects.frame.windows[i].tolist()
        mine = (owners[int(objects.images[i]), top:bottom, left:right] == i).float()
        torch.testing.assert_close(grad[i, 0].float(), rows.T @ mine @ columns, atol=1e-5, rtol=1e-5)


def test_shapes_that_do_not_fit() -> None:
    objects = make_objects(squashed=False)
    with pytest.raises(InputError, match="patches must be o c s s"):
        paste_objects(torch.zeros(12, 64, 64), objects.silhouettes, objects.images, objects.frame, **PLACE)
    with pytest.raises(InputError, match="silhouettes must be o s s"):
        object_owners(objects.silhouettes[:3], objects.images, objects.frame, **PLACE)
