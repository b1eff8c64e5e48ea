import pytest
import torch
from torch import nn

from semsyn.data.toyscenes import CLASSES
from semsyn.data.toyscenes.classes import PART_NAMES
from semsyn.evaluate import agreement
from semsyn.evaluate.agreement import count_pixels, describe_agreement, draw_pictures, measure_margin
from semsyn.evaluate.judges import Judge, Segmenter


def test_true_pictures_need_no_generator(scenes):
    judges = {"classes": Judge(Segmenter(15, (4, 4)).eval(), CLASSES)}
    with torch.inference_mode():
        found = describe_agreement(judges, count_pixels(judges, scenes))["classes"]
    assert 0 <= found["miou"] < 0.3
    assert list(found["iou"]) == list(CLASSES)


def test_perfect_parts_score_one_and_nothing_does_not_count(knowing, scenes):
    truth = scenes.parts(list(range(len(scenes))))
    perfect = Judge(knowing([truth], len(PART_NAMES)), PART_NAMES, "part_ids")
    empty = Judge(knowing([torch.zeros_like(truth)], len(PART_NAMES)), PART_NAMES, "part_ids")
    judges = {"perfect": perfect, "empty": empty}
    seen = count_pixels(judges, scenes)
    found = describe_agreement(judges, seen)
    assert found["perfect"]["miou"] == 1
    assert found["empty"]["miou"] == 0
    assert measure_margin(perfect, seen["empty"], seen["perfect"], draws=9)["margin"] == 1
    assert "" not in found["empty"]["iou"] and len(found["empty"]["iou"]) == len(PART_NAMES) - 1


def test_batches_are_counted_apart(knowing, scenes, monkeypatch):
    monkeypatch.setattr(agreement, "BATCH", 4)
    truth = scenes.batch(list(range(6)))[0].class_ids
    seen = count_pixels({"perfect": Judge(knowing(truth.split(4), 15), CLASSES)}, scenes)["perfect"]
    assert seen.shape == (2, 15, 15)
    assert seen.sum((1, 2)).tolist() == [4 * 128 * 128, 2 * 128 * 128]


def test_pictures_have_the_codes_that_were_asked_for(by_instance, scenes):
    layout, real = scenes.batch([0, 1])
    drawn = draw_pictures(by_instance, layout, [0, 1])
    assert torch.equal(drawn[1:], draw_pictures(by_instance, scenes.batch([1])[0], [1]))
    encoded = draw_pictures(by_instance, layout, [0, 1], real)
    inside = layout.instance_ids[0] == layout.instance_ids[0, 0, 0]
    torch.testing.assert_close(encoded[0, :, 0, 0], real[0][:, inside].mean(1))


def test_the_margin_comes_with_how_sure_it_is():
    judge = Judge(nn.Identity(), ("a", "b"))
    right, half = torch.tensor([[5, 0], [0, 5]]), torch.tensor([[5, 0], [5, 0]])
    found = measure_margin(judge, torch.stack([half] * 8), torch.stack([right, half] * 4))
    assert found["margin"] == pytest.approx(1 / 3, abs=1e-4)
    assert 0 <= found["interval"][0] < found["margin"] < found["interval"][1] <= 0.75
    assert measure_margin(judge, right[None], right[None]) == {"margin": 0, "interval": [0, 0]}
