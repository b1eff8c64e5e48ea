"""The example trains."""

import math


def test_it_trains(example):
    log = example("train_in_plain_pytorch").train(steps=2, width=1, batch=2)
    assert len(log) == 2 and {"gan", "kl", "d_fake"} <= log[0].keys()
    assert all(math.isfinite(loss) for losses in log for loss in losses.values())
