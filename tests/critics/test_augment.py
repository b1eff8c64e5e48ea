import pytest
import torch

from semsyn.critics.augment import DRAWS, augment, augment_layout, draw_augmentation
from semsyn.errors import InputError
from semsyn.records.layout import Layout

SIZE = (16, 24)
PLAIN = (0.5, 0.5, 0.5, 0.5, 0.5, 0.999, 0.999)  # nothing but a corner's hole
K = 5


def draws(**changes):
    names = ("brightness", "saturation", "contrast", "down", "right", "hole_down", "hole_right")
    return torch.tensor([[changes.get(name, plain) for name, plain in zip(names, PLAIN, strict=True)]])


def draw_image(n=1):
    return torch.rand(n, 3, *SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1


def seen(image):
    """Without the corner that PLAIN cuts out: 4 x 6 pixels, half the hole."""
    return image[..., : SIZE[0] - 4, : SIZE[1] - 6]


def test_colours_change_as_the_paper_says():
    image = draw_image()
    torch.testing.assert_close(seen(augment(image, draws())), seen(image))
    torch.testing.assert_close(seen(augment(image, draws(brightness=0.8))), seen(image + 0.3))
    grey, mean = image.mean(1, keepdim=True), image.mean()
    torch.testing.assert_close(seen(augment(image, draws(saturation=0.0))), seen(grey.expand_as(image)))
    torch.testing.assert_close(seen(augment(image, draws(contrast=0.9))), seen((image - mean) * 1.4 + mean))


@pytest.mark.parametrize(("down", "right", "steps"), [(0.999, 0.5, (2, 0)), (0.0, 0.5, (-2, 0)), (0.5, 0.0, (0, -3))])
def test_pictures_and_maps_move_together(down, right, steps):
    image = draw_image()
    ids = torch.randint(K, (1, *SIZE), generator=torch.Generator().manual_seed(1))
    drawn = draws(down=down, right=right)
    moved = augment(image, drawn)
    layout = augment_layout(Layout(class_ids=ids, edges=ids > 2), drawn, K)
    for y in range(SIZE[0]):
        for x in range(SIZE[1]):
            at = (y - steps[0], x - steps[1])
            is_shown = 0 <= at[0] < SIZE[0] and 0 <= at[1] < SIZE[1] and not (y >= SIZE[0] - 4 and x >= SIZE[1] - 6)
            expected = image[0, :, at[0], at[1]] if is_shown else torch.zeros(3)
            torch.testing.assert_close(moved[0, :, y, x], expected)
            assert layout.class_ids[0, y, x] == (ids[0, at[0], at[1]] if is_shown else K)
            assert layout.edges[0, y, x] == (is_shown and bool(ids[0, at[0], at[1]] > 2))


def test_a_hole_is_a_square_of_half_the_sides_inside():
    image = torch.ones(1, 3, *SIZE)
    hole = augment(image, draws(hole_down=0.5, hole_right=0.5))[0, 0] == 0
    assert hole.sum() == SIZE[0] * SIZE[1] // 4
    rows, columns = hole.any(1).nonzero(), hole.any(0).nonzero()
    assert (rows.min(), rows.max()) == (4, 11) and (columns.min(), columns.max()) == (6, 17)


def test_sets_of_the_same_layouts_are_changed_alike():
    image, drawn = draw_image(2), draw_augmentation(2, torch.Generator().manual_seed(0))
    both = augment(torch.cat([image, image]), drawn)
    torch.testing.assert_close(both[:2], both[2:])
    torch.testing.assert_close(both[:1], augment(image[:1], drawn[:1]))


def test_gradients_pass_where_the_picture_is_seen():
    image = draw_image().requires_grad_()
    augment(image, draws(down=0.999)).sum().backward()
    assert (image.grad[..., :10, :16] != 0).all()
    assert torch.autograd.gradcheck(
        lambda t: augment(t, draws(down=0.0)), draw_image().double().requires_grad_(), fast_mode=True
    )


def test_draws_are_those_of_the_generator_and_checked():
    assert torch.equal(*(draw_augmentation(3, torch.Generator().manual_seed(4)) for _ in range(2)))
    with pytest.raises(InputError, match="no multiple"):
        augment(draw_image(3), torch.rand(2, DRAWS))
    with pytest.raises(InputError, match="draws must be"):
        augment(draw_image(), torch.rand(1, 3))
