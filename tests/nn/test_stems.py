from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn import Codes, Style
from semsyn.errors import InputError
from semsyn.nn.stems import LabelStem, LatentStem, StyleImageStem, ToImage
from semsyn.records.condition import Condition
from semsyn.testing.plain.maps import one_hot


@pytest.mark.parametrize("has_edges", [True, False])
@pytest.mark.parametrize("num_planes", [0, 2])
@pytest.mark.parametrize("size", [(1, 1), (4, 7)])
def test_a_label_stem_convolves_the_map_at_any_size(has_edges: bool, num_planes: int, size: tuple[int, int]) -> None:
    stem = LabelStem(3, 5, has_edges=has_edges, num_planes=num_planes)
    ids, edges, planes = torch.randint(4, (2, *size)), torch.rand(2, *size) > 0.5, torch.randn(2, 2, *size)
    cond = Condition(class_ids=ids, edges=edges, planes=planes)
    dense = torch.cat([one_hot(ids, 3), *([edges[:, None]] if has_edges else []), planes[:, :num_planes]], 1)
    expected = F.conv2d(dense, stem.conv.weight, stem.conv.bias, padding=1)
    torch.testing.assert_close(stem(cond, Style({})), expected)
    assert stem.reads == ("class_ids", *["edges"] * has_edges, *["planes"] * (num_planes > 0))


def test_a_latent_stem_lays_its_code_out_as_channels_rows_columns() -> None:
    stem, code = LatentStem(4, 5, (2, 3)), torch.randn(3, 4)
    cond = Condition(class_ids=torch.zeros(3, 2, 3, dtype=torch.int64))
    style = Style({"start": Codes(table=code[:, None])})
    torch.testing.assert_close(stem(cond, style), stem.linear(code).reshape(3, 5, 2, 3))
    assert stem(cond, style.to(dtype=torch.float64)).dtype == torch.float32
    with pytest.raises(InputError, match=r"codes 'start', which the style lacks.*sample_style"):
        stem(cond, Style({}))
    with pytest.raises(InputError, match=r"'start' of 3 pictures must be n 4, found a table of shape \(2, 1, 4\)"):
        stem(cond, style.images(slice(2)))
    with pytest.raises(InputError, match=r"a code at \(2, 3\), so its picture size is fixed; found \(4, 6\)"):
        stem(cond.resized((4, 6)), style)


def test_a_style_image_is_brought_to_the_size_of_the_stem() -> None:
    stem, picture = StyleImageStem(3, 5), torch.randn(2, 3, 8, 12)
    cond = Condition(class_ids=torch.zeros(2, 4, 4, dtype=torch.int64))
    small = picture[:, :, [0, 2, 4, 6]][..., [0, 3, 6, 9]]
    style = Style({"start": Codes(table=picture, per="pixel")})
    torch.testing.assert_close(stem(cond, style), stem.conv(small))
    with pytest.raises(
        InputError, match=r"starts from a picture that gives the look.*generator.style\(start=picture\)"
    ):
        stem(cond, Style({}))
    with pytest.raises(InputError, match=r"'start' of 2 pictures must be n 3 h w, found .* \(1, 3, 8, 12\)"):
        stem(cond, style.images(slice(1)))
    with pytest.raises(InputError, match="'start' may be given per pixel, not per image"):
        stem(cond, Style({"start": Codes(table=torch.zeros(2, 1, 3))}))


@pytest.mark.parametrize("activation", [torch.tanh, F.hardtanh])
def test_pictures_lie_between_minus_one_and_one(activation: Callable[[Tensor], Tensor]) -> None:
    head, x = ToImage(4, activation=activation), 100 * torch.randn(2, 4, 5, 6)
    picture = head(x)
    assert picture.shape == (2, 3, 5, 6) and picture.abs().max() <= 1
    torch.testing.assert_close(picture, activation(head.conv(F.leaky_relu(x, 0.2))))
