import pytest

from semsyn.bench.training import bench_training
from semsyn.errors import InputError, UnknownNameError

SMALL = {"width": 2, "image_size": (32, 32), "rounds": 1, "batch": 2, "vgg_widths": (2, 2, 2, 2)}


@pytest.mark.parametrize("card", ["spade/facades", "inade/celeba"])
def test_a_row_per_backend(card):
    plain, eager = bench_training([card], **SMALL)
    assert (plain.backend, eager.backend) == ("plain", "eager")
    assert (eager.mode, eager.batch, eager.case) == ("training", 2, card)
    assert plain.max_error == 0 and eager.max_error < 2e-3
    assert plain.peak_bytes > 0 and eager.peak_bytes > 0


def test_checkpointing_is_a_backend():
    (row,) = bench_training(["clade/ade20k"], ["checkpointed"], **SMALL)
    assert (row.backend, row.mode) == ("checkpointed", "training") and row.max_error < 2e-3


def test_a_wrong_step_is_not_timed(monkeypatch):
    monkeypatch.setattr("semsyn.bench.training.plain_forward", lambda g, layout, style: g(layout, style) * 0.9)
    with pytest.raises(InputError, match="the first step with 'eager' differs"):
        list(bench_training(["clade/ade20k"], ["eager"], **SMALL))


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(UnknownNameError, match="unknown backend 'fused'"):
        list(bench_training(["spade/facades"], ["fused"], **SMALL))
    with pytest.raises(InputError, match="names of cards alone"):
        list(bench_training(["spade/facades@8"], ["eager"], **SMALL))
