"""The killer of commands finds those that write in place, and lets those live that do not."""

import random

import pytest

from semsyn.testing.attack.attempt import WrongAnswer, attempt
from semsyn.testing.attack.kills import Command
from semsyn.testing.attack.kinds import slow_kinds
from tests.attack.commands import as_a_whole, gone_first, in_place, lay_out

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("run", [in_place, gone_first])
def test_what_is_torn_or_lost_is_found(run, tmp_path):
    with pytest.raises(WrongAnswer, match="neither what it was nor|is lost"):
        for seed in range(20):
            Command(lay_out, run).kill(random.Random(seed), tmp_path)


def test_a_whole_file_survives_every_kill(tmp_path):
    wrote = [Command(lay_out, as_a_whole).kill(random.Random(seed), tmp_path) for seed in range(10)]
    assert any(wrote), "some kills come while it writes"


@pytest.mark.parametrize("kind", [name for name in slow_kinds() if name.startswith("kills.")])
def test_commands_survive(kind):
    for seed in range(2):
        assert attempt(slow_kinds()[kind], kind, seed).fault is None
