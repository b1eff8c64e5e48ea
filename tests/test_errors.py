from pathlib import Path

import pytest
import torch

from semsyn.errors import (
    CheckpointError,
    HubError,
    InputError,
    InputTypeError,
    MissingExtraError,
    SemsynError,
    UnknownNameError,
    check_shape,
    list_some,
    printable,
)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (InputError("x"), ValueError),
        (InputTypeError("x"), TypeError),
        (CheckpointError("x"), ValueError),
        (UnknownNameError("family", "x", ["y"]), LookupError),
        (HubError("x"), OSError),
        (MissingExtraError("triton", "triton"), ImportError),
    ],
)
def test_each_is_caught_as_ours_and_as_the_builtin(error: Exception, builtin: type[Exception]) -> None:
    assert isinstance(error, SemsynError) and isinstance(error, builtin)


def test_an_unknown_name_is_met_with_the_nearest_ones() -> None:
    assert str(UnknownNameError("model", "clade/toyscene", ["clade/toyscenes", "xyz"])) == (
        "unknown model 'clade/toyscene'; did you mean clade/toyscenes?"
    )


def test_without_a_near_name_all_are_listed_up_to_twelve() -> None:
    assert str(UnknownNameError("norm", "qqq", ["batch", "instance"])).endswith("known: batch, instance")
    message = str(UnknownNameError("norm", "qqq", [f"name{i}" for i in range(20)]))
    assert "name11 …" in message and "name12" not in message


def test_a_missing_extra_says_what_to_install() -> None:
    assert "pip install 'semsyn[export]'" in str(MissingExtraError("onnx", "export"))


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5), (2, 3, 5)])
def test_a_wrong_shape_names_axes_sizes_and_what_was_found(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as caught:
        check_shape(torch.zeros(shape), "n h w", name="class_ids", h=3, w=4)
    assert str(caught.value) == f"class_ids must be n h w = (n 3 4), found shape {shape}."


def test_a_fitting_shape_passes() -> None:
    check_shape(torch.zeros(2, 3, 4), "n h w", name="x", h=3, w=4)
    check_shape(torch.zeros(0, 3, 4), "n h w", name="x")


def test_nothing_printable_steers_a_terminal():
    every = "".join(map(chr, range(0x3000))) + "\ud800\udfffä字😀"
    shown = printable(every)
    assert all(c.isprintable() or c.isspace() or ord(c) > 0x9F for c in shown)
    assert not set("\x00\n\r\x1b\x7f\x85\x9b\u200f\u2028\u202e\u2066\ud800") & set(shown)
    assert shown.endswith("ä字😀")
    assert printable("a\x1bb") == "a\\u001bb"
    assert printable(Path("a\nb")) == "a\\u000ab"


def test_many_texts_are_cut_short():
    assert list_some(["a", "b"]) == "a, b"
    assert list_some([*"abcdef"]) == "a, b, c, d and 2 more"
    assert list_some(["abc", "d"], shown=1, longest=2) == "ab and 1 more"
