"""The loop: states, reports, what is measured and kept, what stops it."""

import json
import math

import pytest
import torch
from torch import nn

from semsyn.errors import InputError
from semsyn.train import Trainer
from semsyn.train.trainer import Best


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
        return nn.Identity()

    def finished(self, pictures):
        return nn.Identity()

    def state(self):
        return {"step": self.step}

    def resume(self, state):
        if set(state) != {"step"}:
            raise ValueError("other keys.")
        self.step = state["step"]

    def evidence(self):
        return {"names": ["a.png"]}


def quiet(run, folder, **options):
    return Trainer(run, folder, **{"every": 2, "report": lambda line: None, **options})


def read_state(trainer):
    return torch.load(trainer.state_file, weights_only=True)


def read_log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_it_reports_saves_and_shows(tmp_path):
    lines = []
    run = Counting()
    trainer = quiet(run, tmp_path / "new", report=lines.append, report_every=2)
    trainer.begin({"what": tmp_path})
    assert run.given == {"what": tmp_path}
    assert isinstance(trainer.train(None, None), nn.Identity)
    assert run.shown == ["step-00002", "step-00004", "last"]
    assert [line.split()[1] for line in lines] == ["2/5", "4/5", "5/5"]
    assert [line.split()[-1] for line in lines] == ["1.500", "3.500", "5.000"], "means since the last line"
    assert all("left: loss" in line for line in lines)
    assert read_state(trainer)["run"] == {"step": 5}
    records = read_log(tmp_path / "new")
    assert [r["step"] for r in records] == [2, 4, 5] and records[1]["losses"] == {"loss": 3.5}
    assert all(r["seconds"] > 0 and r["memory"] > 2**20 and r["steps"] == 5 for r in records)


def test_it_goes_on_from_its_state(tmp_path):
    first = quiet(Counting(4), tmp_path)
    first.begin()
    first.train(None, None)
    second = quiet(Counting(), tmp_path)
    second.begin()
    assert second.run.step == 4 and second.run.given is None


def test_a_log_forgets_what_is_done_again(tmp_path):
    lines = [json.dumps({"step": step, "losses": {}}) for step in (1, 2, 3)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + '\n{"step": 4, "lo')  # killed while it wrote
    run = Counting()
    run.step = 2
    quiet(run, tmp_path, report_every=1).train(None, None)
    assert [r["step"] for r in read_log(tmp_path)] == [1, 2, 3, 4, 5]


def test_the_best_is_kept_and_known_after_a_stop(tmp_path):
    def run(steps):
        kept, figures = [], {2: 3.0, 4: 1.0, 6: math.nan, 8: 2.0, 9: 0.5}
        run = Counting(steps)
        trainer = quiet(
            run,
            tmp_path,
            evaluation=lambda network, unseen: {"kid": figures[run.step], "other": 0.0},
            best=Best(figure="kid"),
            keep=lambda network, which: kept.append((run.step, which)),
        )
        trainer.begin()
        trainer.train(None, None)
        return kept, trainer

    kept, trainer = run(4)
    assert kept == [(2, "best"), (2, "last"), (4, "best"), (4, "last")]
    assert read_state(trainer)["best"] == {"kid": 1.0, "other": 0.0}
    kept, trainer = run(9)
    assert kept == [(6, "last"), (8, "last"), (9, "best"), (9, "last")]
    records = [r for r in read_log(tmp_path) if "evaluation" in r]
    assert [r["evaluation"]["kid"] for r in records] == [3.0, 1.0, None, 2.0, 0.5]


def test_the_highest_may_be_best():
    best = Best(figure="miou", is_lower=False)
    assert best.beats({"miou": 0.5}, {"miou": 0.4}) and not best.beats({"miou": 0.3}, {"miou": 0.4})
    with pytest.raises(InputError, match="finds kid, but no miou"):
        best.beats({"kid": 1.0}, None)


def test_a_foreign_state_is_refused(tmp_path):
    torch.save({"about": {}, "best": None, "run": {"other": 1}}, tmp_path / "state.pt")
    with pytest.raises(InputError, match=r"state\.pt does not fit this run: other keys\. Train into another folder"):
        Trainer(Counting(), tmp_path).begin()
    torch.save({"step": 1}, tmp_path / "state.pt")
    with pytest.raises(InputError, match="it is no state of a training"):
        Trainer(Counting(), tmp_path).begin()


def test_a_state_of_another_recipe_is_refused_by_what_differs(tmp_path):
    about = {"recipe": "clade/toyscenes", "batch": 4}
    first = quiet(Counting(), tmp_path, about=about)
    first.save()
    with pytest.raises(InputError, match="its recipe is clade/toyscenes, here it is oasis/toyscenes; its seed is None"):
        quiet(Counting(), tmp_path, about={**about, "recipe": "oasis/toyscenes", "seed": 1}).begin()
    quiet(Counting(), tmp_path, about=about).begin()


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\x03\x04"])
def test_a_damaged_state_is_refused(tmp_path, content):
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"state\.pt is damaged, or no state of a training"):
        Trainer(Counting(), tmp_path).begin()


def test_a_state_of_other_networks_is_refused_in_few_words(tmp_path):
    class Other(Counting):
        def resume(self, state):
            nn.ModuleList(nn.Linear(1, 1) for _ in range(200)).load_state_dict({})

    torch.save({"about": {}, "best": None, "run": {"step": 1}}, tmp_path / "state.pt")
    with pytest.raises(InputError, match=r"Missing key.* … Train into another folder") as caught:
        Trainer(Other(), tmp_path).begin()
    assert len(str(caught.value)) < 500


def test_a_loss_that_is_no_number_stops_it_and_leaves_state_and_batch(tmp_path):
    trainer = quiet(Counting(bad=5), tmp_path)
    trainer.begin()
    with pytest.raises(InputError, match=r"at step 5 \{'loss': nan\}.*The batch is in bad-step-00005\.pt"):
        trainer.train(None, None)
    assert read_state(trainer)["run"] == {"step": 4}
    found = torch.load(tmp_path / "bad-step-00005.pt", weights_only=True)
    assert found["names"] == ["a.png"] and math.isnan(found["losses"]["loss"])


def test_a_disk_that_fills_up_leaves_the_old_state(tmp_path, monkeypatch):
    trainer = quiet(Counting(), tmp_path)
    trainer.begin()

    def save(state, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    trainer.save()
    old = trainer.state_file.read_bytes()
    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(InputError, match=r"state\.pt cannot be written: No space left"):
        trainer.train(None, None)
    assert trainer.state_file.read_bytes() == old
    assert sorted(p.name for p in tmp_path.iterdir()) == ["state.pt"]
