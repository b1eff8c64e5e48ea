"""OASIS' adversarial losses: the cross-entropy of a segmentation into the classes and "fake"."""

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import check_ids, without
from semsyn.signature import checked


@checked(num_classes=0)
def class_weights(class_ids: Tensor, num_classes: int, *, void: int | None = 0, counts: Tensor | None = None) -> Tensor:
    r"""The inverse frequency of each class in a batch.

    .. math:: w_c = \frac{N}{n_c\,m}

    with n_c the pixels of class c, m the number of classes that occur, N all pixels. Absent classes and void get 0.

    Args:
        class_ids: n h w in [0, k]; k, no class, does not count.
        num_classes: k.
        void: class whose pixels do not count; None: there is none.
        counts: k + 1, the pixels of each class and of none in the whole batch, where class_ids are those of a part
            (`count_classes`).

    Returns:
        k, float32.

    Raises:
        InputTypeError: unless class_ids are integers.
        InputError: for an id outside of [0, k] (see `semsyn.checks`).
    """
    check_ids(class_ids, num_classes, name="class_ids")
    if counts is None:
        found, pixels = count_classes(class_ids, num_classes), class_ids.numel()
    else:
        check_shape(counts, "c", name="counts", c=num_classes + 1)
        found, pixels = counts.to(class_ids.device), int(counts.sum())
    counts = found[:num_classes].float()
    if void is not None and not 0 <= void < num_classes:
        raise InputError(f"void must be a class in [0, {num_classes}), or None, found {void}.")
    if void is not None:
        counts[void] = 0
    present = counts > 0
    weights = pixels / (counts * present.sum()).where(present, 1)
    return weights.where(present, 0)


def count_classes(class_ids: Tensor, num_classes: int) -> Tensor:
    """The pixels of each class, and at last of no class: k + 1, int64.

    Args:
        class_ids: any shape, in [0, k]; ids outside count as no class.
        num_classes: k.
    """
    ids = without(class_ids, None, num_classes)
    return torch.bincount(ids.flatten(), minlength=num_classes + 1)


@checked(floats="logits")
def segmentation_loss(
    logits: Tensor,
    class_ids: Tensor,
    *,
    is_balanced: bool = True,
    void: int | None = 0,
    counts: Tensor | None = None,
) -> Tensor:
    r"""What a discriminator pays on true pictures, and a generator on its own: they should show their label map.

    .. math:: \operatorname{mean}_{nhw} w_k \operatorname{CE}(\text{logits}_{nhw}, k + 1), \qquad
        k = \text{class\_ids}_{nhw}

    The mean is over all pixels, void ones included. Weights are those of the batch that is given, or of ``counts``.
    As released, each process of a distributed training has its own.

    Args:
        logits: n (k + 1) h w, "fake" first.
        class_ids: n h w in [0, k]; k, no class, costs nothing.
        is_balanced: weigh classes by `class_weights`; else every class by 1, void too.
        void: class that costs nothing where the classes are balanced; None: there is none.
        counts: see `class_weights`.

    Raises:
        InputError: if the sizes differ, or an id is outside of [0, k] (see `semsyn.checks`).
        InputTypeError: unless class_ids are integers.

    Reference: Sushko et al., arXiv:2012.04781, eq. 1 and 2.
    """
    check_shape(logits, "n c h w", name="logits")
    n, channels, h, w = logits.shape
    check_shape(class_ids, "n h w", n=n, h=h, w=w, name="class_ids")
    num_classes = channels - 1
    if num_classes < 1:
        raise InputError(f"logits has {channels} channels: one of them is 'fake', so there must be at least two.")
    check_ids(class_ids, num_classes, name="class_ids")
    class_ids = without(class_ids, None, num_classes)
    weights = (
        class_weights(class_ids, num_classes, void=void, counts=counts).to(logits.dtype)
        if is_balanced
        else logits.new_ones(num_classes)
    )
    # The weights of cross_entropy are those of its targets: "fake" first, which is no target here, and for no class.
    targets = torch.where(class_ids < num_classes, class_ids + 1, 0)
    return F.cross_entropy(logits, targets, weight=F.pad(weights, (1, 0)), reduction="sum") / class_ids.numel()


@checked(floats="logits")
def fake_segmentation_loss(logits: Tensor) -> Tensor:
    """What a discriminator pays on generated pictures: every pixel should be "fake", whatever its class.

    Args:
        logits: n (k + 1) h w, "fake" first.

    Raises:
        InputError: for logits of another shape.
    """
    check_shape(logits, "n c h w", name="logits")
    n, _, h, w = logits.shape
    return F.cross_entropy(logits, torch.zeros(n, h, w, dtype=torch.int64, device=logits.device))
