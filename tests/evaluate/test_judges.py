from functools import partial

import pytest
import torch

from semsyn.data.toyscenes import CLASSES
from semsyn.data.toyscenes.cache import load_scenes
from semsyn.data.toyscenes.classes import PART_NAMES
from semsyn.errors import CheckpointError, InputError
from semsyn.evaluate.judges import Judge, Segmenter, load_judge, train_judge


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr("semsyn.evaluate.judges.Segmenter", partial(Segmenter, widths=(4, 6)))


def test_a_judge_is_always_the_same_and_disturbs_no_draws(scenes):
    torch.manual_seed(7)
    first = train_judge(scenes, CLASSES, steps=2, batch=2)
    after = torch.rand(3)
    torch.manual_seed(8)
    second = train_judge(scenes, CLASSES, steps=2, batch=2)
    torch.testing.assert_close(first.network.state_dict(), second.network.state_dict(), rtol=0, atol=0)
    torch.manual_seed(7)
    assert torch.equal(after, torch.rand(3))
    assert not first.network.training


def test_losses_fall_and_are_told(scenes):
    losses = []
    train_judge(scenes, CLASSES, steps=12, batch=2, on_step=losses.append)
    assert len(losses) == 12 and losses[-1] < losses[0]


def test_a_judge_of_parts_weighs_rare_ones_up(scenes, monkeypatch):
    weights = []
    cross_entropy = torch.nn.functional.cross_entropy

    def spy(logits, truth, weight, **options):
        weights.append(weight)
        return cross_entropy(logits, truth, weight, **options)

    monkeypatch.setattr("semsyn.evaluate.judges.F.cross_entropy", spy)
    train_judge(scenes, CLASSES, steps=1, batch=2)
    train_judge(scenes, PART_NAMES, field="part_ids", steps=1, batch=2)
    counts = torch.bincount(scenes.parts(list(range(6))).flatten(), minlength=len(PART_NAMES))
    assert weights[0] is None
    present = counts > 0
    assert weights[1].where(present, torch.inf).argmin() == counts.argmax()
    assert bool((weights[1][~present] == 0).all())


def test_parts_cannot_be_learned_without_parts(tmp_path):
    with pytest.raises(InputError, match="has_parts=True"):
        train_judge(load_scenes(tmp_path, "val", 2), PART_NAMES, field="part_ids", steps=1)


def test_a_file_gives_the_same_judge(scenes, tmp_path):
    judge = train_judge(scenes, CLASSES, steps=2, batch=2)
    judge.save(tmp_path / "new" / "judge.pt")
    again = load_judge(tmp_path / "new" / "judge.pt", CLASSES)
    image = scenes.batch([0])[1]
    with torch.inference_mode():
        assert torch.equal(again.network(image), judge.network(image))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["judge.pt"]


def test_other_files_are_refused(scenes, tmp_path):
    Judge(Segmenter(15, (4, 6)), CLASSES).save(tmp_path / "judge.pt")
    (tmp_path / "text.pt").write_text("no weights")
    (tmp_path / "empty.pt").touch()
    torch.save([1, 2], tmp_path / "list.pt")
    for name, names in (("judge.pt", PART_NAMES), ("text.pt", CLASSES), ("empty.pt", CLASSES), ("list.pt", CLASSES)):
        with pytest.raises(CheckpointError, match="holds no segmenter of"):
            load_judge(tmp_path / name, names)


def test_figures_leave_out_nothing_and_what_does_not_occur():
    judge = Judge(torch.nn.Identity(), ("", "a", "b", "c"))
    confusion = torch.tensor([[9, 0, 0, 0], [0, 3, 1, 0], [0, 0, 2, 0], [0, 0, 0, 0]])
    found = judge.figures(confusion)
    assert list(found["iou"]) == ["a", "b", "c"]
    assert found["iou"]["a"] == 0.75 and found["iou"]["b"] == round(2 / 3, 4)
    assert found["iou"]["c"] != found["iou"]["c"]
    assert found["miou"] == round((3 / 4 + 2 / 3) / 2, 4)
    nothing = judge.figures(torch.zeros(4, 4, dtype=torch.int64))["miou"]
    assert nothing != nothing
