"""The loop: states, reports, what stops it."""

import math

import pytest
import torch
from torch import nn

from semsyn.errors import InputError
from semsyn.train import Trainer


class Counting:
    """A run that counts."""

    def __init__(self, steps: int = 5, bad: int | None = None) -> None:
        self.step, self.steps, self.bad = 0, steps, bad
        self.given, self.shown = None, []

    def begin(self, given):
        self.given = given

    def learn_from(self, pictures):
        while self.step < self.steps:
            self.step += 1
            yield {"loss": torch.tensor(math.nan if self.step == self.bad else float(self.step))}

    def show(self, pictures, unseen, path):
        self.shown.append(path.name)

    def finished(self, pictures):
        return nn.Identity()

    def state(self):
        return {"step": self.step}

    def resume(self, state):
        if set(state) != {"step"}:
            raise ValueError("other keys")
        self.step = state["step"]


def test_it_reports_saves_and_shows(tmp_path):
    lines = []
    run = Counting()
    trainer = Trainer(run, tmp_path / "new", every=2, report=lines.append, report_every=2)
    trainer.begin({"what": tmp_path})
    assert run.given == {"what": tmp_path}
    assert isinstance(trainer.train(None, None), nn.Identity)
    assert run.shown == ["step-00002", "step-00004", "last"]
    assert [line.split()[1] for line in lines] == ["2/5", "4/5"]
    assert [line.split()[-1] for line in lines] == ["1.500", "3.500"], "means since the last line"
    assert torch.load(trainer.state_file, weights_only=True) == {"step": 4}


def test_it_goes_on_from_its_state(tmp_path):
    first = Trainer(Counting(4), tmp_path, every=2, report=lambda line: None)
    first.begin()
    first.train(None, None)
    second = Trainer(Counting(), tmp_path, every=2, report=lambda line: None)
    second.begin()
    assert second.run.step == 4 and second.run.given is None


def test_a_foreign_state_is_refused(tmp_path):
    torch.save({"other": 1}, tmp_path / "state.pt")
    with pytest.raises(InputError, match=r"state\.pt does not fit this run: other keys Train into another folder"):
        Trainer(Counting(), tmp_path).begin()


def test_a_state_of_other_networks_is_refused_in_few_words(tmp_path):
    class Other(Counting):
        def resume(self, state):
            nn.ModuleList(nn.Linear(1, 1) for _ in range(200)).load_state_dict({})

    torch.save({"step": 1}, tmp_path / "state.pt")
    with pytest.raises(InputError, match=r"Missing key.* … Train into another folder") as caught:
        Trainer(Other(), tmp_path).begin()
    assert len(str(caught.value)) < 500


def test_a_loss_that_is_no_number_stops_it_and_leaves_the_state(tmp_path):
    trainer = Trainer(Counting(bad=5), tmp_path, every=2, report=lambda line: None)
    trainer.begin()
    with pytest.raises(InputError, match=r"at step 5 \{'loss': nan\}"):
        trainer.train(None, None)
    assert torch.load(trainer.state_file, weights_only=True) == {"step": 4}
