import pytest
import torch

from semsyn.bench.memory import peak_bytes

MEBI = 2**20


def test_the_worst_moment_counts(device):
    def steps():
        a = torch.ones(MEBI, device=device)  # 4 MiB
        b = a + 1  # 8 MiB
        del a
        c = b[: MEBI // 2] * 2  # 6 MiB
        return c

    assert peak_bytes(steps, device) == pytest.approx(8 * MEBI, abs=4096)


def test_what_lives_before_does_not_count(device):
    held = [torch.ones(MEBI, device=device)]

    def replace():
        held.append(torch.ones(MEBI, device=device))
        held.pop(0)
        return held[0].sum()

    assert peak_bytes(replace, device) == pytest.approx(4 * MEBI, abs=4096)
