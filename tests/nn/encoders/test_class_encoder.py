"""The encoder of class codes: what its docstring says, option by option."""

import pytest
import torch

from semsyn.errors import InputError, InputTypeError
from semsyn.nn import ClassEncoder
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior
from semsyn.testing.plain.clvae import plain_class_encode

CLASSES = 4


def make_encoder(**options) -> ClassEncoder:
    torch.manual_seed(0)
    encoder = ClassEncoder(CLASSES, 3, width=2, code_dim=5, **{"size": 128, **options})
    for name, parameter in encoder.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    return encoder.eval()


def make_inputs(size: tuple[int, int] = (128, 128)) -> tuple[torch.Tensor, Layout]:
    """Class 2 is nowhere, class 3 in the second map alone; a pixel of 1 falls through the coarser levels."""
    h, w = size
    ids = torch.zeros(2, h, w, dtype=torch.int64)
    ids[0, : h // 2] = 4  # no class
    ids[0, h // 2 + 4, 4] = 1
    ids[1, : h // 2] = 3
    return torch.rand(2, 3, h, w, generator=torch.Generator().manual_seed(1)) * 2 - 1, Layout(class_ids=ids)


def assert_same(found: Posterior, expected: Posterior) -> None:
    for name in ("start", "classes"):
        for field in ("mu", "logvar"):
            torch.testing.assert_close(
                getattr(found[name], field), getattr(expected[name], field), rtol=1e-4, atol=1e-5
            )
    assert torch.equal(found["classes"].valid, expected["classes"].valid)
    assert torch.equal(found["classes"].seen, expected["classes"].seen)


@pytest.mark.parametrize("size", [(128, 128), (64, 64), (96, 192), (300, 200)])
def test_it_is_the_looped_form(size: tuple[int, int]) -> None:
    encoder, inputs = make_encoder(), make_inputs(size)
    assert_same(encoder(*inputs), plain_class_encode(encoder, *inputs, 0))


def test_what_a_picture_lacks_is_the_prior_and_told() -> None:
    image, layout = make_inputs()
    classes = make_encoder()(image, layout)["classes"]
    assert classes.mu.shape == classes.logvar.shape == (2, CLASSES, 5, 3) and classes.per == "class"
    assert classes.valid.tolist() == [[True, True, False, False], [True, False, False, True]]
    assert classes.seen[0, 1].tolist() == [True, True, False, False, False], "one pixel at a multiple of 4"
    for t in (classes.mu, classes.logvar):
        assert not t[~classes.seen].any() and t[classes.seen].all()


def test_a_class_is_told_by_its_pixels_alone() -> None:
    encoder, (image, layout) = make_encoder(), make_inputs()
    renamed = Layout(class_ids=layout.class_ids.where(layout.class_ids != 0, 2))
    torch.testing.assert_close(encoder(image, renamed)["classes"].mu[:, 2], encoder(image, layout)["classes"].mu[:, 0])


def test_a_picture_does_not_depend_on_its_batch() -> None:
    encoder, (image, layout) = make_encoder(), make_inputs()
    together, alone = encoder(image, layout)["classes"].mu, encoder(image[:1], layout[:1])["classes"].mu
    torch.testing.assert_close(together[:1], alone)


def test_gradients_reach_every_parameter() -> None:
    encoder = make_encoder().train()
    sum((g.mu * 2 + g.logvar).square().sum() for g in encoder(*make_inputs()).values()).backward()
    assert all(p.grad is not None and p.grad.any() for p in encoder.parameters())


@pytest.mark.parametrize("size", [0, 64, 100, 200])
def test_sizes_it_cannot_work_at(size: int) -> None:
    with pytest.raises(InputError, match=f"multiple of 64 from 128, found {size}"):
        make_encoder(size=size)


def test_what_does_not_fit_is_told() -> None:
    encoder, (image, layout) = make_encoder(), make_inputs()
    with pytest.raises(InputTypeError, match="its own Layout|own Layout, found none"):
        encoder(image)
    with pytest.raises(InputError, match="image must be"):
        encoder(image[:1], layout)
    with pytest.raises(InputError, match="class_ids holds 9"):
        encoder(image, Layout(class_ids=layout.class_ids.where(layout.class_ids != 3, 9)))


def test_it_is_traced_without_a_look_at_the_classes() -> None:
    encoder, (image, layout) = make_encoder(), make_inputs()
    with torch.device("meta"):
        shapes = ClassEncoder(CLASSES, 3, width=2, code_dim=5, size=128)(
            image.to("meta"), Layout(class_ids=layout.class_ids.to("meta"))
        )
    assert shapes["classes"].mu.shape == (2, CLASSES, 5, 3)
    gradients = torch.func.grad(lambda x: encoder(x, layout)["classes"].mu.sum())(image)
    image.requires_grad_()
    encoder(image, layout)["classes"].mu.sum().backward()
    torch.testing.assert_close(gradients, image.grad, atol=1e-5, rtol=1e-4)
